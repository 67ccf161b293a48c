"""docs/spec.md says what the Structs say."""

import os
import re
from pathlib import Path

import pytest
from msgspec import inspect

from gateway.spec.meaning import meanings, summary
from gateway.spec.model import Spec
from gateway.spec.problem import Danger
from gateway.spec.reference import reference
from gateway.spec.types import stated, type_of
from gateway.spec.upgrade import NEEDS_UPGRADE

PATH = Path(__file__).parents[2] / "docs" / "spec.md"
PAGE = PATH.read_text()


def structs(type_: inspect.Type) -> dict[type, inspect.StructType]:
    match stated(type_):
        case inspect.StructType(fields=fields) as struct:
            inner = [structs(field.type) for field in fields]
            return {struct.cls: struct} | {cls: found for each in inner for cls, found in each.items()}
        case inspect.DictType(value_type=below) | inspect.VarTupleType(item_type=below):
            return structs(below)
    return {}


STRUCTS = structs(type_of(Spec))


@pytest.mark.parametrize("cls", STRUCTS, ids=lambda cls: cls.__name__)
def test_every_field_is_documented(cls):
    assert summary(cls)
    assert {field.name for field in STRUCTS[cls].fields} == set(meanings(cls))


def test_the_page_holds_the_tables_of_today():
    """UPDATE_GOLDEN=1 writes those that `casino schema --markdown` prints."""
    head, mark, _ = PAGE.partition("### The whole file\n")
    today = f"{head}{reference().rstrip()}\n"
    if os.environ.get("UPDATE_GOLDEN"):
        PATH.write_text(today)
        pytest.skip(f"{PATH} rewritten")
    assert mark
    assert today == PAGE


def test_the_page_lists_every_warning():
    assert set(
        re.findall(
            r"^\| `([a-z]+(?:[.-][a-z]+)*)` \|", PAGE.partition("### Warnings")[2].partition("## ")[0], re.MULTILINE
        )
    ) == set(Danger)


def test_the_page_says_what_needs_an_upgrade_and_why():
    for fixed in NEEDS_UPGRADE:
        assert f"| `{fixed.setting}` | {fixed.why} |" in PAGE
