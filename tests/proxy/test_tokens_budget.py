"""What verifying tokens may cost: so many a second for one client, and a share of the worker's time for all together."""

import time

import pytest

from tests.proxy.credentials import ask
from tests.proxy.signing import AUDIENCE, ISSUER, SOURCE, Key, Publisher, bearer, verdicts
from tests.proxy.wire import Message
from tests.waiting import until

ROUTES = "  guarded: {match: /guarded/**, answer: {status: 200, body: inside}, identity: jwt}\n"
KEY, STRANGER = Key("ES256", "one"), Key("ES256", "one")


def spec(identity: str) -> str:
    issuer = f'site: {{issuer: "{ISSUER}", audiences: [{AUDIENCE}], algorithms: [ES256], file: {SOURCE}}}'
    return f"identity: {identity}\nissuers:\n  {issuer}\n"


@pytest.fixture
def budget(configure, gateway):
    def give(identity: str) -> None:
        configure(top=spec(identity), routes=ROUTES)
        Publisher(gateway).publish(KEY)

    return give


def answer(client, token: bytes, *lines: bytes):
    return client.ask(with_token(token, *lines))


def statuses(client, *tokens: bytes, lines: tuple[bytes, ...] = ()) -> list[int]:
    return [answer(client, token, *lines).status for token in tokens]


def at_once(client, *requests: bytes) -> list[Message]:
    """Ask all in one packet, so that no time passes between them but the gateway's own."""
    client.send(b"".join(requests))
    return [client.message() for _ in requests]


def with_token(token: bytes, *lines: bytes) -> bytes:
    return ask(bearer(token), *lines, target=b"/guarded")


def bad(count: int, word: str = "bad") -> list[bytes]:
    return [STRANGER.sign(jti=f"{word}-{number}") for number in range(count)]


def test_one_client_has_so_many_unknown_tokens_a_second_verified(budget, connect, gateway):
    budget("{verifications: 5, verify: 100%}")
    known = KEY.sign()
    client, other = connect(), connect(source="127.0.0.9")
    assert statuses(client, known) == [200]
    good = KEY.sign(jti="a good one, but unknown")
    *answers, refused = at_once(client, *map(with_token, [*bad(30), good]))
    seen = [each.status for each in answers]
    assert seen.count(401) in range(4, 15), "five a second, and some of a slow test's seconds"
    assert set(seen) == {401, 429}
    assert (refused.status, refused.failure, refused.one(b"retry-after")) == (429, "too_many_tokens", b"1")
    assert statuses(client, known, known) == [200, 200], "who is known passes"
    assert statuses(other, KEY.sign(jti="from elsewhere")) == [200]
    assert verdicts(gateway)["throttled_client"] >= 10


def test_a_bad_token_that_is_repeated_costs_nothing(budget, connect):
    budget("{verifications: 5, verify: 100%}")
    client, [token] = connect(), bad(1, "repeated")
    assert statuses(client, *[token] * 40) == [401] * 40


def test_an_ipv6_network_of_64_bits_is_one_client(budget, connect):
    budget("{verifications: 5, verify: 100%}")
    trusted = connect(source="127.0.0.2")
    claimed = (
        with_token(token, b"X-Forwarded-For: 2001:db8:1:2::%x" % number) for number, token in enumerate(bad(30, "v6"))
    )
    assert [each.status for each in at_once(trusted, *claimed)].count(429) > 10
    assert statuses(trusted, KEY.sign(jti="v6"), lines=(b"X-Forwarded-For: 2001:db8:1:3::1",)) == [200]


def test_a_client_that_claims_other_addresses_is_still_one(budget, connect):
    budget("{verifications: 5, verify: 100%}")
    client = connect(source="127.0.0.7")
    claimed = (
        with_token(token, b"X-Forwarded-For: 10.0.0.%d" % number) for number, token in enumerate(bad(30, "claimed"))
    )
    assert [each.status for each in at_once(client, *claimed)].count(429) > 10


def test_all_together_may_take_a_share_of_the_time_and_the_known_pass(budget, connect, gateway):
    budget("{verifications: 1000000, verify: 1%}")
    known = KEY.sign(jti="known")
    client = connect()
    assert statuses(client, known) == [200]
    before, cpu = verdicts(gateway), gateway.cpu_seconds()
    seen: list[int] = []

    def both_are_seen() -> bool:
        """The first verification of a process may cost what a share so small earns in a second."""
        more = statuses(client, *(token for one in bad(100, f"time-{len(seen)}") for token in (one, known)))
        assert more[1::2] == [200] * 100
        seen.extend(more[::2])
        return {401, 429} <= set(seen)

    until(both_are_seen)
    assert set(seen) == {401, 429}
    now = verdicts(gateway)
    assert now["throttled_time"] - before.get("throttled_time", 0) == seen.count(429)
    assert gateway.cpu_seconds() > cpu


@pytest.fixture
def verified(budget, connect):
    """Ask for many tokens at once with a tenth of a second of the share saved up; give how many it was enough for."""
    client = connect()

    def count(tokens: list[bytes], status: int) -> int:
        budget("{verifications: 1000000, verify: 10%}")
        assert statuses(client, KEY.sign(jti="makes the key ready, which takes long")) == [200]
        since = time.monotonic()
        until(lambda: time.monotonic() - since > 0.15)
        seen = [each.status for each in at_once(client, *map(with_token, tokens))]
        assert set(seen) <= {status, 429}
        return seen.count(status)

    return count


DEAR: dict[str, object] = {"x": [{}] * 1_200}
"""A claim that takes longer to read than a signature to verify, in a token that is just not too long."""


@pytest.mark.parametrize(
    ("claims", "count", "times"),
    [pytest.param({}, 200, (1.5, 6), id="small"), pytest.param(DEAR, 60, (0.7, 2), id="dear to read")],
)
def test_a_forged_token_takes_the_share_of_several_good_ones_but_no_more_than_a_request_costs(
    claims, count, times, verified
):
    """One that is dear to read must not shut out everybody who comes with a token that nobody knows."""
    right = forged = 0
    for turn in range(4):
        names = [f"{turn} {number}" for number in range(count)]
        right += verified([KEY.sign(jti=name, **claims) for name in names], 200)
        forged += verified([STRANGER.sign(jti=name, **claims) for name in names], 401)
    least, most = times
    assert least * forged < right < most * forged


def test_a_share_of_nothing_verifies_nothing_new(budget, connect):
    budget("{verifications: 1000000, verify: 0}")
    client = connect()
    statuses(client, *bad(1, "first"))
    assert statuses(client, *bad(20, "none")) == [429] * 20
