"""`python -m bench`: run the benchmark, write the report to build/bench, say which targets are reached.

`python -m bench profile` shows instead where one worker of Casino spends its time under load.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from bench.machine import choose_cores, raise_open_files
from bench.plot import draw
from bench.product import HERE, PRODUCTS
from bench.profile import profile
from bench.report import markdown
from bench.results import Results
from bench.run import Run, encode, installed, say, scenarios
from bench.scenarios.scenario import Setting
from bench.targets import Verdict, judge_all

CHECKOUT = HERE.parent
SECONDS, QUICK_SECONDS = 6.0, 2.0
ROUNDS = 3


def parse(words: Sequence[str]) -> argparse.Namespace:
    names = [scenario.name for scenario in scenarios()]
    parser = argparse.ArgumentParser(prog="bench", description="Measure Casino beside its peers.")
    parser.add_argument("command", nargs="?", choices=("run", "profile"), default="run")
    parser.add_argument("--quick", action="store_true", help="one short round: a look, not a result")
    parser.add_argument("--only", type=comma, metavar="NAMES", help=f"scenarios, of: {', '.join(names)}")
    parser.add_argument("--peers", type=comma, metavar="NAMES", help="products beside Casino (default: all installed)")
    parser.add_argument("--without-casino", action="store_true", help="peers alone")
    parser.add_argument("--rounds", type=int, help=f"interleaved rounds (default {ROUNDS})")
    parser.add_argument("--seconds", type=float, help=f"length of one measurement (default {SECONDS:.0f})")
    parser.add_argument("--out", type=Path, default=CHECKOUT / "build" / "bench", help="folder of the report")
    parser.add_argument("--publish", action="store_true", help="write docs/benchmarks.md and docs/benchmarks.svg too")
    parser.add_argument("--json", action="store_true", help="print the results instead of the report")
    options = parser.parse_args(words)
    known(parser, options.only or [], names)
    known(parser, options.peers or [], [product.name for product in PRODUCTS])
    return options


def comma(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def known(parser: argparse.ArgumentParser, given: Sequence[str], names: Sequence[str]) -> None:
    for name in given:
        if name not in names:
            parser.error(f"unknown: {name}; one of {', '.join(names)}")


def stop(number: int, _frame: FrameType | None) -> None:
    """End as Ctrl-C does, so that every child is stopped on the way out."""
    raise SystemExit(128 + number)


def wanted(options: argparse.Namespace) -> list[str]:
    peers = options.peers if options.peers is not None else [product.name for product in PRODUCTS[1:]]
    return [*([] if options.without_casino else ["casino"]), *peers]


def measure(options: argparse.Namespace) -> Results:
    """Run what was asked for; what was measured before Ctrl-C is kept."""
    setting = Setting(
        cores=choose_cores(),
        seconds=options.seconds or (QUICK_SECONDS if options.quick else SECONDS),
        quick=options.quick,
    )
    raise_open_files()
    products, missing = installed(wanted(options), PRODUCTS)
    for name, reason in missing.items():
        say(f"{name} is left out: {reason}")
    chosen = [scenario for scenario in scenarios() if not options.only or scenario.name in options.only]
    run = Run(setting, products, rounds=options.rounds or (1 if options.quick else ROUNDS))
    try:
        run.measure(chosen)
    except KeyboardInterrupt:
        say("stopped: the report holds what was measured so far")
    return run.results()


def publish(results: Results, folder: Path, name: str) -> None:
    """Write report and picture side by side."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / f"{name}.svg"
    shown = draw(results, picture, *([] if name == "benchmarks" else [folder / f"{name}.png"]))
    (folder / f"{name}.md").write_text(markdown(results, plot=picture.name if shown else None))


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; 1 when a target was missed or nothing was measured."""
    options = parse(sys.argv[1:] if words is None else words)
    signal.signal(signal.SIGTERM, stop)
    if options.command == "profile":
        return profile(seconds=options.seconds or SECONDS)
    results = measure(options)
    publish(results, options.out, "report")
    (options.out / "results.json").write_bytes(encode(results))
    if options.publish:
        publish(results, CHECKOUT / "docs", "benchmarks")
    sys.stdout.write(encode(results).decode() if options.json else markdown(results))
    say(f"report: {options.out / 'report.md'}")
    missed = any(line.verdict is Verdict.FAIL for line in judge_all(results))
    return 1 if missed or not results.samples else 0


if __name__ == "__main__":
    sys.exit(main())
