"""`casino check --request`: the example's routes, and what each way of asking brings."""

from pathlib import Path

import pytest

from casino.explain import BadRequestLineError, foretell, in_words, parse_question
from gateway.core.failure import Failure
from gateway.spec.load import load

SPEC = load(Path(__file__).parents[2] / "examples" / "casino.yaml").spec


def ask(line: str, *headers: str):
    return foretell(SPEC, parse_question(line, list(headers)))


@pytest.mark.parametrize(
    ("line", "headers", "route", "arm"),
    [
        pytest.param("GET /roll/6", [], "roll", None, id="by weight"),
        pytest.param("HEAD /roll/6", [], "roll", None, id="HEAD as GET"),
        pytest.param("/cards/5", [], "cards", "poker", id="nobody special"),
        pytest.param("/cards/5", ["x-beta: 1"], "cards", "pokemon", id="a tester"),
        pytest.param("/cards/5", ["X-Beta: 2"], "cards", "poker", id="no tester"),
        pytest.param("/v1/roll/6", [], "dice-by-path-v1", "v1", id="version by path"),
        pytest.param("/v2/roll/6", [], "dice-by-path-v2", "v2", id="other version by path"),
        pytest.param("/dice/6", [], "dice", "v1", id="version by default"),
        pytest.param("/dice/6", ["X-Api-Version: 2"], "dice", "v2", id="version by header"),
        pytest.param("/dice/6", ["Accept: application/vnd.casino.v2+json"], "dice", "v2", id="version by media type"),
        pytest.param("/roll/6", ["Host: v2.dice.example"], "dice-by-host", "v2", id="version by host"),
        pytest.param("http://v2.dice.example/roll/6", [], "dice-by-host", "v2", id="version by absolute form"),
        pytest.param("/x/..//cards/./5", [], "cards", "poker", id="path brought into normal form"),
    ],
)
def test_a_request_finds_its_version(line, headers, route, arm):
    outcome = ask(line, *headers)
    assert (outcome.route, outcome.arm, outcome.failure) == (route, arm, None)


def test_weights_are_told_with_their_targets():
    outcome = ask("GET /roll/6")
    assert outcome.shares == {"v1": 0.9, "v2": 0.1}
    assert outcome.targets == {
        "v1": ("http://127.0.0.1:7001", "http://127.0.0.1:7002"),
        "v2": ("http://127.0.0.1:7011",),
    }
    assert "version    v1 90%, v2 10%" in in_words(outcome)


def test_limits_are_told_with_whom_they_count():
    assert ask("GET /roll/6").limits == ("fair: 1000/s, up to 1000 at once, for each client address",)
    assert "limits     fair: 1000/s" in in_words(ask("GET /roll/6"))
    assert ask("GET /cards/5").limits == ()


@pytest.mark.parametrize(
    ("limit", "line"),
    [
        ("100/s", "x: 100/s, up to 100 at once, for all callers together"),
        ("{rate: 30/m, burst: 5, by: consumer}", "x: 0.5/s, up to 5 at once, for each consumer, or address where none is known"),
        ("{concurrent: 4}", "x: 4 under way, for all callers together"),
        ("{quota: 9, period: month, by: address}", "x: 9 in a month (UTC), for each client address"),
    ],
)  # fmt: skip
def test_each_kind_of_limit_is_told(limit, line, tmp_path):
    path = tmp_path / "casino.yaml"
    route = f"routes: {{a: {{match: /a, answer: {{status: 204}}}}}}\nlimits: {{x: {limit}}}"
    path.write_text(f"casino: 1\nstore: {{url: sqlite:/tmp/unused.db}}\n{route}\n")
    assert foretell(load(path).spec, parse_question("GET /a", [])).limits == (line,)


def test_the_head_is_told_as_it_is_sent():
    outcome = ask("GET /dice/6?twice=1", "Host: casino.example", "Connection: x-private", "X-Private: 1", "Accept: */*")
    assert outcome.sends[0] == "GET /roll/6?twice=1 HTTP/1.1"
    assert "host: casino.example" in outcome.sends
    assert "accept: */*" in outcome.sends
    assert "x-forwarded-for: 127.0.0.1" in outcome.sends
    assert not [line for line in outcome.sends if line.startswith(("x-private", "connection"))]


@pytest.mark.parametrize(
    ("line", "failure", "status"),
    [
        ("POST /roll/6", Failure.METHOD_NOT_ALLOWED, 405),
        ("GET /nowhere", Failure.NO_ROUTE, 404),
        ("OPTIONS *", Failure.NO_ROUTE, 404),
        ("GET /roll/%2e%2e/%2e%2e/x", Failure.BAD_PATH, 400),
        ("GET /roll/a%2Fb", Failure.BAD_PATH, 400),
        ("CONNECT casino.example:443", Failure.NOT_IMPLEMENTED, 501),
        ("GET roll", Failure.BAD_REQUEST, 400),
    ],
)
def test_a_refusal_is_told_with_its_status(line, failure, status):
    outcome = ask(line)
    assert (outcome.failure, outcome.status) == (failure, status)
    assert f"{status} {failure.value}" in in_words(outcome)


def test_a_refused_method_names_those_that_are_taken():
    assert ask("POST /roll/6").allow == ("GET", "HEAD")


def test_what_callers_must_show_is_told_and_what_of_it_goes_further():
    outcome = ask("GET /vip/6", "X-API-Key: casino_demo", "X-Consumer: me", "X_Consumer: me", "Accept: */*")
    assert outcome.callers == ("key", "anyone in players")
    assert "callers    key\n           anyone in players\n" in in_words(outcome)
    assert [line for line in outcome.sends if line.startswith(("accept", "x-api", "x-consumer", "x_consumer"))] == [
        "accept: */*",
        "x-consumer: (who calls)",
    ]


def test_no_route_lets_a_client_name_itself():
    assert not [line for line in ask("GET /roll/6", "X-Consumer: me", "X-Consumer-Subject: me").sends if "me" in line]


def test_two_hosts_are_refused():
    assert ask("GET /roll/6", "Host: a", "Host: b").failure is Failure.BAD_HOST


def test_fixed_answers_are_told():
    assert ask("GET /admin/users").status == 404
    outcome = ask("POST /slots")
    assert (outcome.status, outcome.meaning, outcome.body) == (
        503, "maintenance", "The slot machines are being repaired.",
    )  # fmt: skip


@pytest.mark.parametrize("line", ["", "GET", "GET /a b", "GET /a HTTP/1.1", "GET /ü"])
def test_what_is_no_request_is_refused(line):
    if line == "GET":
        assert ask(line).failure is Failure.BAD_REQUEST
        return
    with pytest.raises(BadRequestLineError):
        parse_question(line, [])
