"""Claims as text, and text as header lines: what is said survives, and nothing else is written."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.consumers import header_line, texts
from gateway.core.failure import Refused
from gateway.core.headers import folded
from gateway.core.identity import read_basic, scopes
from gateway.spec.moment import unix_seconds

CHARACTERS = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("a b", ("a b",)), (7, ("7",)), (1.5, ("1.5",)), (True, ("true",)), (False, ("false",)), (None, ()), ({"a": 1}, ()),
        (["a", 1, True, None, {"b": 2}, ["c"]], ("a", "1", "true")), ([], ()),
    ],
)  # fmt: skip
def test_a_claim_says_its_scalars(value, said):
    assert texts(value) == said


@given(st.lists(CHARACTERS, min_size=1, max_size=5))
def test_values_can_be_read_back_from_one_line_of_visible_ascii(values):
    line = header_line("x", tuple(values)).decode()
    assert line.startswith("x: ")
    assert line.endswith("\r\n")
    assert all(0x21 <= ord(character) < 0x7F for character in line[3:-2])
    assert [unquote(value) for value in line[3:-2].split(",")] == values


def test_a_value_that_is_a_payload_is_refused():
    with pytest.raises(Refused):
        header_line("x", ("a" * 4097,))
    with pytest.raises(Refused):
        header_line("x", ("ä" * 700,))


@given(CHARACTERS.map(str.encode))
def test_a_name_is_folded_to_lower_case_letters_digits_and_dashes(name):
    assert set(folded(name)) <= set(b"abcdefghijklmnopqrstuvwxyz0123456789-")
    assert len(folded(name)) == len(name)


@given(st.binary(max_size=60))
def test_reading_a_password_never_fails(credential):
    pair = read_basic(credential)
    assert pair is None or b":" not in pair[0]


def test_scopes_are_words():
    assert scopes({"scope": "a b", "scp": ["c", "d e"]}) >= {"a", "b", "c", "d", "e"}


def test_a_day_begins_at_midnight_in_utc():
    assert unix_seconds("1970-01-02") == 86400
    assert unix_seconds("1970-01-01T01:00Z") == unix_seconds("1970-01-01T01:00:00Z") == 3600
