"""What is asked again after a failure, and what the whole run ends with."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.again import HANDFUL, again

FRAGILE = """
from pathlib import Path

def test_the_first_time_only():
    seen = Path(__file__).with_suffix(".seen")
    first = not seen.exists()
    seen.touch()
    assert not first
"""
WRONG = "def test_wrong(): assert False\n"
MANY = "".join(f"def test_{number}(): assert False\n" for number in range(HANDFUL + 1))


@pytest.mark.parametrize(
    ("source", "ended", "said"),
    [
        pytest.param(FRAGILE, 0, "FRAGILE, to be mended", id="passes alone"),
        pytest.param(WRONG, 1, "asked again, alone: test_it.py::test_wrong", id="fails again"),
        pytest.param(FRAGILE + WRONG, 1, "asked again, alone", id="one of two fails again"),
        pytest.param(MANY, 1, "none is asked again", id="more than a handful"),
    ],
)
def test_few_that_failed_are_asked_again_alone(source: str, ended: int, said: str, tmp_path: Path, capfd) -> None:
    (tmp_path / "pytest.ini").touch()
    (tmp_path / "test_it.py").write_text(source)
    first = subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=tmp_path, capture_output=True, check=False)
    assert first.returncode == 1
    assert again(tmp_path) == ended
    assert said in capfd.readouterr().out


def test_a_run_that_never_came_to_its_tests_is_not_asked_again(tmp_path: Path, capfd) -> None:
    assert again(tmp_path) == 1
    assert "none is asked again" in capfd.readouterr().out
