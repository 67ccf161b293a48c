"""The command line: parses, calls one function, returns its exit code: 0 fine, 1 a finding, 2 unusable input.

What a command needs is imported when it runs, so that `casino check` in an editor's save hook starts at once.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

DEFAULT = Path("casino.yaml")
DEMO = Path("examples/casino.yaml")
LOAD_PER_SECOND = 20.0
UNUSABLE = 2
PAGERDUTY_API = "https://api.pagerduty.com"
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
"""
SERVE = """\
examples:
  casino serve casino.yaml --stage prod              runs until SIGTERM or SIGINT, then drains
  casino serve casino.yaml --stage prod --upgrade    replaces the running gateway without losing a request
"""
BUILD = """\
examples:
  casino build casino.yaml --stage prod              write Prometheus' rules and their tests below build/
  casino build casino.yaml --check                   exit with 1 if build/ is not what the spec says

exit codes: 0 fine, 1 files differ (--check), 2 unusable spec
"""
ALERTS = """\
examples:
  casino alerts list                                 every alert, whom it tells and how
  casino alerts show GatewayErrorBudgetBurn          its rules, as Prometheus reads them
  casino alerts explain GatewayErrorBudgetBurn       what it means, and how soon it fires
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
  casino up                                          the gateway and the games of examples/casino.yaml
  casino up --load                                   with a little traffic
  casino up --free-ports                             beside something else that has the usual ports
  casino up --only games                             the services alone
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
    for add in (_add_check, _add_schema, _add_serve, _add_build, _add_alerts, _add_pagerduty, _add_up):
        add(commands)
    return parser


Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse gives the type no public name


def _command(
    commands: "Commands[argparse.ArgumentParser]", name: str, run: Callable[[argparse.Namespace], int], **about: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=about["summary"],
        description=about["summary"],
        epilog=about["examples"],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    return command


def _add_spec(command: argparse.ArgumentParser, *, default: Path | None = DEFAULT) -> None:
    command.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        nargs="?" if default else None,
        default=default,
        help="a spec: one file, or a folder of *.yaml files" + (f" (default: {default})" if default else ""),
    )
    command.add_argument("--stage", metavar="NAME", help="merge stages/NAME.yaml, beside the file or in the folder")


def _add_check(commands: "Commands[argparse.ArgumentParser]") -> None:
    command = _command(commands, "check", _check, summary="check a spec, and show what it means", examples=CHECK)
    _add_spec(command)
    command.add_argument("--strict", action="store_true", help="exit with 1 for warnings, too")
    form = command.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print findings for a machine")
    form.add_argument("--print", action="store_true", help="print the merged spec in its long form, as YAML")
    form.add_argument("--defaults", action="store_true", help="as --print, with the keys that were left out")
    command.add_argument("--request", metavar="LINE", help="say what would happen to a request: 'GET /roll/6'")
    command.add_argument(
        "-H", "--header", metavar="HEADER", action="append", default=[], help="a header of that request"
    )


def _check(arguments: argparse.Namespace) -> int:
    from casino.check import Wish, check  # noqa: PLC0415 - see the module's docstring

    if arguments.header and arguments.request is None:
        print("casino check: a header belongs to a --request", file=sys.stderr)
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
        )
    )


def _add_schema(commands: "Commands[argparse.ArgumentParser]") -> None:
    command = _command(
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
    command = _command(commands, "serve", _serve, summary="run the gateway", examples=SERVE)
    _add_spec(command, default=None)
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
    command = _command(commands, "build", _build, summary="write every file that is made from a spec", examples=BUILD)
    _add_spec(command)
    command.add_argument("--out", metavar="DIR", type=Path, default=Path("build"), help="where to (default: build)")
    command.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file differs")


def _build(arguments: argparse.Namespace) -> int:
    from casino.build import build  # noqa: PLC0415 - see the module's docstring

    return build(arguments.file, stage=arguments.stage, out=arguments.out, check=arguments.check)


def _add_alerts(commands: "Commands[argparse.ArgumentParser]") -> None:
    command = _command(
        commands, "alerts", _alerts, summary="show the alerts of a spec and explain them", examples=ALERTS
    )
    actions = command.add_subparsers(title="actions", required=True, metavar="ACTION", dest="action")
    for action, summary in (
        ("list", "every alert, whom it tells and how"),
        ("show", "its rules, as Prometheus reads them"),
        ("explain", "what it means, and how soon it fires"),
    ):
        parser = actions.add_parser(action, help=summary, description=summary)
        if action == "list":
            parser.add_argument("--json", action="store_true", help="print the list for a machine")
        else:
            parser.add_argument("name", metavar="NAME", help="an alert's name")
        parser.add_argument(
            "--spec", dest="file", metavar="FILE", type=Path, default=DEFAULT, help=f"(default: {DEFAULT})"
        )
        parser.add_argument("--stage", metavar="NAME", help="merge stages/NAME.yaml")


def _alerts(arguments: argparse.Namespace) -> int:
    from casino.alerting import alerts  # noqa: PLC0415 - see the module's docstring

    return alerts(
        arguments.action,
        arguments.file,
        stage=arguments.stage,
        name=getattr(arguments, "name", None),
        as_json=getattr(arguments, "json", False),
    )


def _add_pagerduty(commands: "Commands[argparse.ArgumentParser]") -> None:
    from alerts.pagerduty.standin.options import add_options  # noqa: PLC0415 - see the module's docstring

    command = _command(
        commands, "pagerduty", _pagerduty, summary="make PagerDuty what the spec says", examples=PAGERDUTY
    )
    actions = command.add_subparsers(title="actions", required=True, metavar="ACTION", dest="action")
    for action, summary in (
        ("plan", "what would be made, changed or refused"),
        ("apply", "make PagerDuty what the spec says"),
        ("drift", "where PagerDuty is not what the spec says"),
    ):
        parser = actions.add_parser(action, help=summary, description=summary)
        _add_spec(parser)
        parser.add_argument("--json", action="store_true", help="print it for a machine")
        parser.add_argument("--api-url", metavar="URL", default=PAGERDUTY_API, help=f"(default: {PAGERDUTY_API})")
        if action != "drift":
            parser.add_argument("--adopt", action="store_true", help="take over what others made under the same name")
            parser.add_argument("--delete", action="store_true", help="delete what is no longer in the spec")
        if action == "apply":
            parser.add_argument("--keys", metavar="DIR", type=Path, help="write the keys of integrations into files")
    standin = actions.add_parser("standin", help="serve a strict stand-in, with a page of incidents")
    standin.set_defaults(run=_standin)
    add_options(standin)


def _pagerduty(arguments: argparse.Namespace) -> int:
    from casino.pagerduty import Wish, provision  # noqa: PLC0415 - see the module's docstring

    return provision(
        Wish(
            action=arguments.action,
            path=arguments.file,
            stage=arguments.stage,
            url=arguments.api_url,
            as_json=arguments.json,
            adopt=getattr(arguments, "adopt", False),
            delete=getattr(arguments, "delete", False),
            keys=getattr(arguments, "keys", None),
        )
    )


def _standin(arguments: argparse.Namespace) -> int:
    from alerts.pagerduty.standin.__main__ import run  # noqa: PLC0415 - see the module's docstring

    return run(arguments)


def _add_up(commands: "Commands[argparse.ArgumentParser]") -> None:
    command = _command(commands, "up", _up, summary="run the gateway and two games on this machine", examples=UP)
    _add_spec(command, default=DEMO)
    command.add_argument(
        "--load", metavar="RATE", type=float, nargs="?", const=LOAD_PER_SECOND, default=0.0,
        help=f"a little traffic, in requests per second ({LOAD_PER_SECOND:g} unless said)",
    )  # fmt: skip
    command.add_argument("--free-ports", action="store_true", help="use none of the spec's ports")
    command.add_argument("--only", metavar="PARTS", help="some of games,gateway,load")


def _up(arguments: argparse.Namespace) -> int:
    from casino.up import Group, up  # noqa: PLC0415 - see the module's docstring

    try:
        only = frozenset(map(Group, arguments.only.split(","))) if arguments.only else frozenset(Group)
    except ValueError as unknown:
        print(f"casino up: {unknown}; there are {', '.join(Group)}", file=sys.stderr)
        return UNUSABLE
    return up(arguments.file, stage=arguments.stage, rate=arguments.load, free_ports=arguments.free_ports, only=only)
