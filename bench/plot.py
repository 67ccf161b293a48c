"""The results as one picture: throughput, its price, added latency and memory, Casino beside its peers."""

from pathlib import Path
from typing import Any, NamedTuple

from bench.results import Results

OURS, THEIRS = "#c1272d", "#7d8793"


LESS, MORE = "less is better", "more is better"


class Panel(NamedTuple):
    title: str
    better: str
    bars: dict[str, float]
    """By product, in the panel's unit."""


def panels(results: Results) -> list[Panel]:
    """Choose what is shown; a panel without numbers is left out."""
    peers = [name for name in results.versions if name != "direct"]

    def medians(scenario: str, key: str, scale: float) -> dict[str, float]:
        found = {name: results.median(scenario, name, key) for name in peers}
        return {name: value / scale for name, value in found.items() if value is not None}

    def added(key: str) -> dict[str, float]:
        found = {name: results.added("latency", key, name, "direct") for name in peers}
        return {name: value / 1e-3 for name, value in found.items() if value is not None}

    wanted = [
        Panel("Small GET, thousand requests/s on one core", MORE, medians("get", "requests_per_second", 1e3)),
        Panel("Small GET, CPU µs each", LESS, medians("get", "cpu_seconds_per_request", 1e-6)),
        Panel("Latency added at 1,000 requests/s, p50, ms", LESS, added("p50_seconds")),
        Panel("Latency added at 1,000 requests/s, p99, ms", LESS, added("p99_seconds")),
        Panel("1 MB bodies down, GB/s", MORE, medians("down", "body_bytes_per_second", 1e9)),
        Panel("1 MB bodies up, GB/s", MORE, medians("up", "body_bytes_per_second", 1e9)),
        Panel("POST 10 kB, thousand requests/s", MORE, medians("post", "requests_per_second", 1e3)),
        Panel("Limiter and API key on, thousand requests/s", MORE, medians("guarded", "requests_per_second", 1e3)),
        Panel("Over TLS 1.3, thousand requests/s", MORE, medians("tls", "requests_per_second", 1e3)),
        Panel("Full TLS handshake and a GET, CPU µs", LESS, medians("handshakes", "cpu_seconds_per_connection", 1e-6)),
        Panel("10,000 idle connections, MB (PSS)", LESS, medians("idle", "pss_bytes", 1e6)),
        Panel("10,000 idle TLS connections, MB (PSS)", LESS, medians("idle-tls", "pss_bytes", 1e6)),
    ]
    return [panel for panel in wanted if panel.bars]


def draw(results: Results, *paths: Path) -> bool:
    """Write the picture to each path, its format chosen by the suffix. False when there is nothing to show, or no matplotlib."""
    shown = panels(results)
    if not shown:
        return False
    try:
        from matplotlib import rcParams  # noqa: PLC0415 - of dependency group `bench`, which tests do without
        from matplotlib.figure import Figure  # noqa: PLC0415 - as above
    except ModuleNotFoundError:
        return False
    rcParams["svg.hashsalt"] = "casino"  # the same numbers give the same file
    rows = (len(shown) + 1) // 2
    tallest = max(len(panel.bars) for panel in shown)
    figure = Figure(figsize=(10, (0.6 + 0.24 * tallest) * rows), layout="tight")
    cells = list(figure.subplots(rows, 2, squeeze=False).flat)
    for axes, panel in zip(cells, shown, strict=False):
        fill(axes, panel, tallest)
    for axes in cells[len(shown) :]:
        axes.set_axis_off()
    for path in paths:
        figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
    return True


def fill(axes: Any, panel: Panel, tallest: int) -> None:
    """Draw one panel: its bars carry their numbers, so the axis needs none."""
    names = list(reversed(panel.bars))
    bars = axes.barh(names, [max(0.0, panel.bars[name]) for name in names])  # less than nothing added is noise
    for bar, name in zip(bars, names, strict=True):
        bar.set_color(OURS if name == "casino" else THEIRS)
    axes.bar_label(bars, labels=[number(panel.bars[name]) for name in names], padding=3, fontsize=8)
    axes.set_title(panel.title, fontsize=10, loc="left")
    axes.set_title(panel.better, fontsize=8, loc="right", color=THEIRS)
    axes.margins(x=0.15)
    axes.set_xlim(left=0)
    axes.set_ylim(len(names) - tallest - 0.6, len(names) - 0.4)  # bars are equally thick in all panels
    axes.tick_params(labelsize=8, left=False, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)


def number(value: float) -> str:
    """Write three digits, and no exponents."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
