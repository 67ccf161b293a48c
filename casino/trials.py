"""`casino alerts test` plays every test to the rules; `casino alerts backtest` plays rules to a real Prometheus' past."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
from msgspec import Struct

from alerts.lint.source import seconds_in
from alerts.render import every_alert
from alerts.rule import Alert
from casino.build import generated
from casino.exits import FINDING, FINE, UNUSABLE, refuse
from casino.own import OwnAlertsError, own
from exporters.duration import duration
from gateway.spec.load import load
from gateway.spec.problem import SpecErrors

MOST_POINTS, LEAST_STEP_SECONDS, QUERY_SECONDS, TEST_SECONDS = 10_000, 15.0, 60.0, 600.0
"""Prometheus gives 11,000 points a series at most."""


def play(path: Path, *, stage: str | None, files_of: Sequence[str] = ()) -> int:
    """Run promtool on the tests of a spec (or only on files of these names), the user's own among them; 0 all passed, 1 one failed, 2 they cannot be run."""
    promtool = shutil.which("promtool")
    try:
        spec = load(path, stage).spec
        files = generated(spec, own(spec))
    except (SpecErrors, OwnAlertsError) as refused:
        return refuse(getattr(refused, "problems", [refused]))
    if promtool is None:
        print("casino alerts test: promtool is not installed (it comes with Prometheus)", file=sys.stderr)
        return UNUSABLE
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).write_text(text)
        tests = [name for name in files if name.startswith("prometheus/tests/")]
        names = [name for name in tests if not files_of or Path(name).stem in files_of]
        failed = [name for name in names if not _passes(promtool, Path(folder), name)]
    print(f"{len(names)} files of tests, {len(failed)} failed")
    return FINDING if failed or not names else FINE


def _passes(promtool: str, folder: Path, name: str) -> bool:
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603 - promtool, on files of ours
        [promtool, "test", "rules", name],
        cwd=folder, capture_output=True, text=True, check=False, timeout=TEST_SECONDS,
    )  # fmt: skip
    verdict = "FAILED" if done.returncode else "ok"
    print(f"{verdict:<7} {time.monotonic() - began:5.1f}s  {Path(name).name}", flush=True)
    if done.returncode:
        print(done.stdout + done.stderr)
    return not done.returncode


class Fired(Struct, frozen=True):
    """How an alert would have behaved."""

    times: int
    seconds: float
    """All told, over all series."""
    longest_seconds: float


class UnreachableError(Exception):
    """Prometheus cannot be asked."""


def backtest(path: Path, *, stage: str | None, url: str, since: str, names: Sequence[str]) -> int:
    """Say how often alerts would have fired in the past; 0 said, 1 no such alert, 2 Prometheus or the spec is no use."""
    seconds = seconds_in(since)
    try:
        spec = load(path, stage).spec
        alerts = (*every_alert(spec), *own(spec).alerts)
    except (SpecErrors, OwnAlertsError) as refused:
        return refuse(getattr(refused, "problems", [refused]))
    chosen = [alert for alert in alerts if not names or alert.name in names]
    if not seconds or not chosen:
        print(f"casino alerts backtest: {'no such alert' if seconds else 'a time is written like 7d'}", file=sys.stderr)
        return FINDING if seconds else UNUSABLE
    try:
        with httpx.Client(base_url=url, timeout=QUERY_SECONDS) as prometheus:
            _tell(chosen, seconds, prometheus)
    except (UnreachableError, httpx.HTTPError) as error:
        print(f"casino alerts backtest: {url}: {error}", file=sys.stderr)
        return UNUSABLE
    return FINE


def _tell(alerts: list[Alert], seconds: float, prometheus: httpx.Client) -> None:
    step = max(LEAST_STEP_SECONDS, seconds / MOST_POINTS)
    end = time.time()
    width = max(len(alert.name) for alert in alerts)
    print(f"over {duration(seconds)}, looked at every {step:g} s; series that were not recorded then say nothing")
    for alert in alerts:
        fired = judge(_points(prometheus, alert.expr.text, end - seconds, end, step), step, alert.for_seconds)
        tier = alert.labels.get("tier", "")
        told = f"{fired.times} times, {fired.seconds / 60:.0f} min, longest {fired.longest_seconds / 60:.0f} min"
        print(f"{alert.name:<{width}}  {tier:<11}  {alert.severity:<8}  {told if fired.times else 'never'}")


def _points(prometheus: httpx.Client, expr: str, start: float, end: float, step: float) -> list[list[float]]:
    """Return for each series the moments at which the expression gave it."""
    asked = {"query": expr, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"}
    answer = prometheus.post("/api/v1/query_range", data=asked)
    try:
        body: Any = answer.json()
    except ValueError:
        raise UnreachableError(f"it answers {answer.status_code}, and no JSON: is it a Prometheus?") from None
    if body.get("status") != "success":
        raise UnreachableError(str(body.get("error", answer.status_code)))
    return [[float(moment) for moment, _ in series["values"]] for series in body["data"]["result"]]


def judge(series: list[list[float]], step: float, for_seconds: float) -> Fired:
    """Count how often a condition held without a break for long enough, and for how long it then went on."""
    lasted = [each for moments in series for each in _spells(moments, step)]
    firing = [each - for_seconds for each in lasted if each >= for_seconds]
    return Fired(len(firing), sum(firing), max(firing, default=0.0))


def _spells(moments: list[float], step: float) -> Iterator[float]:
    began = last = None
    for moment in moments:
        if last is None or began is None or moment - last > 1.5 * step:
            if last is not None and began is not None:
                yield last - began
            began = moment
        last = moment
    if last is not None and began is not None:
        yield last - began
