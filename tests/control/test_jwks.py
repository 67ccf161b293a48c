"""Key sets are fetched in time, never too often, and the last good one holds whatever the issuer does."""

import gzip
import json
import os
import ssl
import time

import msgspec
import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from exporters.catalog.gateway import KEY_FETCHES, KEY_MISSES, KEYS, KEYS_AGE
from gateway.control import fetch, jwks
from gateway.control.fetch import _max_age
from gateway.control.jwks import _pause
from gateway.control.tasks import PAUSE_SECONDS
from gateway.core.keyset import KEYSETS, MOST_BYTES, KeySets
from gateway.store.slot import Word
from tests.control.upstreams import upstream
from tests.waiting import until

SPEC = """
casino: 1
issuers:
  site: {{issuer: "https://site.example", audiences: [a], algorithms: [ES256], {source}, refresh: {refresh}}}
routes:
  here: {{match: /here, answer: {{status: 200, body: here}}}}
"""
OLD, NEW = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())


def jwk(private: ec.EllipticCurvePrivateKey, key_id: str) -> dict[str, str]:
    return {**ECAlgorithm.to_jwk(private.public_key(), as_dict=True), "kid": key_id}


def key_set(*keys: dict[str, str]) -> bytes:
    return json.dumps({"keys": keys}).encode()


FIRST, SECOND = key_set(jwk(OLD, "old")), key_set(jwk(OLD, "old"), jwk(NEW, "new"))


def answer(body: bytes, *lines: str, status: str = "200 OK") -> bytes:
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *lines))
    return head.encode() + b"\r\n" + body


@pytest.fixture
def issuer():
    with upstream() as server:
        server.answer = answer(FIRST)
        yield server


@pytest.fixture
def start(rig, issuer, monkeypatch):
    """Start control with this issuer; waits are short, so that a test sees several of them."""
    monkeypatch.setattr(jwks, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(jwks, "MOST_RETRY_SECONDS", 0.1)
    monkeypatch.setattr(jwks, "FILE_SECONDS", 0.02)

    def begin(refresh: str = "100ms", source: str = "", **settings):
        source = source or f'url: "{issuer.url}/keys"'
        control = rig(SPEC.format(source=source, refresh=refresh), **settings).start()
        until(lambda: control.ask("GET", "/ready").status == 200)
        return control

    return begin


def ids(worker) -> list[str]:
    """The keys a worker was told of."""
    return [key.key_id for keys in worker.key_sets.sets.values() for key in keys.keys]


def fetches(control, result: str) -> float:
    lines = control.ask("GET", "/metrics").body.decode().splitlines()
    wanted = f'{KEY_FETCHES.name}_total{{issuer="site",result="{result}"}} '
    return next((float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted)), 0.0)


def gauge(control, name: str) -> list[float]:
    lines = control.ask("GET", "/metrics").body.decode().splitlines()
    return [float(line.rpartition(" ")[2]) for line in lines if line.startswith(f'{name}{{issuer="site"}}')]


def test_workers_know_the_keys_before_the_gateway_is_ready(start, issuer):
    control = start(refresh="1h")
    for worker in control.workers:
        until(lambda worker=worker: ids(worker) == ["old"])
    assert issuer.requests[0].startswith(b"GET /keys HTTP/1.1\r\n")
    assert gauge(control, KEYS.name) == [1]
    [age] = gauge(control, KEYS_AGE.name)
    assert 0 <= age < 30


def test_a_rotated_set_is_taken_up_in_time(start, issuer):
    control = start()
    issuer.answer = answer(SECOND)
    until(lambda: ids(control.workers[0]) == ["old", "new"])
    issuer.answer = answer(key_set(jwk(NEW, "new")))
    assert until(lambda: ids(control.workers[1]) == ["new"])


@pytest.mark.parametrize(
    ("fault", "result"),
    [
        pytest.param(answer(b"oh", status="500 Internal Server Error"), "status", id="500"),
        pytest.param(answer(b"", "Location: /other", status="302 Found"), "status", id="a redirect"),
        pytest.param(answer(gzip.compress(SECOND), "Content-Encoding: gzip"), "status", id="compressed unasked"),
        pytest.param(answer(b"<html>maintenance</html>"), "garbage", id="HTML"),
        pytest.param(answer(b""), "garbage", id="nothing"),
        pytest.param(answer(b'{"keys":[]}'), "empty", id="an empty set"),
        pytest.param(answer(key_set({**jwk(NEW, "new"), "d": "AQAB"})), "private", id="a private key"),
        pytest.param(answer(key_set(*[jwk(NEW, "new")] * 101)), "too_many", id="101 keys"),
        pytest.param(answer(b" " * MOST_BYTES + SECOND), "too_large", id="more bytes than any set has"),
        pytest.param(answer(SECOND)[:-20], "unreachable", id="an answer cut short"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n", "unreachable", id="no HTTP"),
        pytest.param(None, "timeout", id="no answer"),
    ],
)
def test_the_last_good_set_holds_while_the_issuer_answers_nonsense(fault, result, start, issuer, monkeypatch):
    control = start()
    until(lambda: ids(control.workers[0]) == ["old"])
    if fault is None:
        monkeypatch.setattr(fetch, "FETCH_SECONDS", 0.3)
    issuer.answer = fault
    until(lambda: fetches(control, result) >= 2)
    assert ids(control.workers[0]) == ["old"]
    assert gauge(control, KEYS.name) == [1]
    issuer.answer = answer(SECOND)
    until(lambda: ids(control.workers[0]) == ["old", "new"])


def test_the_last_good_set_holds_while_the_issuer_is_down(start):
    with upstream() as server:
        server.answer = answer(FIRST)
        control = start(source=f'url: "{server.url}/keys"')
        until(lambda: ids(control.workers[0]) == ["old"])
    until(lambda: fetches(control, "unreachable") >= 2)
    assert ids(control.workers[0]) == ["old"]


def test_an_issuer_that_never_answers_keeps_nobody_from_serving(start, issuer, monkeypatch):
    monkeypatch.setattr(fetch, "FETCH_SECONDS", 0.3)
    issuer.answer = None
    control = start(refresh="1h")
    assert control.ask("GET", "/ready").status == 200
    assert ids(control.workers[0]) == []
    assert gauge(control, KEYS.name) == [0]
    assert gauge(control, KEYS_AGE.name) == []
    issuer.answer = answer(FIRST)
    until(lambda: ids(control.workers[0]) == ["old"])


def test_the_last_good_set_outlives_control(start, issuer):
    control = start(refresh="1h")
    until(lambda: ids(control.workers[0]) == ["old"])
    control.stop()
    issuer.answer = answer(b"", status="503 Service Unavailable")
    before = control.control.words[Word.KEYSETS]
    control.start()
    until(lambda: fetches(control, "status") >= 1)
    assert ids(control.workers[0]) == ["old"]
    assert gauge(control, KEYS.name) == [1]
    assert control.control.words[Word.KEYSETS] >= before


def test_a_full_disk_asks_no_issuer_more_often_and_keys_are_published_once_there_is_room(start, issuer):
    control = start(refresh="1h")
    control.stop()
    full = control.build.path / f".{KEYSETS}.{os.getpid()}"
    full.symlink_to("/dev/full")
    issuer.answer = answer(SECOND)
    asked = len(issuer.requests)
    control.start()
    until(lambda: fetches(control, "good") >= 1)
    begun = time.monotonic()
    until(lambda: time.monotonic() - begun > 2 * PAUSE_SECONDS)
    assert len(issuer.requests) == asked + 1
    assert ids(control.workers[0]) == ["old"]
    full.unlink()
    until(lambda: ids(control.workers[0]) == ["old", "new"])
    assert len(issuer.requests) == asked + 1


def test_a_new_build_begins_with_the_set_of_the_one_before(start, rig, issuer, monkeypatch):
    issuer.answer = answer(b"", status="503 Service Unavailable")
    control = rig(SPEC.format(source=f'url: "{issuer.url}/keys"', refresh="1h"), old_build=True)
    old, _ = control.run.builds()
    with upstream() as better:
        better.answer = answer(FIRST)
        other = start(refresh="1h", source=f'url: "{better.url}/keys"')
        until(lambda: ids(other.workers[0]) == ["old"])
        published = other.workers[0].key_sets
    [keys] = published.sets.values()
    remembered = KeySets(edition=77, sets={("site", f"{issuer.url}/keys"): keys})
    old.documents.write(KEYSETS, msgspec.msgpack.encode(remembered))
    control.start()
    until(lambda: ids(control.workers[0]) == ["old"])
    assert control.workers[0].key_sets.edition < 77, "numbers are a build's own"


@pytest.mark.parametrize("left", [b"", b"\xc1", msgspec.msgpack.encode({"another": "layout"})])
def test_what_another_release_left_is_no_harm(left, rig, issuer):
    control = rig(SPEC.format(source=f'url: "{issuer.url}/keys"', refresh="1h"), old_build=True)
    control.run.builds()[0].documents.write(KEYSETS, left)
    control.start()
    assert until(lambda: ids(control.workers[0]) == ["old"])


def test_a_missed_key_is_asked_for_at_once(start, issuer, monkeypatch):
    monkeypatch.setattr(jwks, "LEAST_SECONDS", 0.3)
    control = start(refresh="1h")
    until(lambda: ids(control.workers[0]) == ["old"])
    issuer.answer = answer(SECOND)
    control.workers[1].slot.tally.add(KEY_MISSES, ("site",))
    until(lambda: ids(control.workers[0]) == ["old", "new"])
    assert len(issuer.requests) == 2


def test_a_flood_of_missed_keys_asks_no_more_often_than_it_may(start, issuer, monkeypatch):
    monkeypatch.setattr(jwks, "LEAST_SECONDS", 1.0)
    control = start(refresh="1h")
    until(lambda: ids(control.workers[0]) == ["old"])

    def flood() -> bool:
        for worker in control.workers:
            worker.slot.tally.add(KEY_MISSES, ("site",), 1000)
        return len(issuer.requests) >= 4

    begun = control.control.words[Word.HEARTBEAT]
    until(flood)
    taken_seconds = (control.control.words[Word.HEARTBEAT] - begun) / 1e9
    assert len(issuer.requests) - 1 <= taken_seconds / 0.95 + 1


def test_what_was_missed_before_control_began_is_no_reason_to_ask(rig, issuer, monkeypatch):
    monkeypatch.setattr(jwks, "LEAST_SECONDS", 0.05)
    control = rig(SPEC.format(source=f'url: "{issuer.url}/keys"', refresh="1h"))
    control.workers[0].slot.tally.add(KEY_MISSES, ("site",), 5)
    control.start()
    until(lambda: ids(control.workers[0]) == ["old"])
    control.workers[0].slot.tally.add(KEY_MISSES, ("another",), 5)
    until(lambda: control.ask("GET", "/ready").status == 200)
    assert len(issuer.requests) == 1


def test_a_file_is_read_again_when_it_changes_and_nonsense_in_it_is_not_taken(start, tmp_path):
    path = tmp_path / "keys.json"
    path.write_bytes(FIRST)
    control = start(source=f'file: "{path}"')
    until(lambda: ids(control.workers[0]) == ["old"])
    path.write_bytes(b"{")
    until(lambda: fetches(control, "garbage") >= 1)
    path.unlink()
    until(lambda: fetches(control, "unreachable") >= 1)
    assert ids(control.workers[0]) == ["old"]
    new = tmp_path / "new.json"
    new.write_bytes(SECOND)
    new.replace(path)
    until(lambda: ids(control.workers[0]) == ["old", "new"])


def test_a_new_issuers_keys_are_there_before_the_spec_that_needs_them(start, issuer):
    control = start(refresh="1h").settle()
    with upstream() as other:
        other.answer = answer(SECOND)
        control.write_spec(SPEC.format(source=f'url: "{other.url}/keys"', refresh="1h"))
        assert control.ask("POST", "/reload").json["result"] == "applied"
        assert "new" in ids(control.workers[0])
        until(lambda: [source for _, source in control.workers[0].key_sets.sets] == [f"{other.url}/keys"])
    assert len(issuer.requests) == 1


def test_certificates_are_verified(start, tmp_path, monkeypatch):
    authority = trustme.CA()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(serving)
    with upstream(tls=serving) as secured:
        secured.answer = answer(FIRST)
        source = f'url: "https://127.0.0.1:{secured.port}/keys"'
        for name in ("RETRY_SECONDS", "MOST_RETRY_SECONDS"):  # so that control is not stopped in a handshake
            monkeypatch.setattr(jwks, name, 60)
        control = start(source=source)
        until(lambda: fetches(control, "unreachable") >= 1)
        assert ids(control.workers[0]) == []
        control.stop()
        trusted = tmp_path / "ca.pem"
        authority.cert_pem.write_to_path(trusted)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        fetch._context.cache_clear()
        control.start()
        until(lambda: ids(control.workers[0]) == ["old"])
    fetch._context.cache_clear()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", None),
        ("public", None),
        ("max-age=60", 60),
        ("public, MAX-AGE=3600, must-revalidate", 3600),
        ('max-age="60"', 60),
        ("s-maxage=5", None),
        ("max-age=-1", None),
        ("max-age=99999999999999", 999999999),
        ("no-store", 0),
        ("no-cache, max-age=60", 0),
    ],
)
def test_how_long_an_answer_is_good_for_is_read(header, seconds):
    assert _max_age(header) == seconds


@pytest.mark.parametrize(
    ("refresh", "max_age", "pause"),
    [
        pytest.param(300, None, 300, id="the spec's word"),
        pytest.param(300, 60, 60, id="the issuer may shorten it"),
        pytest.param(300, 0, 10, id="but not to nothing"),
        pytest.param(300, 86400, 300, id="and not make it longer"),
        pytest.param(5, 0, 5, id="a spec that wants it more often gets it"),
    ],
)
def test_a_set_is_used_as_long_as_both_agree(refresh, max_age, pause):
    assert _pause(refresh, max_age) == pause
