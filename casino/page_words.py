"""The words of `casino bridge` and `casino pagerduty`: their actions and options, and what each calls.

What an action needs is imported by it alone, as in cli.py.
"""

import argparse
from pathlib import Path

from casino.spec_words import add_spec

PAGERDUTY_API = "https://api.pagerduty.com"


def add_bridge(command: argparse.ArgumentParser) -> None:
    """Add the actions of `casino bridge`."""
    actions = command.add_subparsers(title="actions", required=True, metavar="ACTION")
    serving = actions.add_parser("serve", help="run the bridge until SIGTERM or SIGINT")
    add_spec(serving, default=None)
    serving.add_argument("--listen", metavar="ADDR", help="instead of the spec's `bridge.listen`")
    serving.add_argument("--state", metavar="DIR", type=Path, help="where the queue is, instead of `bridge.state`")
    serving.add_argument("--events-url", metavar="URL", help="where PagerDuty's Events API is (a stand-in, for tests)")
    serving.add_argument("--alertmanager-url", metavar="URL", help="instead of the spec's `alerts.alertmanagers`")
    explaining = actions.add_parser("explain", help="everything that happened to one incident")
    explaining.add_argument("key", metavar="KEY", help="its dedup key, or a part of it such as the alert's name")
    explaining.set_defaults(run=_bridge_explain)
    dead = actions.add_parser("dead", help="what PagerDuty would not take").add_subparsers(
        required=True, metavar="ACTION"
    )
    listing = dead.add_parser("list", help="show them; exits with 1 if there are any")
    listing.add_argument("--json", action="store_true", help="print them for a machine")
    listing.set_defaults(run=_bridge_dead)
    requeueing = dead.add_parser("requeue", help="put them back into the queue")
    chosen = requeueing.add_mutually_exclusive_group(required=True)
    chosen.add_argument("numbers", metavar="NUMBER", type=int, nargs="*", default=[], help="as `list` shows them")
    chosen.add_argument("--all", action="store_true", help="all of them")
    requeueing.set_defaults(run=_bridge_requeue)
    for parser in (explaining, listing, requeueing):
        parser.add_argument(
            "--state", metavar="DIR", type=Path, help="where the queue is (default: /var/lib/casino-bridge)"
        )


def serve_bridge(arguments: argparse.Namespace) -> int:
    """Run the bridge."""
    from alerts.pagerduty.bridge.settings import Flags  # noqa: PLC0415 - see the module's docstring
    from casino.bridge import run  # noqa: PLC0415 - see the module's docstring

    flags = Flags(
        listen=arguments.listen,
        state=arguments.state,
        events_url=arguments.events_url,
        alertmanager_url=arguments.alertmanager_url,
    )
    return run(arguments.file, stage=arguments.stage, flags=flags)


def _bridge_explain(arguments: argparse.Namespace) -> int:
    from casino.bridge import STATE, explain  # noqa: PLC0415 - see the module's docstring

    return explain(arguments.state or STATE, arguments.key)


def _bridge_dead(arguments: argparse.Namespace) -> int:
    from casino.bridge import STATE, dead  # noqa: PLC0415 - see the module's docstring

    return dead(arguments.state or STATE, as_json=arguments.json)


def _bridge_requeue(arguments: argparse.Namespace) -> int:
    from casino.bridge import STATE, requeue  # noqa: PLC0415 - see the module's docstring

    return requeue(arguments.state or STATE, tuple(arguments.numbers), every=arguments.all)


def add_pagerduty(command: argparse.ArgumentParser) -> None:
    """Add the actions of `casino pagerduty`."""
    from alerts.pagerduty.standin.options import add_options  # noqa: PLC0415 - see the module's docstring

    actions = command.add_subparsers(title="actions", required=True, metavar="ACTION", dest="action")
    for action, summary in (
        ("plan", "what would be made, changed or refused"),
        ("apply", "make PagerDuty what the spec says"),
        ("drift", "where PagerDuty is not what the spec says"),
    ):
        parser = actions.add_parser(action, help=summary, description=summary)
        add_spec(parser)
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


def provision(arguments: argparse.Namespace) -> int:
    """Plan, apply, or show the drift."""
    from casino import pagerduty  # noqa: PLC0415 - see the module's docstring

    return pagerduty.provision(
        pagerduty.Wish(
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
