from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.core.request import Header, Request
from gateway.spec.load import load
from gateway.spec.model import Spec

UPSTREAMS = """
casino: 1
upstreams:
  dice: {versions: {v1: ["http://127.0.0.1:7001"], v2: ["http://127.0.0.1:7002"]}}
  cards: {versions: {poker: ["http://127.0.0.1:7021"], pokemon: ["http://127.0.0.1:7031"]}}
routes:
"""

SpecOf = Callable[[str], Spec]
Ask = Callable[..., Request]


@pytest.fixture
def spec_of(tmp_path: Path) -> SpecOf:
    """Load a spec with two upstreams and the routes given, one a line, as a user writes them."""

    def build(routes: str) -> Spec:
        file = tmp_path / "casino.yaml"
        file.write_text(UPSTREAMS + "".join(f"  {line.strip()}\n" for line in routes.strip().splitlines()))
        return load(file).spec

    return build


@pytest.fixture
def ask() -> Ask:
    """Make a request from `GET shop.example/roll/6?a=1` and headers; the host may be left out."""

    def build(line: str, *headers: Header, client: str = "192.0.2.1") -> Request:
        method, _, rest = line.partition(" ")
        authority, _, target = rest.partition("/")
        path, _, query = target.partition("?")
        return Request(method, authority or "casino.example", f"/{path}", query, list(headers), client)

    return build
