"""`casino pagerduty standin` as a process; the other actions are tested beside the provisioner."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from alerts.pagerduty.provision.hours import uncovered
from alerts.pagerduty.standin.faults import Kind
from casino.cli import main
from gateway.spec.load import load

STANDIN = (sys.executable, "-m", "casino", "pagerduty", "standin", "--listen")


def test_the_stand_in_says_where_it_is_and_ends_when_told():
    with subprocess.Popen([*STANDIN, "[::1]:0", "--adopt"], stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().split()[-1]
        assert url.startswith("http://[::1]:")
        assert "Nothing is open." in httpx.get(url).text
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_a_port_that_is_taken_ends_with_2():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run([*STANDIN, address], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr[:38]) == (2, "cannot listen: Address already in use ")


@pytest.mark.parametrize("address", ["9084", "localhost:http", ":80", "127.0.0.1:99999"])
def test_an_address_that_is_none_ends_with_2(capsys, address):
    with pytest.raises(SystemExit) as left:
        main(["pagerduty", "standin", "--listen", address])
    assert left.value.code == 2
    assert "is no address such as" in capsys.readouterr().err


def test_the_spec_of_the_page_can_be_used(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "pagerduty.md").read_text()
    [spec] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "casino.yaml").write_text(f"casino: 1\n{spec}")
    loaded = load(tmp_path / "casino.yaml")
    assert loaded.warnings == ()
    assert not uncovered(loaded.spec.pagerduty.schedules["games-primary"])


def test_the_page_names_every_fault():
    page = (Path(__file__).parents[2] / "docs" / "pagerduty.md").read_text()
    rows = "".join(line.split("|")[1] for line in page.partition("| fault |")[2].splitlines() if "|" in line)
    assert set(re.findall(r"`(\w+)`", rows)) == set(Kind)
