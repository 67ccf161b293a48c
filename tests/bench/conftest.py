import os

import pytest

from bench import product


@pytest.fixture(autouse=True)
def _this_checkout(monkeypatch):
    """What is tested is this checkout, not a wheel that was built of an older one."""
    rest = [folder for folder in product.SEARCH_PATH.split(os.pathsep) if folder != str(product.WHEEL)]
    monkeypatch.setattr(product, "SEARCH_PATH", os.pathsep.join(rest))
