import configparser
import shlex
import shutil
import subprocess
import sys

import pytest

from gateway.spec.listen import Listen
from gateway.spec.load import load
from tests.serve.running import ROOT

UNITS = ROOT / "deploy" / "systemd"


@pytest.fixture
def service():
    unit = configparser.ConfigParser(strict=False, interpolation=None, delimiters=["="])
    unit.optionxform = str
    unit.read(UNITS / "casino.service")
    return unit["Service"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_the_units(tmp_path):
    for unit in UNITS.iterdir():
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/casino/bin/casino", sys.executable))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *tmp_path.iterdir()], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")


def test_the_unit_starts_a_command_that_exists(service):
    _, command, *options = shlex.split(service["ExecStart"])
    helped = subprocess.run(
        [sys.executable, "-m", "casino", command, "--help"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert command == "serve"
    assert helped.returncode == 0
    assert not [option for option in options if option.startswith("-") and option not in helped.stdout]


@pytest.mark.parametrize("stage", [None, "dev", "test", "stage", "prod"])
def test_the_unit_leaves_time_for_the_drain_of_the_example(service, stage):
    drain = load(ROOT / "examples" / "casino.yaml", stage).spec.drain
    assert int(service["TimeoutStopSec"].removesuffix("s")) > drain.grace_seconds + drain.deadline_seconds + 10


def test_a_restart_finds_what_a_killed_gateway_left(service):
    assert service["RuntimeDirectoryPreserve"] == "restart"
    assert service["Restart"] == "always"


def test_the_socket_unit_has_the_backlog_of_the_spec():
    assert f"Backlog={Listen().backlog}" in (UNITS / "casino.socket").read_text()
