from collections.abc import Callable

import pytest

from gateway.core.headers import PROTECTED, SPECIAL, HeaderChanges, folded, without_named
from gateway.core.request import Header
from gateway.spec.model import Spec
from gateway.spec.problem import SpecErrors
from gateway.spec.route import HeaderRules

GIVEN: list[Header] = [(b"accept", b"*/*"), (b"x-team", b"a"), (b"x_team", b"b"), (b"x-old", b"1"), (b"x-team", b"c")]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param(HeaderRules(), GIVEN, id="nothing"),
        pytest.param(
            HeaderRules(remove=("X-Old",)),
            [header for header in GIVEN if header[0] != b"x-old"],
            id="remove",
        ),
        pytest.param(
            HeaderRules(set={"X-Team": "games"}),
            [(b"accept", b"*/*"), (b"x-old", b"1"), (b"x-team", b"games")],
            id="set replaces every copy, in every spelling",
        ),
        pytest.param(HeaderRules(add={"X-Team": "d"}), [*GIVEN, (b"x-team", b"d")], id="add keeps what is there"),
        pytest.param(
            HeaderRules(remove=("x-team", "Accept"), set={"X-Old": "2"}, add={"X-Team": "d", "X-Old": "3"}),
            [(b"x-old", b"2"), (b"x-team", b"d"), (b"x-old", b"3")],
            id="remove, then set, then add",
        ),
    ],
)
def test_header_rules_change_headers(rules: HeaderRules, expected: list[Header]) -> None:
    given = GIVEN.copy()

    assert HeaderChanges(rules).apply(given) == expected
    assert given == GIVEN


def test_a_name_of_many_words_costs_no_more_than_another() -> None:
    name = "-".join("x" * 50)

    assert HeaderChanges(HeaderRules(remove=(name,))).apply([(name.replace("-", "_").encode(), b"1")]) == []


@pytest.mark.parametrize(
    "name",
    [
        b"host", b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"transfer_encoding", b"upgrade",
        b"proxy-authorization", b"content-length", b"content_length", b"http2-settings", b"x-forwarded-for",
        b"x_forwarded_for", b"x-forwarded_proto", b"x.forwarded.for", b"x!forwarded~for", b"X_FORWARDED-FOR", b"forwarded", b"x-real-ip", b"x_real_ip", b"x-original-url",
        b"x-request-id", b"x_request_id", b"traceparent", b"casino-failure",
    ],
)  # fmt: skip
def test_what_the_gateway_writes_or_acts_on_never_passes_as_it_came(name: bytes) -> None:
    assert folded(name) in SPECIAL


@pytest.mark.parametrize(
    ("connection", "left"),
    [
        pytest.param(b"close", [b"accept", b"authorization", b"x-forwarded-for", b"x-hop"], id="close"),
        pytest.param(b"X-Hop", [b"accept", b"authorization", b"x-forwarded-for"], id="a field for this hop"),
        pytest.param(b" x-hop ,\tACCEPT,", [b"authorization", b"x-forwarded-for"], id="several, loosely written"),
        pytest.param(
            b"authorization, x-forwarded-for, X-Hop",
            [b"accept", b"authorization", b"x-forwarded-for"],
            id="never a protected one (CVE-2024-45410)",
        ),
    ],
)
def test_connection_removes_what_it_names_but_nothing_protected(connection: bytes, left: list[bytes]) -> None:
    headers = [(b"accept", b""), (b"authorization", b""), (b"x-forwarded-for", b""), (b"x-hop", b"")]

    assert [name for name, _ in without_named(headers, connection)] == left


def test_the_fields_that_say_who_and_where_from_are_protected() -> None:
    assert {
        b"host", b"authorization", b"cookie", b"forwarded", b"x-forwarded-for", b"x-forwarded-proto",
        b"x-request-id", b"traceparent", b"content-length",
    } <= PROTECTED  # fmt: skip


@pytest.mark.parametrize("name", ["Host", "X-Forwarded-Proto", "X-Real-IP", "traceparent", "Upgrade", "X-Request-Id"])
@pytest.mark.parametrize(
    "route",
    [
        pytest.param("r: {{match: {{path: /x, when: {{header: {{{}: a}}}}}}, to: dice}}", id="condition"),
        pytest.param("r: {{match: /x, to: dice, headers: {{request: {{set: {{{}: a}}}}}}}}", id="rule"),
    ],
)
def test_a_spec_cannot_ask_for_or_change_what_never_passes_as_it_came(
    spec_of: Callable[[str], Spec], route: str, name: str
) -> None:
    with pytest.raises(SpecErrors) as refused:
        spec_of(route.format(name))

    assert [name in problem.message for problem in refused.value.problems] == [True]
