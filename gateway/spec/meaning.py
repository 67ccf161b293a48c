"""Reads what each field means from the docstring under it: the one place where it is written."""

import ast
import sys
from functools import cache
from inspect import cleandoc, getsource
from itertools import pairwise

from msgspec import Struct


@cache
def meanings(cls: type[Struct]) -> dict[str, str]:
    """Return the meaning of each documented field of a Struct, by the field's name."""
    module = ast.parse(getsource(sys.modules[cls.__module__]))
    (body,) = (node.body for node in module.body if isinstance(node, ast.ClassDef) and node.name == cls.__name__)
    found = {}
    for statement, below in pairwise(body):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            text = _text(below)
            if text:
                found[statement.target.id] = " ".join(cleandoc(text).split())
    return found


def summary(cls: type[Struct]) -> str:
    """Return the first paragraph of a Struct's docstring."""
    return " ".join(cleandoc(cls.__doc__ or "").split("\n\n")[0].split())


def _text(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        value = statement.value.value
        return value if isinstance(value, str) else None
    return None
