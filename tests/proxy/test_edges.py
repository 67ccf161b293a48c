"""Who may come from where: address lists on real sockets, and what does not get round them."""

import pytest

from exporters.catalog.gateway import FAILURES, REQUESTS
from tests.proxy.wire import GET, OK

TRUSTED = "127.0.0.2"
INNER = "127.0.0.7"
"""An address of this machine that the lists below name."""
HEALTH = b"GET /.casino/health HTTP/1.1\r\nHost: a\r\n\r\n"
OFFICE = """
  admin: {{match: /admin/**, to: game, addresses: {{{addresses}}}}}
  inner: {{match: /inner, addresses: {{allow: 127.0.0.7}}, answer: {{status: 200, body: in}}}}
"""


def get(target: str, *lines: str) -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: a", *lines, "", ""]).encode()


@pytest.fixture
def listed(configure):
    """Put lists on the route `/admin/**`, or on all routes."""

    def apply(addresses: str, top: str = "") -> None:
        configure(routes=OFFICE.format(addresses=addresses), top=f"addresses: {{{top}}}")

    return apply


def test_whoever_is_in_no_allowed_network_gets_a_403_that_names_the_reason(listed, connect, gateway, untouched):
    listed("allow: [10.0.0.0/8, 127.0.0.7]")
    before = gateway.total(FAILURES, route="admin", failure="address_denied")
    answer = connect().ask(get("/admin/x"))
    assert (answer.status, answer.failure) == (403, "address_denied")
    assert gateway.total(FAILURES, route="admin", failure="address_denied") == before + 1
    line = gateway.line()
    assert (line["casino.failure"], line["client.ip"], line["casino.route"]) == ("address_denied", "127.0.0.1", "admin")


def test_whoever_is_in_one_is_served(listed, connect, upstream):
    listed("allow: [10.0.0.0/8, 127.0.0.7]")
    client = connect(source=INNER)
    client.send(get("/admin/x"))
    upstream.answer()
    assert client.message().status == 200


def test_a_denied_part_of_an_allowed_network_is_refused(listed, connect, upstream):
    listed("allow: 127.0.0.0/8, deny: 127.0.0.7")
    assert connect(source=INNER).ask(get("/admin/x")).status == 403
    client = connect()
    client.send(get("/admin/x"))
    upstream.answer()
    assert client.message().status == 200


def test_other_routes_are_open(listed, connect, upstream):
    listed("allow: 10.0.0.0/8")
    client = connect()
    client.send(GET)
    upstream.answer()
    assert client.message().status == 200


def test_a_list_for_all_routes_counts_for_requests_that_match_none(listed, connect, untouched):
    listed("", top="deny: 127.0.0.1")
    for target in ("/any", "/admin/x", "/inner", "/.casino/healthy"):
        assert connect().ask(get(target)).failure == "address_denied"


def test_health_is_asked_from_anywhere(listed, connect):
    listed("", top="allow: 10.0.0.0/8")
    assert connect().ask(HEALTH).status == 200


def test_both_lists_must_let_a_client_in(listed, connect):
    listed("", top="deny: 127.0.0.1")
    assert connect(source=INNER).ask(get("/inner")).body == b"in"
    listed("", top="deny: 127.0.0.7")
    assert connect(source=INNER).ask(get("/inner")).status == 403
    assert connect().ask(get("/inner")).status == 403


@pytest.mark.proves("4.2 an IPv4 client of an IPv6 listener meets the lists of IPv4")
def test_an_ipv4_client_of_an_ipv6_listener_is_known_by_its_ipv4_address(listed, connect, upstream):
    listed("allow: 127.0.0.0/8", top="deny: '::/0'")
    client = connect("dual")
    client.send(get("/admin/x"))
    upstream.answer()
    assert client.message().status == 200
    listed("deny: 127.0.0.1")
    assert connect("dual").ask(get("/admin/x")).status == 403
    listed("deny: '::ffff:127.0.0.1'")
    assert connect("dual").ask(get("/admin/x")).status == 403


CLAIMS = ["X-Forwarded-For", "X_Forwarded_For", "x-forwarded-for", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP"]


@pytest.mark.proves("4.2 no forged X-Forwarded-For gets round an address list")
@pytest.mark.parametrize("name", CLAIMS)
def test_a_stranger_s_word_about_its_address_helps_nothing(name, listed, connect, untouched):
    listed("allow: 127.0.0.7")
    assert connect().ask(get("/admin/x", f"{name}: 127.0.0.7")).status == 403
    assert connect().ask(get("/admin/x", "Forwarded: for=127.0.0.7", f"{name}: 127.0.0.7, 127.0.0.2")).status == 403


@pytest.mark.parametrize(
    ("claim", "status"),
    [
        pytest.param("X-Forwarded-For: 127.0.0.7", 200, id="its client is on the list"),
        pytest.param("X-Forwarded-For: 203.0.113.9", 403, id="its client is not"),
        pytest.param("X-Forwarded-For: 127.0.0.7, 203.0.113.9", 403, id="its client only says so"),
        pytest.param("X-Forwarded-For: 127.0.0.7, rubbish", 403, id="beyond what cannot be read all is hearsay"),
        pytest.param("X-Forwarded-For: ::ffff:127.0.0.7", 200, id="mapped into IPv6"),
        pytest.param("Forwarded: for=127.0.0.7", 200, id="Forwarded"),
        pytest.param('Forwarded: for=127.0.0.7, for="203.0.113.9:80"', 403, id="Forwarded by a stranger"),
    ],
)
def test_a_trusted_proxy_s_word_counts_as_far_as_trust_goes(claim, status, listed, connect):
    listed("")
    assert connect(source=TRUSTED).ask(get("/inner", claim)).status == status


def test_a_proxy_header_says_who_the_client_is(listed, connect):
    listed("")
    client = connect("proxy", TRUSTED)
    assert client.ask(b"PROXY TCP4 127.0.0.7 10.0.0.1 5 80\r\n", get("/inner")).status == 200
    client = connect("proxy", TRUSTED)
    assert client.ask(b"PROXY TCP4 203.0.113.9 10.0.0.1 5 80\r\n", get("/inner")).status == 403


def test_who_comes_through_a_unix_socket_is_in_no_network(listed, connect, upstream):
    listed("allow: [0.0.0.0/0, '::/0']")
    assert connect("unix").ask(get("/admin/x", "X-Forwarded-For: 127.0.0.7")).status == 403
    listed("deny: [0.0.0.0/0, '::/0']")
    client = connect("unix")
    client.send(get("/admin/x"))
    upstream.answer()
    assert client.message().status == 200


@pytest.mark.parametrize(
    "target",
    [
        "/admin", "/admin/x", "/admin//x", "//admin/x", "/./admin/x", "/x/../admin/x", "/x/%2e%2e/admin/x", "/%61dmin/x",
        "/%61%64%6D%69%6e", "http://a/admin/x", "/admin/x?y=/../z", "/any/..//admin",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
@pytest.mark.proves("4.2 no spelling of a path gets round an address list")
def test_no_spelling_of_a_path_gets_round_the_list(method, target, listed, connect, untouched):
    listed("deny: 127.0.0.0/8")
    client = connect().send(get(target).replace(b"GET", method.encode(), 1))
    answer = client.message(bodiless=method == "HEAD")
    assert (answer.status, answer.failure) == (403, "address_denied")


def test_a_refusal_counts_as_an_error_of_the_client_s(listed, connect, gateway):
    listed("deny: 127.0.0.0/8")
    before = gateway.total(REQUESTS, route="admin", **{"class": "4xx"})
    connect().ask(get("/admin/x"))
    assert gateway.total(REQUESTS, route="admin", **{"class": "4xx"}) == before + 1


def test_a_changed_list_holds_from_the_next_request_on_the_same_connection(listed, client, upstream):
    listed("allow: 10.0.0.0/8")
    assert client.ask(get("/admin/x")).status == 403
    listed("allow: 127.0.0.0/8")
    client.send(get("/admin/x"))
    upstream.answer(OK)
    assert client.message().status == 200
