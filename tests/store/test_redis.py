import pytest
import trustme

from gateway.spec.secret import Secret
from gateway.store.redis import ITEMS_PER_SCRIPT
from gateway.store.shared import StoreFault
from tests.ports import free_port
from tests.store.servers import HASTY_SECONDS, LATEST_SECONDS, RedisServer, Slow, charge, use

PASSWORD = "correct horse battery staple"


@pytest.fixture
def password(tmp_path):
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    return path


@pytest.fixture
def guarded(tmp_path, ends):
    server = RedisServer(tmp_path, "--requirepass", PASSWORD)
    ends.callback(server.end)
    return server


def slow(server, seconds, ends):
    relay = Slow(server.socket, seconds)
    ends.callback(relay.close)
    return relay


def test_a_server_that_was_killed_is_unreachable_at_once(redis, connect):
    client = connect(redis.store())
    client.tell(use(amount=1))
    redis.kill()
    failed, took_seconds = client.fails(use(amount=1))
    assert failed.fault is StoreFault.UNREACHABLE
    assert took_seconds < LATEST_SECONDS
    redis.start()
    assert client.again(use(amount=1)).used == (2,)


def test_one_that_answers_slowly_but_in_time_is_used(redis, connect, ends):
    client = connect(redis.store(url=slow(redis, 0.1, ends).url))
    assert client.used(use(amount=1)) == 1


def test_an_answer_that_comes_too_late_is_lost_and_its_batch_counts_once(redis, connect, ends):
    relay = slow(redis, 0.0, ends)
    client = connect(redis.store(url=relay.url, timeout_seconds=HASTY_SECONDS))
    assert client.until_told(use(amount=1)).used == (1,)
    relay.delay_seconds = 2 * HASTY_SECONDS
    assert client.fails(use(amount=10))[0].fault is StoreFault.TIMEOUT
    relay.delay_seconds = 0.0
    assert client.again(use(amount=10)).used == (11,)


def test_the_password_is_read_from_its_file_whenever_a_connection_is_opened(guarded, connect, password):
    client = connect(guarded.store(password=Secret(file=str(password))))
    client.tell(use(amount=1))
    guarded.cli("-a", PASSWORD, "CONFIG", "SET", "requirepass", "another")
    guarded.cli("-a", "another", "CLIENT", "KILL", "TYPE", "normal")
    assert client.fails(use(amount=1))[0].fault in {StoreFault.DENIED, StoreFault.UNREACHABLE}
    password.write_text("another\n")
    assert client.again(use(amount=1)).used == (2,)


def test_a_user_of_the_access_list_is_let_in(guarded, connect, password):
    guarded.cli("-a", PASSWORD, "ACL", "SETUSER", "casino", "on", ">hers", "~{casino:}*", "+@all")
    password.write_text("hers")
    assert connect(guarded.store(password=Secret(file=str(password)), user="casino")).used(use(amount=1)) == 1


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param("wrong guess", "invalid username-password pair", id="wrong"),
        pytest.param("", "is empty", id="empty"),
        pytest.param(None, "Authentication required", id="none"),
    ],
)
def test_a_bad_password_is_denied_and_never_told(guarded, connect, password, given, why):
    password.write_text(given or "")
    secret = None if given is None else Secret(file=str(password))
    failed, _ = connect(guarded.store(password=secret)).fails(use(amount=1))
    assert failed.fault is StoreFault.DENIED
    assert why in str(failed)
    assert not given or given not in str(failed)


def test_a_long_batch_without_a_password_is_denied_too(guarded, connect):
    failed, _ = connect(guarded.store()).fails(*(charge(str(number)) for number in range(20)))
    assert failed.fault is StoreFault.DENIED


def test_a_user_without_rights_is_denied(guarded, connect, password):
    guarded.cli("-a", PASSWORD, "ACL", "SETUSER", "casino", "on", ">hers", "~other:*", "+@all")
    password.write_text("hers")
    failed, _ = connect(guarded.store(password=Secret(file=str(password)), user="casino")).fails(use(amount=1))
    assert failed.fault is StoreFault.DENIED


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        pytest.param(("REPLICAOF", "127.0.0.1", "1"), "read only replica", id="a replica"),
        pytest.param(("CONFIG", "SET", "maxmemory", "1"), "maxmemory", id="full"),
    ],
)
def test_a_server_that_takes_no_writes_is_refused_and_counts_nothing(redis, connect, setting, why):
    client = connect(redis.store())
    client.tell(use(amount=1))
    redis.cli(*setting)
    failed, _ = client.fails(use(amount=10))
    assert failed.fault is StoreFault.REFUSED
    assert why in str(failed)
    redis.cli("REPLICAOF", "NO", "ONE")
    redis.cli("CONFIG", "SET", "maxmemory", "0")
    assert client.again(use(amount=10)).used == (11,)


def test_a_server_that_forgot_the_script_is_told_it_again(redis, connect):
    client = connect(redis.store())
    client.tell(use(amount=1))
    redis.cli("SCRIPT", "FLUSH")
    assert client.used(use(amount=1)) == 2


def test_a_batch_is_one_round_trip_whatever_its_size(redis, connect, ends):
    relay = slow(redis, 0.0, ends)
    client = connect(redis.store(url=relay.url, timeout_seconds=2.5))
    client.until_told(charge())
    relay.delay_seconds = 1.3  # two of them would be too much
    answer = client.tell(*(charge(f"bucket {number}", cost=1) for number in range(ITEMS_PER_SCRIPT * 2 + 1)))
    assert len(answer.owed_seconds) == ITEMS_PER_SCRIPT * 2 + 1


def test_every_key_ends_and_has_the_prefix_of_its_fleet(redis, connect):
    connect(redis.store(prefix="blue:")).tell(charge(cost=5), use(amount=1))
    names = redis.cli("KEYS", "*").split()
    assert sorted(names) == ["{blue:}quota:day", "{blue:}rate:all", "{blue:}session:one"]
    assert all(int(redis.cli("PTTL", name)) > 0 for name in names)


def test_two_fleets_in_one_server_do_not_meet(redis, connect):
    connect(redis.store(prefix="blue:")).tell(use(amount=5))
    assert connect(redis.store(prefix="green:")).used(use(amount=1)) == 1


@pytest.fixture
def authority():
    return trustme.CA()


@pytest.fixture
def encrypted(tmp_path, ends, authority):
    """The TLS address of a server."""
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    port = free_port()
    files = {"tls-cert-file": "certificate.pem", "tls-key-file": "key.pem", "tls-ca-cert-file": "ca.pem"}
    words = [word for name, value in files.items() for word in (f"--{name}", str(tmp_path / value))]
    server = RedisServer(tmp_path, "--tls-port", str(port), "--tls-auth-clients", "no", *words)
    ends.callback(server.end)
    return server, f"rediss://127.0.0.1:{port}"


def test_tls_is_spoken_with_a_server_whose_certificate_is_trusted(encrypted, connect, tmp_path):
    server, url = encrypted
    assert connect(server.store(url=url, ca=str(tmp_path / "ca.pem"))).used(use(amount=1)) == 1


def test_a_server_nobody_vouches_for_is_not_told_anything(encrypted, connect):
    server, url = encrypted
    failed, _ = connect(server.store(url=url)).fails(use(amount=1))
    assert failed.fault is StoreFault.UNREACHABLE
    assert "CERTIFICATE_VERIFY_FAILED" in str(failed)
