"""The command line: parses, calls one function, returns its exit code: 0 fine, 1 a finding, 2 unusable input.

What a command needs is imported when it runs, so that `casino check` in an editor's save hook starts at once.
"""

import argparse
import errno
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from casino.alert_words import add_actions
from casino.command import Commands, add_command
from casino.drill_words import DRILL, add_drill, run_drill
from casino.exits import UNUSABLE
from casino.page_words import add_bridge, add_pagerduty, provision, serve_bridge
from casino.spec_words import add_spec

DEMO = Path("examples/casino.yaml")
BENCH_FOLDER = Path(__file__).parents[1] / "bench"
LOAD_PER_SECOND = 20.0
MOST_LOAD_PER_SECOND = 10_000.0
"""More than one client in Python sends."""
INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""

CHECK = """\
examples:
  casino check                                       casino.yaml in this folder
  casino check examples/casino.yaml --stage prod     with the overlay examples/stages/prod.yaml
  casino check specs/ --strict                       a folder of files; warnings count, too
  casino check --print --stage test                  the merged spec in its long form
  casino check --request 'GET /cards/5' -H 'X-Beta: 1'    what would happen to this request

exit codes: 0 fine, 1 errors (with --strict warnings, too), 2 not usable as YAML
"""
SCHEMA = """\
examples:
  casino schema > casino.schema.json                 for files that hold a whole spec
  casino schema --overlay > stage.schema.json        for stages/*.yaml
  casino schema --markdown                           the tables of docs/spec.md

exit codes: 0 fine
"""
SERVE = """\
examples:
  casino serve casino.yaml --stage prod              runs until SIGTERM or SIGINT, then drains
  casino serve casino.yaml --stage prod --upgrade    replaces the running gateway without losing a request

exit codes: 0 it was told to stop, and has drained, 1 it could not start, or not replace the running one,
2 not usable as YAML, or --run-dir is a folder of something else
"""
BUILD = """\
examples:
  casino build casino.yaml --stage prod              write Prometheus' and Alertmanager's files below build/
  casino build casino.yaml --check                   exit with 1 if build/ is not what the spec says

exit codes: 0 fine, 1 files differ (--check), 2 unusable spec
"""
ALERTS = """\
examples:
  casino alerts list                                 every alert, whom it tells and how
  casino alerts show GatewayErrorBudgetBurn          its rules, as Prometheus reads them
  casino alerts explain GatewayErrorBudgetBurn       what it means, and how soon it fires
  casino alerts lint rules/*.yaml                    what promtool accepts and should not, in anybody's rules
  casino alerts test                                 play every test to the rules, your own among them
  casino alerts backtest --since 7d GatewayOverload  how often it would have fired

exit codes: 0 fine, 1 a finding or no such alert, 2 unusable input
"""
BENCH = """\
examples:
  casino bench                                       everything, beside all peers that are installed: about an hour
  casino bench --list                                what can be measured, and beside whom
  casino bench --only get,latency --rounds 1         two scenarios, one round each
  casino bench --only tls --peers nginx,envoy --json
  casino bench --results build/bench/results.json --publish

exit codes: 0 every target reached, 1 one missed, 2 this machine or these words will not do
"""
KEY = """\
examples:
  casino key new shop                                a new API key for the consumer `shop`, and its line in the spec
  casino key new --json                              the same for a machine
  casino key password                                asks for a password and prints its hash
  casino key password < FILE                         the first line of a file, or of a pipe

exit codes: 0 fine, 2 a name that no spec takes, or no password
"""
BRIDGE = """\
examples:
  casino bridge serve casino.yaml                    carry alerts from Alertmanager to PagerDuty
  casino bridge explain GatewayUpstreamDown          everything that happened to one incident
  casino bridge dead list                            what PagerDuty would not take
  casino bridge dead requeue 3 4                     send it again

exit codes: 0 fine, 1 dead letters, or nothing is known, 2 unusable spec, or no queue there
"""
PAGERDUTY = """\
examples:
  casino pagerduty plan casino.yaml                  what would be made, changed or refused
  casino pagerduty apply casino.yaml --keys keys/    do it, and write the keys of integrations into files
  casino pagerduty drift casino.yaml                 exit with 1 where PagerDuty is not what the spec says
  casino pagerduty standin --listen 127.0.0.1:9084   a strict stand-in, with a page of incidents

exit codes: 0 fine, 1 refused, or something differs or stays, 2 unusable spec or token
"""
UP = """\
examples:
  casino up                                          examples/casino.yaml with its games and all that watches it
  casino up --load                                   with a little traffic
  casino up --free-ports                             beside something else that has the usual ports
  casino up --only games                             the services alone
  casino up --only games,gateway,load                without Prometheus, Alertmanager, bridge and pager

exit codes: 0 it was told to stop, 1 something that the rest needs failed, 2 unusable spec
"""


def main(words: Sequence[str] | None = None) -> int:
    """Run one command."""
    arguments = _parser().parse_args(words)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        code = run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has enough; Python must not try to flush what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as fault:
        if fault.errno != errno.ENOSPC:
            raise
        # As above, and whoever reads the file must not take it for whole.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"casino: {fault.strerror}", file=sys.stderr)
        return UNUSABLE
    return code


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415 - see the module's docstring

        print(f"casino {version('casino-gateway')}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="casino", description="An API gateway with its whole supervision stack as code."
    )
    parser.add_argument("-V", "--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for add in (
        _add_check,
        _add_schema,
        _add_serve,
        _add_key,
        _add_build,
        _add_alerts,
        _add_bridge,
        _add_pagerduty,
        _add_up,
        _add_drill,
        _add_bench,
    ):
        add(commands)
    return parser


def _add_check(commands: "Commands[argparse.ArgumentParser]") -> None:
    command = add_command(commands, "check", _check, summary="check a spec, and show what it means", examples=CHECK)
    add_spec(command)
    command.add_argument("--strict", action="store_true", help="exit with 1 for warnings, too")
    form = command.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print findings for a machine")
    form.add_argument("--print", action="store_true", help="print the merged spec in its long form, as YAML")
    form.add_argument("--defaults", action="store_true", help="as --print, with the keys that were left out")
    command.add_argument("--request", metavar="LINE", help="say what would happen to a request: 'GET /roll/6'")
    command.add_argument(
        "-H", "--header", metavar="HEADER", action="append", default=[], help="a header of that request"
    )
    command.add_argument("--from", metavar="ADDRESS", dest="client", help="where it comes from (default: 127.0.0.1)")


def _check(arguments: argparse.Namespace) -> int:
    from casino.check import Wish, check  # noqa: PLC0415 - see the module's docstring

    if (arguments.header or arguments.client) and arguments.request is None:
        print("casino check: a header or an address belongs to a --request", file=sys.stderr)
        return UNUSABLE
    return check(
        Wish(
            path=arguments.file,
            stage=arguments.stage,
            strict=arguments.strict,
            as_json=arguments.json,
            show=arguments.print or arguments.defaults,
            defaults=arguments.defaults,
            request=arguments.request,
            headers=tuple(arguments.header),
            **({"client": arguments.client} if arguments.client else {}),
        )
    )


def _add_schema(commands: "Commands[argparse.ArgumentParser]") -> None:
    command = add_command(
        commands, "schema", _schema, summary="print the JSON Schema of a spec, for editors", examples=SCHEMA
    )
    kind = command.add_mutually_exclusive_group()
    kind.add_argument("--overlay", action="store_true", help="of a stage's overlay: nothing required, null removes")
    kind.add_argument("--markdown", action="store_true", help="the reference of all keys, in Markdown")


def _schema(arguments: argparse.Namespace) -> int:
    if arguments.markdown:
        from gateway.spec.reference import reference  # noqa: PLC0415 - see the module's docstring

        print(reference())
    else:
        from gateway.spec.schema import schema  # noqa: PLC0415 - see the module's docstring

        print(json.dumps(schema(overlay=arguments.overlay), indent=2, ensure_ascii=False))
    return 0


def _add_serve(commands: "Commands[argparse.ArgumentParser]") -> None:
    command = add_command(commands, "serve", _serve, summary="run the gateway", examples=SERVE)
    add_spec(command, default=None)
    command.add_argument(
        "--run-dir",
        metavar="DIR",
        type=Path,
        help="where its processes share memory (default: $RUNTIME_DIRECTORY, or in /dev/shm)",
    )
    command.add_argument("--upgrade", action="store_true", help="take over from the gateway that runs in this DIR")


def _serve(arguments: argparse.Namespace) -> int:
    from casino.serve import run  # noqa: PLC0415 - see the module's docstring

    return run(arguments.file, stage=arguments.stage, run_dir=arguments.run_dir, upgrade=arguments.upgrade)


def _add_build(commands: "Commands[argparse.ArgumentParser]") -> None:
    command = add_command(
        commands, "build", _build, summary="write every file that is made from a spec", examples=BUILD
    )
    add_spec(command)
    command.add_argument("--out", metavar="DIR", type=Path, default=Path("build"), help="where to (default: build)")
    command.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file differs")


def _build(arguments: argparse.Namespace) -> int:
    from casino.build import build  # noqa: PLC0415 - see the module's docstring

    return build(arguments.file, stage=arguments.stage, out=arguments.out, check=arguments.check)


def _add_alerts(commands: "Commands[argparse.ArgumentParser]") -> None:
    command = add_command(
        commands, "alerts", _alerts, summary="show the alerts of a spec and explain them", examples=ALERTS
    )
    add_actions(command)


def _alerts(arguments: argparse.Namespace) -> int:
    if arguments.action == "lint":
        from casino.lint import lint  # noqa: PLC0415 - see the module's docstring

        return lint(
            arguments.files,
            metrics=arguments.metrics,
            alertmanager=arguments.alertmanager,
            bounds=(arguments.scrape_interval, arguments.retention),
            as_json=arguments.json,
        )
    if arguments.action in {"test", "backtest"}:
        from casino import trials  # noqa: PLC0415 - see the module's docstring

        if arguments.action == "test":
            return trials.play(arguments.file, stage=arguments.stage, files_of=arguments.names)
        return trials.backtest(
            arguments.file,
            stage=arguments.stage,
            url=arguments.prometheus,
            since=arguments.since,
            names=arguments.names,
        )
    from casino.alerting import alerts  # noqa: PLC0415 - see the module's docstring

    return alerts(
        arguments.action,
        arguments.file,
        stage=arguments.stage,
        name=getattr(arguments, "name", None),
        as_json=getattr(arguments, "json", False),
    )


def _add_key(commands: "Commands[argparse.ArgumentParser]") -> None:
    command = add_command(commands, "key", _key, summary="make API keys and hashes of passwords", examples=KEY)
    command.add_argument("what", choices=("new", "password"), help="an API key, or the hash of a password")
    command.add_argument("consumer", metavar="CONSUMER", nargs="?", help="with `new`: who it is for (default: shop)")
    command.add_argument("--json", action="store_true", help="print it for a machine")


def _key(arguments: argparse.Namespace) -> int:
    from casino.keys import new, password  # noqa: PLC0415 - see the module's docstring

    if arguments.what == "new":
        return new("shop" if arguments.consumer is None else arguments.consumer, as_json=arguments.json)
    if arguments.consumer is not None:
        print("casino key: a password is hashed for nobody in particular", file=sys.stderr)
        return UNUSABLE
    return password(as_json=arguments.json)


def _add_bridge(commands: "Commands[argparse.ArgumentParser]") -> None:
    summary = "carry alerts to PagerDuty, and show what became of them"
    add_bridge(add_command(commands, "bridge", serve_bridge, summary=summary, examples=BRIDGE))


def _add_pagerduty(commands: "Commands[argparse.ArgumentParser]") -> None:
    summary = "make PagerDuty what the spec says"
    add_pagerduty(add_command(commands, "pagerduty", provision, summary=summary, examples=PAGERDUTY))


def _add_up(commands: "Commands[argparse.ArgumentParser]") -> None:
    command = add_command(
        commands, "up", _up, summary="run the gateway, two games and all that watches them on this machine", examples=UP
    )
    add_spec(command, default=DEMO)
    command.add_argument(
        "--load", metavar="RATE", type=_rate, nargs="?", const=LOAD_PER_SECOND, default=0.0,
        help=f"a little traffic, in requests per second ({LOAD_PER_SECOND:g} unless said)",
    )  # fmt: skip
    command.add_argument("--free-ports", action="store_true", help="use none of the spec's ports")
    command.add_argument("--only", metavar="PARTS", help="some of games,gateway,alerts,load")
    command.add_argument(
        "--token-file", metavar="FILE", type=Path,
        help="holds the token for a control port that is not on loopback (default: $CASINO_CONTROL_TOKEN)",
    )  # fmt: skip


def _up(arguments: argparse.Namespace) -> int:
    from casino.up import Group, Wish, up  # noqa: PLC0415 - see the module's docstring
    from gateway.control.access import LEAST_CHARACTERS, is_usable  # noqa: PLC0415 - the same

    try:
        only = frozenset(map(Group, arguments.only.split(","))) if arguments.only else frozenset(Group)
    except ValueError as unknown:
        print(f"casino up: {unknown}; there are {', '.join(Group)}", file=sys.stderr)
        return UNUSABLE
    try:
        token = _control_token(arguments.token_file)
    except (OSError, UnicodeDecodeError) as unreadable:
        print(f"casino up: {unreadable}", file=sys.stderr)
        return UNUSABLE
    if token is not None and not is_usable(token):
        print(f"casino up: a token is one line of {LEAST_CHARACTERS} or more visible ASCII characters", file=sys.stderr)
        return UNUSABLE
    return up(
        Wish(
            path=arguments.file,
            stage=arguments.stage,
            rate=arguments.load,
            free_ports=arguments.free_ports,
            only=only,
            token=token,
        )
    )


def _add_drill(commands: "Commands[argparse.ArgumentParser]") -> None:
    add_drill(add_command(commands, "drill", run_drill, **DRILL), DEMO)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= MOST_LOAD_PER_SECOND:
        raise argparse.ArgumentTypeError(f"{text} is no rate from 0 to {MOST_LOAD_PER_SECOND:g} requests per second")
    return rate


def _control_token(file: Path | None) -> str | None:
    """What control is shown. Never an option of its own: whoever lists processes reads those."""
    if file is None:
        return os.environ.get("CASINO_CONTROL_TOKEN") or None
    return file.read_text("ascii").removesuffix("\n")


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _add_bench(commands: "Commands[argparse.ArgumentParser]") -> None:
    command = add_command(commands, "bench", _bench, summary="measure the gateway beside its peers", examples=BENCH)
    command.add_argument("--list", action="store_true", help="print the scenarios and products there are")
    command.add_argument("--only", metavar="NAMES", type=_words, default=(), help="some of the scenarios")
    command.add_argument("--peers", metavar="NAMES", type=_words, help="some of the products beside Casino")
    command.add_argument("--without-casino", action="store_true", help="the peers alone")
    command.add_argument("--rounds", metavar="N", type=int, help="interleaved rounds of each measurement (default: 3)")
    command.add_argument("--seconds", metavar="S", type=float, help="length of one measurement (default: 6)")
    command.add_argument("--quick", action="store_true", help="one short round: a look, not a result")
    command.add_argument("--out", metavar="DIR", type=Path, help="folder of the report (default: build/bench)")
    command.add_argument("--publish", action="store_true", help="write docs/benchmarks.md and its picture, too")
    again = (
        "report an earlier run (build/bench/results.json); of several the later ones stand for what they measured again"
    )
    command.add_argument("--results", metavar="FILE", type=Path, nargs="+", default=(), help=again)
    command.add_argument("--json", action="store_true", help="print the results for a machine")
    command.add_argument("--profile", action="store_true", help="show instead where one worker spends its time")


def _bench(arguments: argparse.Namespace) -> int:
    if not (BENCH_FOLDER / "command.py").is_file():
        print("casino bench: the bench comes with the repository, not with the package", file=sys.stderr)
        return UNUSABLE
    try:
        from bench.command import Wish, bench  # noqa: PLC0415 - see the module's docstring
    except ModuleNotFoundError as missing:
        print(f"casino bench: `{missing.name}` is not installed; `make bench` sets up all it needs", file=sys.stderr)
        return UNUSABLE

    return bench(
        Wish(
            only=arguments.only,
            peers=arguments.peers,
            without_casino=arguments.without_casino,
            rounds=arguments.rounds,
            seconds=arguments.seconds,
            quick=arguments.quick,
            out=arguments.out,
            publish=arguments.publish,
            results=tuple(arguments.results),
            as_json=arguments.json,
            list=arguments.list,
            profile=arguments.profile,
        )
    )
