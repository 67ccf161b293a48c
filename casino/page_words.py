"""The words of `casino bridge` and `casino pagerduty`: their actions and options, and what each calls.

What an action needs is imported by it alone, as in cli.py.
"""

import argparse
from pathlib import Path

from casino.command import add_command, page
from casino.spec_words import add_spec

PAGERDUTY_API = "https://api.pagerduty.com"
_SERVE = page(
    ("casino bridge serve casino.yaml --stage prod", "as the spec says"),
    ("casino bridge serve casino.yaml --listen 127.0.0.1:9082 --state /tmp/bridge", "beside another one"),
    exits="0 it was told to stop, 2 unusable spec, or no place to listen or to keep the queue",
)
_EXPLAIN = page(
    ("casino bridge explain GatewayUpstreamDown", "or the keys to choose from, if there are several"),
    ("casino bridge explain casino/1/GatewayUpstreamDown/0f1e2d3c --state /tmp/bridge", "by its key"),
    exits="0 fine, 1 nothing, or several incidents, 2 no queue there",
)
_LISTED = ("casino bridge dead list", "what PagerDuty would not take")
_AGAIN = ("casino bridge dead requeue 3 4", "by the numbers that `list` shows")
_DEAD = page(_LISTED, _AGAIN, exits="0 fine, 1 there are some, or one cannot be sent again, 2 no queue there")
_DEAD_LIST = page(
    _LISTED,
    ("casino bridge dead list --json", "for a machine"),
    exits="0 there are none, 1 there are some, 2 no queue there",
)
_REQUEUE = page(
    _AGAIN,
    ("casino bridge dead requeue --all", "all of them"),
    exits="0 fine, 1 one cannot be sent again, 2 no queue there",
)
_PROVISION = {
    "plan": (
        "what would be made, changed or refused",
        page(
            ("casino pagerduty plan casino.yaml", ""),
            ("casino pagerduty plan casino.yaml --delete --json", "and what would be deleted, for a machine"),
            exits="0 fine, 1 refused, or PagerDuty would not answer, 2 unusable spec or token",
        ),
    ),
    "apply": (
        "make PagerDuty what the spec says",
        page(
            ("casino pagerduty apply casino.yaml --keys keys/", "and write the keys of integrations into files"),
            ("casino pagerduty apply casino.yaml --adopt", "take over what others made"),
            exits="0 done, 1 refused, or something stays as it was, 2 unusable spec or token",
        ),
    ),
    "drift": (
        "where PagerDuty is not what the spec says",
        page(
            ("casino pagerduty drift casino.yaml", ""),
            ("casino pagerduty drift casino.yaml --stage prod --json", "for a machine"),
            exits="0 nothing differs, 1 something does, 2 unusable spec or token",
        ),
    ),
}
_STANDIN = page(
    ("casino pagerduty standin --listen 127.0.0.1:9084 --adopt", "takes every well-formed key"),
    ("casino pagerduty standin --scale 60", "an hour of escalation in a minute"),
    exits="0 it was told to stop, 2 no place to listen",
)


def add_bridge(command: argparse.ArgumentParser) -> None:
    """Add the actions of `casino bridge`."""
    actions = command.add_subparsers(title="actions", required=True, metavar="ACTION")
    serving = add_command(actions, "serve", summary="run the bridge until SIGTERM or SIGINT", examples=_SERVE)
    add_spec(serving, default=None)
    serving.add_argument("--listen", metavar="ADDR", help="instead of the spec's `bridge.listen`")
    serving.add_argument("--state", metavar="DIR", type=Path, help="where the queue is, instead of `bridge.state`")
    serving.add_argument("--events-url", metavar="URL", help="where PagerDuty's Events API is (a stand-in, for tests)")
    serving.add_argument("--alertmanager-url", metavar="URL", help="instead of the spec's `alerts.alertmanagers`")
    explaining = add_command(
        actions, "explain", _bridge_explain, summary="everything that happened to one incident", examples=_EXPLAIN
    )
    explaining.add_argument("key", metavar="KEY", help="its dedup key, or a part of it such as the alert's name")
    dead = add_command(actions, "dead", summary="what PagerDuty would not take", examples=_DEAD)
    letters = dead.add_subparsers(title="actions", required=True, metavar="ACTION")
    listing = add_command(letters, "list", _bridge_dead, summary="show them", examples=_DEAD_LIST)
    listing.add_argument("--json", action="store_true", help="print them for a machine")
    requeueing = add_command(
        letters, "requeue", _bridge_requeue, summary="put them back into the queue", examples=_REQUEUE
    )
    chosen = requeueing.add_mutually_exclusive_group(required=True)
    chosen.add_argument("numbers", metavar="NUMBER", type=int, nargs="*", default=[], help="as `list` shows them")
    chosen.add_argument("--all", action="store_true", help="all of them")
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
    for action, (summary, examples) in _PROVISION.items():
        parser = add_command(actions, action, summary=summary, examples=examples)
        add_spec(parser)
        parser.add_argument("--json", action="store_true", help="print it for a machine")
        parser.add_argument("--api-url", metavar="URL", default=PAGERDUTY_API, help=f"(default: {PAGERDUTY_API})")
        if action != "drift":
            parser.add_argument("--adopt", action="store_true", help="take over what others made under the same name")
            parser.add_argument("--delete", action="store_true", help="delete what is no longer in the spec")
        if action == "apply":
            parser.add_argument("--keys", metavar="DIR", type=Path, help="write the keys of integrations into files")
    standin = add_command(
        actions, "standin", _standin, summary="serve a strict stand-in, with a page of incidents", examples=_STANDIN
    )
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
