"""The gateway as it is released: the same tests, with the request path that mypyc compiled."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.proof import FULL

WHEEL = Path(os.environ.get("CASINO_WHEEL", ROOT / "build" / "wheel"))
"""An environment with the wheel in it; `make prove` makes this one."""
ROOMS = ("tests/core", "tests/proxy")


def environment() -> dict[str, str]:
    """Let a Python of this checkout find the gateway in the wheel, and the tests here.

    Nothing may put this folder in front: not pytest, and not the processes that tests start (`-m` would).
    """
    (packages,) = WHEEL.glob("lib/python3*/site-packages")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CASINO_"))}
    return kept | {"PYTHONPATH": f"{packages}{os.pathsep}{ROOT}", "PYTHONSAFEPATH": "1"}


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )


@pytest.mark.proves("3.4 the wheel, its request path compiled, passes the tests of core and data plane")
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not FULL, reason="the wheel is built by make prove; elsewhere it might be an old one")
def test_the_compiled_wheel_passes_the_battery(measured):
    compiled = run("-c", "import gateway.proxy.client as client; print(client.__file__)").stdout.strip()
    assert compiled.startswith(str(WHEEL))
    assert compiled.endswith(".so"), "there was no C compiler when the wheel was built"
    battery = run("-m", "pytest", "-o", "pythonpath=", "-n", "2", "--dist", "loadgroup", "-q", *ROOMS)
    measured["outcome"] = re.findall(r"^.*\d+ passed.*$", battery.stdout, re.MULTILINE)[-1:]
    assert battery.returncode == 0, battery.stdout[-5000:] + battery.stderr[-2000:]
