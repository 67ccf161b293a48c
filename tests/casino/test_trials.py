"""`casino alerts test` finds a rule that its tests do not pass; `backtest` counts in a real Prometheus' past."""

import shutil
import subprocess
import time

import httpx
import pytest

from casino.cli import main
from casino.trials import Fired, judge
from tests.ports import free_port
from tests.waiting import until

SPEC = """
casino: 1
teams: {games: {contact: x}}
alerts: {team: games}
"""
OWN = """
from alerts.proof.case import AT, Case, Feed
from alerts.rule import Alert, Severity
from exporters.catalog.gateway import CONNECTIONS
from exporters.promql import select, total

ALERTS = [Alert(name="Crowded", expr=total(select(CONNECTIONS), "instance") > 5, severity=Severity.WARNING, team="games",
                summary="Many.", description="Many.", dashboard="/d/x")]
CASES = [Case(alert="Crowded", labels={"severity": "warning", "team": "games", "instance": "a:9080"},
              feeds=(Feed('gateway_connections{worker="1",' + AT + "}", 0, 5, ABOVE),))]
"""


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "casino.yaml"
    path.write_text(SPEC)
    return path


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
@pytest.mark.parametrize(("above", "code", "verdict"), [("6", 0, "ok"), ("5", 1, "FAILED")], ids=["passes", "fails"])
def test_the_users_own_tests_are_run_with_ours(spec, capsys, above, code, verdict):
    spec.write_text(SPEC.replace("team: games}", "team: games, own: own.py}"))
    (spec.parent / "own.py").write_text(OWN.replace("ABOVE", above))
    assert main(["alerts", "test", "own", "watchers", "--spec", str(spec)]) == code
    said = {
        line.split()[-1]: line.split()[0]
        for line in capsys.readouterr().out.splitlines()
        if line.startswith(("ok ", "FAILED "))
    }
    assert said == {"own.yaml": verdict, "watchers.yaml": "ok"}


@pytest.mark.parametrize(
    ("moments", "fired"),
    [
        ([], Fired(0, 0, 0)),
        ([[0, 60, 120, 180]], Fired(0, 0, 0)),
        ([[0, 60, 120, 180, 240, 300]], Fired(1, 0, 0)),
        ([[0, 60, 120, 180, 240, 300, 360, 420], [60 * n for n in range(100, 120)]], Fired(2, 960, 840)),
        ([[0, 60, 120, 180, 600, 660, 720, 780]], Fired(0, 0, 0)),
    ],
    ids=["never", "too short", "just long enough", "two series", "a break starts the wait anew"],
)
def test_a_condition_must_hold_without_a_break(moments, fired):
    assert judge(moments, 60, 300) == fired


@pytest.fixture
def prometheus(tmp_path):
    """A real one, whose past holds an outage of a quarter of an hour and one of three minutes."""
    if not shutil.which("prometheus"):
        pytest.skip("prometheus is not installed")
    now = int(time.time())
    down = {*range(now - 6000, now - 5100, 15), *range(now - 3000, now - 2820, 15)}
    lines = [f'up{{job="casino",instance="a"}} {int(at not in down)} {at}' for at in range(now - 9000, now - 1500, 15)]
    (tmp_path / "past.txt").write_text("# TYPE up gauge\n" + "\n".join(lines) + "\n# EOF\n")
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", "past.txt", "data"],
        cwd=tmp_path, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    (tmp_path / "prometheus.yml").write_text("{}\n")
    port = free_port()
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{port}"],
            cwd=tmp_path, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: ready(url))
            yield url
        finally:
            server.kill()
            server.wait()


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready").status_code == 200
    except httpx.TransportError:
        return False


def test_what_would_have_fired_is_counted_by_a_real_prometheus(spec, prometheus, capsys):
    words = ("--since", "3h", "--prometheus", prometheus, "--spec", str(spec))
    assert main(["alerts", "backtest", "GatewayInstanceDown", "GatewayReloadFailed", *words]) == 0
    said = {line.split()[0]: " ".join(line.split()[2:]) for line in capsys.readouterr().out.splitlines()[1:]}
    assert said == {"GatewayInstanceDown": "1 times, 10 min, longest 10 min", "GatewayReloadFailed": "never"}


@pytest.mark.parametrize(
    ("words", "code"),
    [(("NoSuchAlert",), 1), (("--since", "long"), 2), (("--prometheus", "http://127.0.0.1:1"), 2)],
    ids=["no alert", "no time", "nobody there"],
)
def test_what_cannot_be_answered_is_said(spec, capsys, words, code):
    assert main(["alerts", "backtest", "--spec", str(spec), *words]) == code
    assert capsys.readouterr().err.startswith("casino alerts backtest: ")
