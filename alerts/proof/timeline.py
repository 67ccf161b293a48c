"""Series over time in promtool's notation, and what a test asks of them."""

from typing import Any

from msgspec import Struct

_GRAIN = 4096  # a power of two


class Phase(Struct, frozen=True):
    """So long, a counter grows by so much per second, or a gauge has this value."""

    seconds: float
    value: float


class Series(Struct, frozen=True):
    """One input series."""

    name: str
    phases: tuple[Phase, ...]
    counts: bool = True


class Asked(Struct, frozen=True):
    """What an expression must give at a time; without samples: nothing."""

    seconds: float
    expr: str
    samples: tuple[tuple[str, float], ...] = ()


def test(name: str, sample_seconds: float, series: tuple[Series, ...], asked: tuple[Asked, ...]) -> dict[str, Any]:
    """Return one entry of a test file's `tests`."""
    return {
        "name": name,
        "interval": _text(sample_seconds),
        "input_series": [{"series": each.name, "values": _values(each, sample_seconds)} for each in series],
        "promql_expr_test": [
            {
                "expr": each.expr,
                "eval_time": _text(each.seconds),
                "exp_samples": [{"labels": labels, "value": value} for labels, value in each.samples],
            }
            for each in asked
        ],
    }


def state(alert: str, seconds: float, labels: dict[str, str] | None) -> Asked:
    """Ask for an alert: firing with exactly these labels besides its name, or not firing (None)."""
    expr = f'ALERTS{{alertname="{alert}",alertstate="firing"}}'
    if labels is None:
        return Asked(seconds, expr)
    pairs = {"alertname": alert, "alertstate": "firing", **labels}
    text = ", ".join(f'{name}="{pairs[name]}"' for name in sorted(pairs))
    return Asked(seconds, expr, ((f"ALERTS{{{text}}}", 1.0),))


def _values(series: Series, sample_seconds: float) -> str:
    """Write phases as runs `start+step x count`: each continues from the last value of the one before.

    Steps are multiples of a power of two, so that sums are exact: a run that began a rounding error below the end of
    the last one would be a reset.
    """
    runs, value = [], 0.0
    for at, phase in enumerate(series.phases):
        steps = round(phase.seconds / sample_seconds)
        if not series.counts:
            runs.append(f"{phase.value:.15g}x{steps - 1}")
            continue
        step = round(phase.value * sample_seconds * _GRAIN) / _GRAIN
        first = value if at == 0 else value + step
        more = steps if at == 0 else steps - 1
        runs.append(f"{first:.17g}+{step:.17g}x{more}")
        value = first + step * more
    return " ".join(runs)


def _text(seconds: float) -> str:
    return f"{round(seconds)}s"
