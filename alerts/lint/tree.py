"""Reads PromQL, and walks it as the parser gives it: children, literals, and which labels a result must have."""

import re
from collections.abc import Iterator

from promql_parser import (
    AggModifierType,
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    LabelModifierType,
    MatchOp,
    MatrixSelector,
    NumberLiteral,
    ParenExpr,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
    parse,
)

from alerts.lint.inventory import Inventory

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
SETS = frozenset({"and", "or", "unless"})
Labels = frozenset[str] | None
"""What a result has; None: it cannot be told from the text."""


MOST_DEEP = 200
"""Levels of an expression; a chain of operators counts as many. Beyond it walks would end in a RecursionError."""
MOST_STEPS = 2_000
"""Operators and brackets of an expression. The parser ends the whole process where several thousand stand in each other."""
_TEXT = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|\#.*""")
_STEP = re.compile(r"[(\[{+*/%^<>=-]|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)


def parsed_from(text: str) -> Expr:
    """Parse an expression. Raises ValueError, which says why, if it is no PromQL or nested too deeply."""
    if sum(1 for _ in _STEP.finditer(_TEXT.sub("", text))) > MOST_STEPS:
        raise ValueError(f"more than {MOST_STEPS} operators and brackets: nobody can read it")
    expr = parse(text)
    level: tuple[Expr, ...] = (expr,)
    for _ in range(MOST_DEEP):
        level = tuple(child for each in level for child in children(each))
        if not level:
            return expr
    raise ValueError(f"nested more than {MOST_DEEP} levels deep: nobody can read it")


def children(expr: Expr) -> tuple[Expr, ...]:
    """Return what an expression is made of."""
    match expr:
        case BinaryExpr():
            return (expr.lhs, expr.rhs)
        case AggregateExpr():
            return (expr.expr,) if expr.param is None else (expr.param, expr.expr)
        case Call():
            return tuple(expr.args)
        case MatrixSelector():
            return (expr.vector_selector,)
        case ParenExpr() | SubqueryExpr() | UnaryExpr():
            return (expr.expr,)
    return ()


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield an expression and all within it, outermost first."""
    yield expr
    for child in children(expr):
        yield from walk(child)


def bare(expr: Expr) -> Expr:
    """Take off parentheses."""
    while isinstance(expr, ParenExpr):
        expr = expr.expr
    return expr


def number(expr: Expr) -> float | None:
    """Return the value of what is made of numbers alone."""
    expr = bare(expr)
    match expr:
        case NumberLiteral():
            return float(expr.val)
        case UnaryExpr():
            inner = number(expr.expr)
            return None if inner is None else -inner
        case BinaryExpr():
            return _computed(str(expr.op), number(expr.lhs), number(expr.rhs))
    return None


def _computed(operator: str, left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return None
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right if right else None
    return None


def name_of(selector: VectorSelector) -> str:
    """Return the series' name; empty where it is matched by an expression."""
    if selector.name:
        return str(selector.name)
    equal = (each for each in selector.matchers.matchers if each.name == "__name__" and each.op == MatchOp.Equal)
    return next((str(each.value) for each in equal), "")


def selectors(expr: Expr) -> Iterator[VectorSelector]:
    """Yield every selector."""
    return (each for each in walk(expr) if isinstance(each, VectorSelector))


def labels(expr: Expr, inventory: Inventory) -> Labels:
    """Return every label that a result of the expression may have."""
    expr = bare(expr)
    match expr:
        case VectorSelector():
            known = inventory.find(name_of(expr))
            return known.labels if known else None
        case MatrixSelector() | SubqueryExpr() | UnaryExpr():
            return labels(children(expr)[0], inventory)
        case AggregateExpr():
            return _of_aggregate(expr, inventory)
        case Call():
            return _of_call(expr, inventory)
        case BinaryExpr():
            return _of_binary(expr, inventory)
    return frozenset()


def _of_aggregate(expr: AggregateExpr, inventory: Inventory) -> Labels:
    inner = labels(expr.expr, inventory)
    if str(expr.op) in {"topk", "bottomk", "limitk"}:
        return inner
    if expr.modifier is None:
        return frozenset()
    named = frozenset(map(str, expr.modifier.labels))
    if expr.modifier.type == AggModifierType.By:
        return named
    return None if inner is None else inner - named


def _of_call(expr: Call, inventory: Inventory) -> Labels:
    function = str(expr.func.name)
    if function in {"vector", "time", "scalar"}:
        return frozenset()
    if function in {"label_replace", "label_join", "absent", "absent_over_time"}:
        return None
    inner = next((labels(each, inventory) for each in expr.args if number(each) is None), frozenset())
    return inner - {"le"} if inner is not None and function == "histogram_quantile" else inner


def _of_binary(expr: BinaryExpr, inventory: Inventory) -> Labels:
    operator, left, right = str(expr.op), labels(expr.lhs, inventory), labels(expr.rhs, inventory)
    if number(expr.lhs) is not None:
        return right
    if operator == "or":
        return None if left is None or right is None else left | right
    if operator in SETS or number(expr.rhs) is not None or expr.modifier is None or expr.modifier.matching is None:
        return left
    if expr.modifier.group_labels is not None or "OneToOne" not in str(expr.modifier.card):
        return None
    named = frozenset(map(str, expr.modifier.matching.labels))
    if expr.modifier.matching.type == LabelModifierType.Include:
        return named
    return None if left is None else left - named
