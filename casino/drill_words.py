"""The words of `casino drill`."""

import argparse
from pathlib import Path

LEAST_SCALE = 1 / 60
"""Four scrapes a second: what a Prometheus and a gateway in Python do without sweat."""
_EXAMPLES = """\
examples:
  casino drill --all                                 every alert of examples/casino.yaml: about 20 minutes
  casino drill --list                                what is broken, which alerts that sets off, and what cannot be drilled
  casino drill GatewayUpstreamDown                   whatever sets off this alert
  casino drill bridge-dead alertmanager-dead         two faults, by their names
  casino drill dice-slow --time-scale 0.1            rules ten times as fast instead of twenty times
  casino drill --all --json > drill.json             for a machine

exit codes: 0 every alert fired, paged and resolved, 1 one did not, 2 unusable input or a missing program
"""
DRILL = {"summary": "break a local stack for real, and time every alert", "examples": _EXAMPLES}


def add_drill(command: argparse.ArgumentParser, spec: Path) -> None:
    """Add what the command takes."""
    command.add_argument("names", metavar="NAME", nargs="*", help="faults, or alerts, by name")
    command.add_argument("--all", action="store_true", help="every fault")
    command.add_argument("--list", action="store_true", help="print the faults and their alerts, and break nothing")
    command.add_argument("--json", action="store_true", help="print the outcome for a machine, and no progress")
    command.add_argument("--spec", metavar="FILE", type=Path, default=spec, help=f"(default: {spec})")
    command.add_argument("--stage", metavar="NAME", help="merge stages/NAME.yaml")
    command.add_argument(
        "--time-scale", metavar="X", type=_scale,
        help="how long durations of rules are, from 1/60 to 1 (default: 1/20; 1/60 where days are watched)",
    )  # fmt: skip


def run_drill(arguments: argparse.Namespace) -> int:
    """Drill, or say what could be."""
    from casino.drill.main import UNUSABLE, Wish, drill  # noqa: PLC0415 - what a command needs is imported when it runs

    if not (arguments.names or arguments.all or arguments.list):
        print("casino drill: say what to break: --all, or names of faults or alerts (see --list)")
        return UNUSABLE
    return drill(
        Wish(
            path=arguments.spec,
            stage=arguments.stage,
            names=() if arguments.all else tuple(arguments.names),
            scale=arguments.time_scale,
            as_json=arguments.json,
            list=arguments.list,
        )
    )


def _scale(text: str) -> float:
    over, _, under = text.partition("/")
    scale = float(over) / float(under or 1)
    if not LEAST_SCALE <= scale <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 1/60 and 1")
    return scale
