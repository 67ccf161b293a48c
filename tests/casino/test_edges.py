"""`casino check --request`: address lists, preflights and protection, as the gateway decides them."""

import pytest

from casino.cli import main
from casino.explain import foretell, in_words, parse_question
from gateway.spec.load import load

SPEC = """
casino: 1
listen: {trusted: [10.0.0.0/8]}
addresses: {deny: 203.0.113.0/24}
upstreams: {dice: {versions: {v1: http://127.0.0.1:7001}, timeouts: {total: 3s}}}
routes:
  roll:
    match: GET /roll/{sides}
    to: dice
    security_headers: true
    cors: {origins: https://shop.example}
    addresses: {allow: 10.0.0.0/8}
  open: {match: /open, to: dice}
"""
PAGE = "Origin: https://shop.example"


@pytest.fixture
def path(tmp_path):
    (tmp_path / "casino.yaml").write_text(SPEC)
    return tmp_path / "casino.yaml"


@pytest.fixture
def ask(path):
    spec = load(path).spec
    return lambda line, *headers, peer="10.1.1.1": foretell(spec, parse_question(line, list(headers), peer))


def test_who_is_let_in_is_told_by_which_lists(ask):
    outcome = ask("GET /roll/6")
    assert outcome.client == "10.1.1.1, let in by the list of all routes and the route's list"
    assert "sends      GET /roll/6 HTTP/1.1" in in_words(outcome)
    assert ask("/open").client == "10.1.1.1, let in by the list of all routes"


@pytest.mark.parametrize(
    ("line", "headers", "peer", "client", "route"),
    [
        pytest.param("/roll/6", [], "127.0.0.1", "127.0.0.1, kept out by the route's list", "roll", id="by the route"),
        pytest.param("/roll/6", [], "203.0.113.9", "203.0.113.9, kept out by the list of all routes", None, id="by all"),
        pytest.param(
            "/open", ["X-Forwarded-For: 203.0.113.9"], "10.1.1.1", "203.0.113.9, kept out by the list of all routes", None,
            id="as a trusted proxy says",
        ),
        pytest.param(
            "/roll/6", ["X-Forwarded-For: 10.9.9.9"], "192.0.2.1", "192.0.2.1, kept out by the route's list", "roll",
            id="whatever a stranger says",
        ),
        pytest.param("/nothing", [], "203.0.113.9", "203.0.113.9, kept out by the list of all routes", None, id="anywhere"),
    ],
)  # fmt: skip
def test_who_is_kept_out_is_told_by_which(ask, line, headers, peer, client, route):  # noqa: PLR0917 - a table's columns
    outcome = ask(line, *headers, peer=peer)
    assert (outcome.status, outcome.failure, outcome.client, outcome.route) == (403, "address_denied", client, route)


def test_a_preflight_is_answered_by_the_route_it_announces(ask):
    outcome = ask("OPTIONS /roll/6", PAGE, "Access-Control-Request-Method: GET")
    assert (outcome.route, outcome.status, outcome.considered[0].verdict) == ("roll", 204, "taken")
    assert outcome.returns == (
        "access-control-allow-origin: https://shop.example",
        "vary: Origin",
        "access-control-allow-methods: GET, HEAD, POST",
        "access-control-max-age: 600",
    )
    assert ask("OPTIONS /roll/6", "Origin: https://evil.example", "Access-Control-Request-Method: GET").returns == (
        "vary: Origin",
    )
    assert ask("OPTIONS /roll/6", PAGE).status == 405


def test_what_pages_and_browsers_are_told_is_shown(ask):
    returns = ask("GET /roll/6", PAGE).returns
    assert returns[0] == "access-control-allow-origin: https://shop.example"
    assert "x-content-type-options: nosniff" in returns
    assert ask("GET /open", PAGE).returns == ()


def test_the_command_takes_an_address(path, capsys):
    assert main(["check", str(path), "--request", "/roll/6", "--from", "::ffff:203.0.113.9"]) == 0
    assert "client     203.0.113.9, kept out" in capsys.readouterr().out
    assert main(["check", str(path), "--request", "/roll/6", "--from", "nowhere"]) == 2
    assert main(["check", str(path), "--from", "127.0.0.1"]) == 2
    assert "belongs to a --request" in capsys.readouterr().err
