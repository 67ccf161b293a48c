import os
import signal
import subprocess
import sys
from contextlib import ExitStack

import httpx
import pytest

from gateway.spec.dump import dump
from gateway.spec.load import load
from tests.checkout import ROOT
from tests.ports import free_port
from tests.up.running import UNWATCHED, Running, lives, running, started

pytestmark = pytest.mark.xdist_group("stack")


def test_it_serves_both_games_sends_traffic_and_leaves_nothing(tmp_path):
    with running(tmp_path, *UNWATCHED, "--load", "50") as up:
        assert httpx.get(f"{up.gateway}/roll/6").json()["sides"] == 6
        assert httpx.get(f"{up.https}/roll/6", verify=False).json()["sides"] == 6
        assert httpx.get(f"{up.gateway}/cards/5").json()["version"] == "poker"
        assert httpx.get(f"{up.gateway}/cards/5", headers={"X-Beta": "1"}).json()["version"] == "pokemon"
        up.wait_until(lambda: httpx.get(f"{up.control}/stats").json()["requests_per_second"]["1s"] > 10)
        assert up.ends(signal.SIGINT) == 0
        assert not any(map(lives, up.pids))
        assert not up.folder.exists()


def test_a_game_switched_to_fail_is_left_out(tmp_path):
    """What docs/getting-started.md invites its reader to see."""
    with running(tmp_path, *UNWATCHED, "--load", "50") as up:
        game = up.place("dice v1")

        def ejected() -> bool:
            return httpx.get(f"{up.control}/stats").json()["upstreams"]["dice"]["v1"]["targets"][game]["ejected"]

        httpx.put(f"{game}/switches", json={"errors": "100%"}).raise_for_status()
        up.wait_until(ejected)
        assert ejected()


def test_a_game_that_is_killed_is_reported_and_the_rest_goes_on(tmp_path):
    with running(tmp_path, *UNWATCHED) as up:
        os.kill(up.child("v2"), signal.SIGKILL)
        up.wait_until(lambda: "was killed by SIGKILL" in up.said)
        assert httpx.get(f"{up.gateway}/cards/5").status_code == 200
        assert up.ends(signal.SIGTERM) == 0
        assert not any(map(lives, up.pids))


def test_when_the_gateway_dies_everything_ends_and_its_output_is_kept(tmp_path):
    with running(tmp_path, *UNWATCHED) as up:
        os.kill(up.child("serve"), signal.SIGKILL)
        assert up.process.wait(timeout=20) == 1
        up.wait_until(lambda: not any(map(lives, up.pids)))
        assert (up.folder / "gateway.log").exists()


def test_when_it_is_killed_itself_everything_ends_too(tmp_path):
    with running(tmp_path, *UNWATCHED, "--load") as up:
        assert len(up.pids) >= 9
        up.process.kill()
        up.wait_until(lambda: not any(map(lives, up.pids)))


def test_a_spec_that_cannot_be_used_is_told_before_anything_starts(tmp_path):
    bad = tmp_path / "casino.yaml"
    bad.write_text("casino: 1\nrouts: {}\n")
    done = subprocess.run(
        [sys.executable, "-m", "casino", "up", bad], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert f"{bad}:2:1: error:" in done.stderr


def test_two_that_start_together_meet_on_no_port(tmp_path):
    spec = tmp_path / "casino.yaml"
    example = load(ROOT / "examples" / "casino.yaml").spec
    text = dump(example)
    for address in (*(listener.address for listener in example.listen.public), example.listen.control):
        text = text.replace(address, f"127.0.0.1:{free_port()}")
    spec.write_text(text)
    folders = tmp_path / "one", tmp_path / "other"
    for folder in folders:
        folder.mkdir()
    with ExitStack() as both:
        starting = [both.enter_context(started(folder, *UNWATCHED, where=(str(spec),))) for folder in folders]
        one, other = (Running(*each) for each in starting)
        assert {one.gateway, one.control, one.https}.isdisjoint({other.gateway, other.control, other.https})
        assert {httpx.get(f"{each.gateway}/roll/6").status_code for each in (one, other)} == {200}
        assert load(spec).spec.listen.control in {
            one.control.removeprefix("http://"),
            other.control.removeprefix("http://"),
        }
