"""The bench's own verdict on every number of DESIGN.md, section 4."""

import subprocess
import sys

import pytest

from tests.checkout import ROOT
from tests.proof import FULL


@pytest.mark.proves("3.2 the numbers of DESIGN.md section 4, in one run beside the peers that are installed")
@pytest.mark.timeout(3000)
@pytest.mark.skipif(not FULL, reason="speed is measured at full size alone: make bench, make prove")
def test_every_number_of_the_design_is_reached(measured):
    done = subprocess.run([sys.executable, "-m", "casino", "bench"], cwd=ROOT, capture_output=True, text=True, check=False)
    measured["report"] = "build/bench/report.md"
    assert done.returncode == 0, done.stdout
