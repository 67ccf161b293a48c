"""Properties of the loader as a whole: whatever is written, there is a spec or a list of findings, never a traceback."""

import json
import random
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.spec.load import load
from gateway.spec.problem import Problem, SpecErrors

EXAMPLE = (Path(__file__).parents[2] / "examples" / "casino.yaml").read_text()
WORDS = (
    "casino", "1", "listen", "public", "control", "upstreams", "dice", "versions", "v1", "routes", "match", "to",
    "split", "when", "header", "answer", "status", "null", "~", "''", "{}", "[]", "[", "]", "{", "}", ":", "- ", "&a",
    "*a", "!!int", "<<", "|", ">", "\t", "\n  ", "\n", "#", "90%", "250ms", "http://h", "GET /x", "/x/{a}", "%", '"',
)  # fmt: skip


def is_judged(text: str) -> bool:
    """Every finding stands within the text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        path.write_bytes(text.encode(errors="surrogatepass"))
        problems = problems_of(path)
    lines = len(text.splitlines()) + 1
    return all(1 <= problem.line <= lines and problem.column >= 1 for problem in problems)


def problems_of(path: Path) -> tuple[Problem, ...]:
    try:
        return load(path).warnings
    except SpecErrors as refused:
        return refused.problems


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_is_judged(text):
    assert is_judged(text)


@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=3), max_size=60).map(" ".join))
@settings(max_examples=300, deadline=None)
def test_any_words_are_judged(text):
    assert is_judged(f"casino: 1\n{text}")


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=5))
@settings(max_examples=150, deadline=None)
def test_a_damaged_spec_is_judged(seed, changes):
    chance = random.Random(seed)
    lines = EXAMPLE.splitlines()
    for _ in range(changes):
        at = chance.randrange(len(lines))
        word = chance.choice(WORDS)
        column = chance.randrange(len(lines[at]) + 1)
        lines[at] = chance.choice([lines[at][:column] + word + lines[at][column:], lines[at][:column], word])
    assert is_judged("\n".join(lines))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=10,
    ),
    st.data(),
)
@settings(max_examples=200, deadline=None)
def test_any_value_anywhere_is_judged(value, data):
    """JSON is YAML, so any JSON value may be put at any place of a spec."""

    spec = {
        "casino": 1,
        "listen": {"public": ["127.0.0.1:80"]},
        "upstreams": {"dice": {"versions": {"v1": ["http://h"]}, "balance": {"by": "hash"}, "retry": {"on": ["reset"]}}},
        "routes": {"a": {"match": [{"path": "/x", "when": {"header": {"X": {"exact": "1"}}}}], "to": "dice",
                         "split": [{"version": "v1", "weight": "100%"}], "rewrite": {"path": "/y"},
                         "objectives": {"latency": {"share": "99%", "within": "1s"}}},
                   "b": {"match": "GET /y", "answer": {"status": 404, "headers": {"X": "y"}}}},
    }  # fmt: skip
    place = spec
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = value
    assert is_judged(json.dumps(spec))
