"""The words of `casino alerts`: its actions and their options. Carries nothing out."""

import argparse
from pathlib import Path

from casino.command import add_command, page
from casino.spec_words import add_spec_option

_NAMED = "0 fine, 1 no such alert, 2 unusable spec"
_SHOWN = {
    "list": (
        "every alert, whom it tells and how",
        page(
            ("casino alerts list", "those of casino.yaml"),
            ("casino alerts list --spec specs/ --stage prod", "with the overlay of a stage"),
            ("casino alerts list --json", "for a machine"),
            exits="0 fine, 2 unusable spec",
        ),
    ),
    "show": (
        "its rules, as Prometheus reads them",
        page(
            ("casino alerts show GatewayErrorBudgetBurn", "with what it needs recorded"),
            ("casino alerts show GatewayDown --stage prod", ""),
            exits=_NAMED,
        ),
    ),
    "explain": (
        "what it means, and how soon it fires",
        page(
            ("casino alerts explain GatewayErrorBudgetBurn", "at 100%, 10% and 2% of errors"),
            ("casino alerts explain GatewayDown --spec specs/", ""),
            exits=_NAMED,
        ),
    ),
}
_LINT = page(
    ("casino alerts lint rules/*.yaml", "anybody's rules"),
    ("casino alerts lint build/prometheus/rules/*.yaml --json", "for a machine"),
    ("casino alerts lint rules.yaml --metrics http://127.0.0.1:9080/metrics", "what a scrape lacks is unknown"),
    ("casino alerts lint rules.yaml --alertmanager alertmanager.yml --retention 15d", ""),
    exits="0 no finding, 1 findings, 2 unusable input",
)
_TEST = page(
    ("casino alerts test", "all of casino.yaml, your own among them"),
    ("casino alerts test own gateway --stage prod", "two files of tests"),
    exits="0 all passed, 1 one failed, 2 unusable spec, or no promtool",
)
_BACKTEST = page(
    ("casino alerts backtest --since 7d", "every alert, by the Prometheus on this machine"),
    ("casino alerts backtest GatewayOverload --prometheus http://10.0.0.8:9090", "one alert, by another"),
    exits="0 fine, 1 Prometheus does not answer, 2 unusable input, or no such alert",
)


def add_actions(command: argparse.ArgumentParser) -> None:
    """Add every action to the command's parser."""
    actions = command.add_subparsers(title="actions", required=True, metavar="ACTION", dest="action")
    for action, (summary, examples) in _SHOWN.items():
        parser = add_command(actions, action, summary=summary, examples=examples)
        if action == "list":
            parser.add_argument("--json", action="store_true", help="print the list for a machine")
        else:
            parser.add_argument("name", metavar="NAME", help="an alert's name")
        add_spec_option(parser)
    summary = "what promtool accepts and should not, in anybody's rule files"
    _add_lint(add_command(actions, "lint", summary=summary, examples=_LINT))
    summary = "play every test to the rules of a spec, with promtool"
    tests = add_command(actions, "test", summary=summary, examples=_TEST)
    tests.add_argument("names", metavar="FILE", nargs="*", help="such as `own` or `gateway` (default: all)")
    add_spec_option(tests)
    summary = "how often alerts would have fired, by a real Prometheus' past"
    _add_backtest(add_command(actions, "backtest", summary=summary, examples=_BACKTEST))


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
