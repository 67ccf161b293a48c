"""Issuers with a shared secret: it holds while its file is gone, and one that will not do is told of without its text."""

import pytest

from gateway.proxy.issuers import Issuers
from gateway.spec.consumer import Issuer
from gateway.spec.secret import Secret

SECRET = "no one may read this in a log, so it is long"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    return path


@pytest.fixture
def issuers(path) -> Issuers:
    issuers = Issuers()
    issuers.configure({"partner": issuer(path)})
    return issuers


def issuer(path) -> Issuer:
    return Issuer(issuer="https://p", audiences=("a",), algorithms=("HS256", "HS512"), secret=Secret(file=str(path)))


def verifies(issuers: Issuers, algorithm: str = "HS256") -> bool:
    return issuers.issuer("https://p").binding("whatever", algorithm) is not None


def test_a_secret_holds_while_its_file_is_gone(issuers, path, caplog):
    path.unlink()
    for _ in range(3):
        assert not issuers.look()
    assert verifies(issuers)
    assert [record.message for record in caplog.records if "unreadable" in record.message] == [
        "token_secret_unreadable"
    ]
    path.write_text(SECRET + " and new")
    assert issuers.look()
    assert verifies(issuers)


def test_a_secret_shorter_than_the_hash_is_no_key_for_it(issuers, caplog):
    assert verifies(issuers, "HS256")
    assert not verifies(issuers, "HS512")
    assert [record.message for record in caplog.get_records("setup")] == ["token_secret_unfit"]


def test_a_secret_that_was_never_there_is_no_key(path, caplog):
    path.unlink()
    issuers = Issuers()
    issuers.configure({"partner": issuer(path)})
    assert not verifies(issuers)
    path.write_text(SECRET)
    assert issuers.look()
    assert verifies(issuers)


def test_no_log_line_holds_a_secret(issuers, path, caplog):
    path.write_text("short " + SECRET[:9])
    issuers.look()
    assert not [record for record in caplog.records if SECRET[:9] in str(vars(record))]


def test_nobody_is_an_issuer_who_is_not_named(issuers):
    for iss in (None, 1, "", "https://P", ["https://p"], {}):
        assert issuers.issuer(iss) is None
