"""Certificates are read again when they change, and a bad one never takes the place of a good one."""

import ssl
from pathlib import Path

import pytest
import trustme

from gateway.spec.listen import ClientCertificates, ListenerTls
from gateway.store.keyring import Keyring, KeyringError
from tests.authority import Authority, replace


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "certs")


@pytest.fixture
def files(authority):
    return authority.issue("first", "a.test", "*.a.test"), authority.issue("second", "b.test", "a.test")


@pytest.fixture
def keyring(files):
    return Keyring(ListenerTls(certificates=files))


def shake(keyring, context, name="a.test", session=None):
    """Let a client and the server side meet in memory; gives the client's side."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = keyring.wrap(to_server, to_client)
    client = context.wrap_bio(to_client, to_server, server_hostname=name, session=session)
    waiting = [client, server]
    while waiting:
        side = waiting.pop(0)
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(side)
    server.write(b"hello")
    assert client.read(5) == b"hello"
    return client


def serial(keyring, authority, name="a.test"):
    return shake(keyring, authority.client(), name).getpeercert()["serialNumber"]


def settled(keyring):
    """Look until files that changed have stood still."""
    return [*keyring.refresh(), *keyring.refresh()]


def test_where_two_are_for_a_name_the_first_is_taken(keyring, files):
    assert keyring.find("a.test").files == files[0]
    assert keyring.find("b.test").files == files[1]
    assert keyring.find("x.a.test").files == files[0]
    assert [keyring.find(name) for name in ("x.y.a.test", "c.test", "", "test")] == [None] * 4


def test_nothing_happens_to_files_that_stay(keyring):
    assert [settled(keyring) for _ in range(3)] == [[], [], []]


def test_a_new_pair_is_shown_once_it_stands_still(keyring, authority, files):
    before = serial(keyring, authority)
    authority.issue("first", "a.test")
    assert keyring.refresh() == []
    assert serial(keyring, authority) == before
    (change,) = keyring.refresh()
    assert (change.file, change.refused) == (files[0].certificate, "")
    assert serial(keyring, authority) != before
    assert keyring.find("x.a.test") is None


def test_another_kind_of_key_replaces_the_old_one_for_all(keyring, authority, files):
    """A client that could still use the old kind must not be shown the old certificate."""
    authority.issue("first", "a.test", key_type=trustme.KeyType.RSA)
    settled(keyring)
    context = authority.client(version=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    with pytest.raises(ssl.SSLError):
        shake(keyring, context)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_a_session_is_resumed_after_the_certificate_changed(keyring, authority, version):
    context = authority.client(version=version)
    session = shake(keyring, context).session
    authority.issue("first", "a.test")
    settled(keyring)
    assert shake(keyring, context, session=session).session_reused


def spoil(files, how):
    certificate, key = Path(files[0].certificate), Path(files[0].key)
    match how:
        case "another's key":
            replace(str(key), Path(files[1].key).read_bytes())
        case "half a file":
            replace(str(certificate), certificate.read_bytes()[:300])
        case "an empty file":
            key.write_bytes(b"")
        case "no file":
            certificate.unlink()
        case "a folder":
            certificate.unlink()
            certificate.mkdir()


@pytest.mark.parametrize("how", ["another's key", "half a file", "an empty file", "no file", "a folder"])
def test_a_bad_pair_is_told_once_and_the_good_one_stays(keyring, authority, files, how):
    before = serial(keyring, authority)
    spoil(files, how)
    (change,) = settled(keyring)
    assert files[0].certificate in change.refused
    assert serial(keyring, authority) == before
    assert settled(keyring) == []


def test_what_is_mended_is_taken_up(keyring, authority, files):
    spoil(files, "no file")
    settled(keyring)
    authority.issue("first", "a.test")
    assert [change.refused for change in settled(keyring)] == [""]


def test_a_bad_pair_keeps_no_other_from_changing(keyring, authority, files):
    spoil(files, "an empty file")
    authority.issue("second", "b.test")
    refused = {change.file: bool(change.refused) for change in settled(keyring)}
    assert refused == {files[0].certificate: True, files[1].certificate: False}


def test_other_authorities_are_believed_and_old_ones_not_any_more(tmp_path, authority, files):
    partners, others = Authority(tmp_path / "partners"), Authority(tmp_path / "others")
    ca = str(tmp_path / "ca.pem")
    replace(ca, partners.file.read_bytes())
    keyring = Keyring(ListenerTls(certificates=files, clients=ClientCertificates(ca=ca)))
    partner, other = authority.client(partners.issue("p")), authority.client(others.issue("o"))
    shake(keyring, partner)
    replace(ca, others.file.read_bytes())
    assert [(change.file, change.refused) for change in settled(keyring)] == [(ca, "")]
    shake(keyring, other)
    with pytest.raises(ssl.SSLError):
        shake(keyring, partner)


def test_authorities_that_cannot_be_read_leave_the_old_ones(tmp_path, authority, files):
    partners = Authority(tmp_path / "partners")
    keyring = Keyring(ListenerTls(certificates=files, clients=ClientCertificates(ca=str(partners.file))))
    partner = authority.client(partners.issue("p"))
    replace(str(partners.file), b"nothing")
    (change,) = settled(keyring)
    assert str(partners.file) in change.refused
    shake(keyring, partner)


def test_a_start_without_good_files_fails_and_says_which(authority, files):
    replace(files[0].key, b"")
    with pytest.raises(KeyringError, match=r"first\.pem with .*first\.key: "):
        Keyring(ListenerTls(certificates=files))


def test_without_files_a_certificate_for_this_machine_is_made_and_its_key_is_left_nowhere(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    keyring = Keyring(ListenerTls())
    assert list(tmp_path.iterdir()) == []
    assert keyring.files == []
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    shown = ssl.DER_cert_to_PEM_cert(shake(keyring, context, "localhost").getpeercert(binary_form=True))
    context = ssl.create_default_context(cadata=shown)
    for name in ("localhost", "127.0.0.1"):
        shake(keyring, context, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(keyring, context, "shop.example")
