"""`casino up` with all that watches: an alert reaches whoever is on call, and nothing stays behind."""

import os
import shutil
import signal

import httpx
import pytest

from tests.alerts.pagerduty.alertmanagers import fires
from tests.up.running import GUIDE, descendants, lives, running, started
from tests.waiting import until

pytestmark = pytest.mark.xdist_group("stack")

needs_servers = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("prometheus-alertmanager")),
    reason="prometheus and prometheus-alertmanager are not installed",
)


@needs_servers
def test_an_alert_reaches_who_is_on_call_and_nothing_is_left(tmp_path):
    with running(tmp_path) as up:
        prometheus = up.place("prometheus").removesuffix("/alerts")
        rules = httpx.get(f"{prometheus}/api/v1/rules").json()["data"]["groups"]
        assert {"objective-roll-availability", "gateway"} <= {group["name"] for group in rules}
        assert httpx.get(up.place("bridge")).status_code == 200
        httpx.post(
            f"{up.place('alertmanager')}/api/v2/alerts", json=[fires("DiceFail", team="games")]
        ).raise_for_status()
        pager = up.place("incidents")
        (opened,) = until(lambda: timeline(pager, "incident_triggered"))
        assert "Dice fail." in httpx.get(pager).text
        assert opened["service"] == "games"
        assert timeline(pager, "notified")
        up.pids |= set(descendants(up.process.pid))
        assert up.ends(signal.SIGINT) == 0
        assert not any(map(lives, up.pids))
        assert not up.folder.exists()


def timeline(pager: str, what: str) -> list[dict]:
    return httpx.get(f"{pager}/standin/timeline", params={"what": what}).json()["entries"]


def test_what_dies_at_its_start_says_why_and_everything_ends(tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("prometheus", "prometheus-alertmanager"):
        (programs / name).write_text("#!/bin/sh\necho out of chips\nexit 3\n")
        (programs / name).chmod(0o755)
    with started(tmp_path, "--only", "alerts", PATH=f"{programs}:{os.environ['PATH']}") as (process, output):
        assert process.wait(timeout=40) == 1
        said = output.read_text()
    assert "alertmanager ended with exit code 3; its last words:\n    out of chips\n" in said
    assert "does not answer on http://127.0.0.1:" in said


def test_without_the_servers_the_rest_runs_and_their_packages_are_named(tmp_path):
    with started(tmp_path, "--only", "games,alerts", PATH=str(tmp_path)) as (process, output):
        until(lambda: GUIDE in output.read_text())
        assert "Debian packages prometheus, prometheus-alertmanager are not installed" in output.read_text()
        assert "dice v1" in output.read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
