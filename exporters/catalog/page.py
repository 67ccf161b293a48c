"""Writes the tables of docs/metrics.md: every family and every label, as the catalogue names them."""

from collections.abc import Iterable, Mapping

from exporters.catalog.metric import Metric


def page(metrics: Iterable[Metric], labels: Mapping[str, str]) -> str:
    """Return the tables in Markdown."""
    rows = [f"| `{metric.exposed}` | {metric.kind} | {_labels(metric)} | {metric.help} |" for metric in metrics]
    meanings = [f"| `{label}` | {meaning} |" for label, meaning in labels.items()]
    return "\n".join(
        [
            "### Families\n",
            "| name | kind | labels | meaning |",
            "|---|---|---|---|",
            *rows,
            "\n### Labels\n",
            "| label | what it holds |",
            "|---|---|",
            *meanings,
            "",
        ]
    )


def _labels(metric: Metric) -> str:
    return ", ".join(f"`{label}`" for label in metric.labels)
