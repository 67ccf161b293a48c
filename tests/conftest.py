import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# pytest-timeout bounds each test; a deadline for each example would judge the machine's load instead of the code.
settings.register_profile("casino", deadline=None)
settings.load_profile("casino")

pytest_plugins = ["tests.proof"]

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def golden() -> Callable[[str, str], str]:
    """Compare text with a file under tests/golden and return what that holds; UPDATE_GOLDEN=1 rewrites the file and skips the test."""

    def compare(name: str, text: str) -> str:
        path = GOLDEN / name
        if os.environ.get("UPDATE_GOLDEN"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            pytest.skip(f"{path} rewritten")
        kept = path.read_text()
        assert text == kept
        return kept

    return compare
