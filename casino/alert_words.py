"""The words of `casino alerts`: its actions and their options. Carries nothing out."""

import argparse
from pathlib import Path

from casino.spec_words import add_spec_option


def add_actions(command: argparse.ArgumentParser) -> None:
    """Add every action to the command's parser."""
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
        add_spec_option(parser)
    summary = "what promtool accepts and should not, in anybody's rule files"
    _add_lint(actions.add_parser("lint", help=summary, description=summary))
    summary = "play every test to the rules of a spec, with promtool"
    tests = actions.add_parser("test", help=summary, description=summary)
    tests.add_argument("names", metavar="FILE", nargs="*", help="such as `own` or `gateway` (default: all)")
    add_spec_option(tests)
    summary = "how often alerts would have fired, by a real Prometheus' past"
    _add_backtest(actions.add_parser("backtest", help=summary, description=summary))


def _add_lint(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", metavar="FILE", type=Path, nargs="+", help="rule files, or the Operator's PrometheusRule"
    )
    parser.add_argument("--metrics", metavar="FILE|URL", help="a scrape: what it lacks does not exist")
    parser.add_argument("--alertmanager", metavar="FILE", type=Path, help="its inhibition is held against the alerts")
    parser.add_argument("--scrape-interval", metavar="TIME", default="15s", help="(default: 15s)")
    parser.add_argument("--retention", metavar="TIME", help="how long Prometheus keeps its data (default: not judged)")
    parser.add_argument("--json", action="store_true", help="print the findings for a machine")


def _add_backtest(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", metavar="NAME", nargs="*", help="alerts (default: all)")
    parser.add_argument("--since", metavar="TIME", default="7d", help="how far back (default: 7d)")
    parser.add_argument("--prometheus", metavar="URL", default="http://127.0.0.1:9090", help="(default: %(default)s)")
    add_spec_option(parser)
