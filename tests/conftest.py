import os
from collections.abc import Callable
from pathlib import Path

import pytest

pytest_plugins = ["tests.proof"]

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare text with a file under tests/golden; UPDATE_GOLDEN=1 rewrites the file and skips the test."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("UPDATE_GOLDEN"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            pytest.skip(f"{path} rewritten")
        assert text == path.read_text()

    return compare
