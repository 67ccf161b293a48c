"""Expressions mean what was built, for promql-parser and for Prometheus itself."""

import shutil
import subprocess

import promql_parser
import pytest
import yaml

from exporters.catalog.gateway import BREAKER_STATE, FIRST_BYTE, IN_FLIGHT, REQUESTS, RETRIES, TARGET_UP
from exporters.catalog.objective import ERRORS, EVENTS
from exporters.duration import duration, seconds_of
from exporters.promql import (
    Matching,
    Not,
    PromqlError,
    Vector,
    absent,
    aggregate,
    changes,
    clamp_min,
    constant,
    edge,
    increase,
    or_zero,
    over_time,
    quantile,
    rate,
    seconds_until,
    select,
    total,
)

A, B, C = (Vector(letter, frozenset({"route", letter})) for letter in "abc")
UP = select(TARGET_UP)
BUCKETS = select(FIRST_BYTE, part="bucket")

CASES = [
    pytest.param(A + B * C, "a + b * c", id="a product binds closer"),
    pytest.param((A + B) * C, "(a + b) * c", id="a sum within a product"),
    pytest.param(A - (B - C), "a - (b - c)", id="differences go to the left"),
    pytest.param((A - B) - C, "a - b - c", id="no parentheses where none are needed"),
    pytest.param(A / (B * C), "a / (b * c)", id="quotients go to the left"),
    pytest.param((A > 1) & (B > 2), "a > 1\nand b > 2", id="comparisons within a conjunction"),
    pytest.param(A & (B | C), "a\nand (b\nor c)", id="a disjunction within a conjunction"),
    pytest.param((A & B) | C, "a\nand b\nor c", id="a conjunction within a disjunction"),
    pytest.param((A > 1) * 2, "(a > 1) * 2", id="a comparison within a product"),
    pytest.param(1 - A / B, "1 - a / b", id="a number in front"),
    pytest.param(0.5 * A, "0.5 * a", id="a factor in front"),
    pytest.param(A.unless(B, on=("route",)), "a\nunless on (route) b", id="unless"),
    pytest.param(A.op("*", B, on=("route",), group_left=("b",)), "a * on (route) group_left (b) b", id="many to one"),
    pytest.param(A.op("/", B, ignoring=("a", "b")), "a / ignoring (a, b) b", id="ignoring"),
    pytest.param(A.op("/", B, on=()), "a / on () b", id="on nothing"),
    pytest.param(A.op("==", 0), "a == 0", id="equals"),
    pytest.param(A * (1 - 0.999), "a * 0.001", id="no noise of binary fractions"),
    pytest.param(A > 1e-7, "a > 0.0000001", id="no exponents"),
    pytest.param(rate(select(REQUESTS), 300), "rate(gateway_requests_total[5m])", id="rate"),
    pytest.param(
        total(increase(select(REQUESTS, {"class": "5xx", "route": Not('"')}).ago(3600), 90), "route"),
        'sum by (route) (increase(gateway_requests_total{class="5xx",route!="\\""}[90s] offset 1h))',
        id="sum of an increase long ago",
    ),
    pytest.param(
        aggregate("max", select(IN_FLIGHT, {"route": Matching("a|b")}), without=("instance", "job")),
        'max without (instance, job) (gateway_in_flight_requests{route=~"a|b"})',
        id="without",
    ),
    pytest.param(aggregate("count", UP), "count(gateway_target_up)", id="count of all"),
    pytest.param(
        quantile(0.99, total(rate(BUCKETS, 300), "le")),
        "histogram_quantile(0.99, sum by (le) (rate(gateway_first_byte_seconds_bucket[5m])))",
        id="quantile",
    ),
    pytest.param(
        over_time("last", select(EVENTS["1d"]).ago(86400), 1800),
        "last_over_time(objective:events:increase1d[30m] offset 1d)",
        id="a recorded series long ago",
    ),
    pytest.param(or_zero(total(UP)), "sum(gateway_target_up)\nor vector(0)", id="or zero"),
    pytest.param(clamp_min(A, 0), "clamp_min(a, 0)", id="clamp"),
    pytest.param(absent(UP), "absent(gateway_target_up)", id="absent"),
    pytest.param(changes(select(BREAKER_STATE), 60), "changes(gateway_breaker_state[1m])", id="changes"),
    pytest.param(seconds_until(UP) < 60, "gateway_target_up - time() < 60", id="time left"),
    pytest.param(
        seconds_until(UP, 300) < 60,
        "last_over_time(gateway_target_up[5m]) - time() < 60",
        id="time left, as last known",
    ),
    pytest.param(constant(1), "vector(1)", id="constant"),
]


@pytest.mark.parametrize(("built", "text"), CASES)
def test_an_expression_reads_as_it_was_built(built, text):
    assert str(built) == text


@pytest.mark.parametrize(("built", "text"), CASES)
def test_parentheses_stand_where_the_grammar_needs_them(built, text):
    """The printed tree of the parser, which knows precedence, is the one of our text."""
    assert promql_parser.parse(str(built)).prettify() == promql_parser.parse(text).prettify()


def shape(expression):
    """The tree of a parsed expression, free of parentheses."""
    if isinstance(expression, promql_parser.ParenExpr):
        return shape(expression.expr)
    if isinstance(expression, promql_parser.BinaryExpr):
        return (str(expression.op), shape(expression.lhs), shape(expression.rhs))
    return str(expression)


OPERATORS = ["or", "and", "unless", "==", "<", "+", "-", "*", "/", "%"]


@pytest.mark.parametrize("outer", OPERATORS)
@pytest.mark.parametrize("inner", OPERATORS)
def test_every_pair_of_operators_keeps_its_grouping(outer, inner):
    left = A.op(inner, B).op(outer, C)
    right = A.op(outer, B.op(inner, C))
    words = [shape(promql_parser.parse(f"({one})")) for one in (left, right)]
    token = {each: shape(promql_parser.parse(f"a {each} b"))[0] for each in (outer, inner)}
    assert words[0] == (token[outer], (token[inner], "a{}", "b{}"), "c{}")
    assert words[1] == (token[outer], "a{}", (token[inner], "b{}", "c{}"))


@pytest.mark.skipif(not shutil.which("promtool"), reason="Debian's prometheus is not installed")
def test_prometheus_takes_every_expression(tmp_path):
    rules = [{"record": "a:b", "labels": {"n": str(at)}, "expr": str(case.values[0])} for at, case in enumerate(CASES)]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", "--lint=none", path], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda: select(REQUESTS, {"method": "GET"}), id="a label of another metric"),
        pytest.param(lambda: select(FIRST_BYTE), id="a histogram without its part"),
        pytest.param(lambda: select(REQUESTS, part="bucket"), id="a counter with a part"),
        pytest.param(lambda: select(EVENTS["5m"], part="sum"), id="a recorded series with a part"),
        pytest.param(lambda: select(ERRORS["5m"], {"instance": "x"}), id="a recorded series of one instance"),
        pytest.param(lambda: rate(UP, 60), id="rate of a gauge"),
        pytest.param(lambda: increase(select(EVENTS["5m"]), 60), id="increase of a recorded series"),
        pytest.param(lambda: over_time("max", select(RETRIES), 60), id="the greatest of a counter"),
        pytest.param(lambda: changes(select(RETRIES), 60), id="changes of a counter"),
        pytest.param(lambda: seconds_until(select(RETRIES)), id="a counter as a time"),
        pytest.param(lambda: total(UP, "route"), id="sum by a label that is not there"),
        pytest.param(lambda: total(total(UP, "upstream"), "target"), id="sum by a label summed away"),
        pytest.param(lambda: aggregate("sum", UP, by=("job",), without=("job",)), id="by and without"),
        pytest.param(lambda: quantile(0.9, total(rate(BUCKETS, 60), "route")), id="quantile without le"),
        pytest.param(lambda: quantile(99, rate(BUCKETS, 60)), id="a quantile in percent"),
        pytest.param(lambda: or_zero(UP), id="zero beside labelled series"),
        pytest.param(lambda: A.op("+", B, on=("a",)), id="on a label of one side"),
        pytest.param(lambda: A.op("+", B, on=(), ignoring=()), id="on and ignoring"),
        pytest.param(lambda: A.op("+", B, ignoring=("x",)), id="ignoring a label of no side"),
        pytest.param(lambda: A.op("and", B, group_left=()), id="a set with group_left"),
        pytest.param(lambda: A.op("*", B, on=("route",), group_left=("a",)), id="taking a label that is not there"),
        pytest.param(lambda: A.op("and", 1), id="a set with a number"),
        pytest.param(lambda: A.op("+", 1, on=()), id="matching a number"),
    ],
)
def test_what_would_mean_nothing_is_refused_at_once(wrong):
    with pytest.raises(PromqlError):
        wrong()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.25, "250ms"), (90, "90s"), (300, "5m"), (3600, "1h"), (90 * 86400, "90d")]
)
def test_a_duration_reads_back(seconds, text):
    assert duration(seconds) == text
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(("seconds", "le"), [(0.1, "0.1"), (1, "1.0"), (2.5, "2.5"), (10, "10.0")])
def test_an_edge_is_written_as_the_gateway_exposes_it(seconds, le):
    assert edge(seconds) == le
