"""Checks of what an expression means: whether it can be false, what it divides by, what threshold it can reach."""

from collections.abc import Iterator

from promql_parser import AggregateExpr, BinaryExpr, Call, Expr, SubqueryExpr, UnaryExpr, VectorSelector

from alerts.lint.finding import Finding
from alerts.lint.inventory import OF_RULES
from alerts.lint.source import Rule
from alerts.lint.tree import COMPARISONS, bare, children, name_of, number, selectors, walk

_SHARES = ("ratio", "burnrate")
"""In the name of a series that holds a share; Pyrra's `burnrate` is one."""


def check(rule: Rule, expr: Expr) -> Iterator[Finding]:
    """Judge one expression."""
    if rule.is_alert:
        yield from _comparison(rule, expr)
    for each in walk(expr):
        if isinstance(each, BinaryExpr):
            yield from _division(rule, each)
            yield from _threshold(rule, each)


def _comparison(rule: Rule, expr: Expr) -> Iterator[Finding]:
    if number(expr) is not None or any(map(_is_constant, walk(expr))):
        yield rule.found("constant-comparison", "it compares numbers, so it is always true or never")
    elif _can_be_false(expr) or (not any(selectors(expr)) and rule.labels.get("severity") == "none"):
        return
    else:
        reason = "`bool` gives a 0, which fires like a 1" if _has_bool(expr) else "nothing is compared"
        yield rule.found("no-comparison", f"it fires as soon as there is a series: {reason}")


def _is_constant(expr: Expr) -> bool:
    if not (isinstance(expr, BinaryExpr) and str(expr.op) in COMPARISONS):
        return False
    return _constant(expr.lhs) and _constant(expr.rhs)


def _constant(expr: Expr) -> bool:
    expr = bare(expr)
    if isinstance(expr, Call) and str(expr.func.name) == "vector":
        return number(expr.args[0]) is not None
    return number(expr) is not None


def _has_bool(expr: Expr) -> bool:
    return any(isinstance(each, BinaryExpr) and _gives_bool(each) for each in walk(expr))


def _gives_bool(expr: BinaryExpr) -> bool:
    return bool(expr.modifier and expr.modifier.return_bool)


def _can_be_false(expr: Expr) -> bool:
    """Whether something other than missing data can leave nothing of the result."""
    expr = bare(expr)
    match expr:
        case VectorSelector():
            return name_of(expr) in OF_RULES
        case AggregateExpr() | UnaryExpr() | SubqueryExpr():
            return _can_be_false(expr.expr)
        case Call():
            return str(expr.func.name).startswith("absent") or any(map(_can_be_false, expr.args))
        case BinaryExpr():
            return _either(expr)
    return False


def _either(expr: BinaryExpr) -> bool:
    operator = str(expr.op)
    if operator in COMPARISONS and not _gives_bool(expr):
        return True
    if operator == "unless":
        return True
    sides = _can_be_false(expr.lhs), _can_be_false(expr.rhs)
    return all(sides) if operator == "or" else any(sides)


def _division(rule: Rule, expr: BinaryExpr) -> Iterator[Finding]:
    if str(expr.op) not in {"/", "%"}:
        return
    if number(expr.rhs) == 0:
        yield rule.found("division-by-zero", "it divides by 0")
    elif number(expr.rhs) is None and not _is_guarded(expr.rhs) and any(map(_is_change, walk(expr.rhs))):
        yield rule.found(
            "unguarded-division", "nothing may be counted: then this is NaN or infinite. Divide by (... > 0)"
        )


def _is_change(expr: Expr) -> bool:
    return isinstance(expr, Call) and str(expr.func.name) in {"rate", "irate", "increase"}


def _is_guarded(expr: Expr) -> bool:
    expr = bare(expr)
    if isinstance(expr, Call) and str(expr.func.name) == "clamp_min":
        return True
    return isinstance(expr, BinaryExpr) and str(expr.op) in {">", ">=", "!="} and not _gives_bool(expr)


def _threshold(rule: Rule, expr: BinaryExpr) -> Iterator[Finding]:
    operator, most = str(expr.op), number(expr.rhs)
    if most is None or not _is_share(expr.lhs):
        return
    if (operator == ">" and most >= 1) or (operator == ">=" and most > 1):
        yield rule.found(
            "impossible-threshold", f"a share is never above {most:g}: the factor is too high for the budget"
        )


def _is_share(expr: Expr) -> bool:
    """A recorded share, or a part divided by the whole of the same metric."""
    expr = bare(expr)
    if isinstance(expr, VectorSelector):
        return any(word in name_of(expr) for word in _SHARES) and "remaining" not in name_of(expr)
    if isinstance(expr, AggregateExpr) and str(expr.op) in {"max", "min", "avg"}:
        return _is_share(expr.expr)
    if not (isinstance(expr, BinaryExpr) and str(expr.op) == "/"):
        return False
    part, whole = ({name_of(each) for each in selectors(side)} for side in (expr.lhs, expr.rhs))
    return len(part) == 1 and part == whole and bool(part - {""}) and _is_plain(expr.lhs) and _is_plain(expr.rhs)


def _is_plain(expr: Expr) -> bool:
    """Nothing but one rate, summed: no factor could make more than the whole of it."""
    expr = bare(expr)
    if isinstance(expr, BinaryExpr):
        return str(expr.op) in COMPARISONS and number(expr.rhs) == 0 and _is_plain(expr.lhs)
    return all(map(_is_plain, children(expr))) if not isinstance(expr, VectorSelector) else True
