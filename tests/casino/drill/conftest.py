from pathlib import Path

import pytest

from gateway.spec.load import load
from tests.checkout import ROOT


@pytest.fixture(scope="session")
def spec():
    return load(Path(ROOT) / "examples" / "casino.yaml", None).spec
