"""The results as one picture: throughput, its price, added latency and memory, Casino beside its peers."""

from pathlib import Path
from typing import NamedTuple

from bench.results import Results

OURS, THEIRS = "#c1272d", "#7d8793"


class Panel(NamedTuple):
    title: str
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
        Panel("Small GET, 1,000 requests/s on one core", medians("get", "requests_per_second", 1e3)),
        Panel("CPU µs per small GET", medians("get", "cpu_seconds_per_request", 1e-6)),
        Panel("Added latency p50 at 1,000/s, ms", added("p50_seconds")),
        Panel("Added latency p99 at 1,000/s, ms", added("p99_seconds")),
        Panel("1 MB bodies down, GB/s", medians("down", "body_bytes_per_second", 1e9)),
        Panel("1 MB bodies up, GB/s", medians("up", "body_bytes_per_second", 1e9)),
        Panel("POST 10 kB, 1,000 requests/s", medians("post", "requests_per_second", 1e3)),
        Panel("10,000 idle connections, MB (PSS)", medians("idle", "pss_bytes", 1e6)),
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
    figure = Figure(figsize=(10, 2.1 * rows), layout="tight")
    grid = figure.subplots(rows, 2, squeeze=False)
    cells = list(grid.flat)
    for axes, panel in zip(cells, shown, strict=False):
        names = list(reversed(panel.bars))
        bars = axes.barh(names, [panel.bars[name] for name in names])
        for bar, name in zip(bars, names, strict=True):
            bar.set_color(OURS if name == "casino" else THEIRS)
        axes.bar_label(bars, fmt="%.3g", padding=3, fontsize=8)
        axes.set_title(panel.title, fontsize=10, loc="left")
        axes.margins(x=0.15)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in cells[len(shown) :]:
        axes.set_axis_off()
    for path in paths:
        figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
    return True
