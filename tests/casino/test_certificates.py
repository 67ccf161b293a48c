"""What `casino check` finds in certificates: at its place, under its id, and nothing in a good one."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from casino.certificates import ERRORS, Finding
from casino.cli import main
from tests.authority import Authority
from tests.checkout import ROOT

SPEC = """casino: 1
listen:
  public:
    - address: 127.0.0.1:8443
      tls: {{certificates: [{{certificate: certs/it.pem, key: certs/it.key}}]{more}}}
  control: unix:/tmp/control.sock
routes: {{a: {{match: {match}, answer: {{status: 204}}}}}}
"""


@pytest.fixture
def authority(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Authority(tmp_path / "certs")


@pytest.fixture
def findings(tmp_path, capsys):
    def check(match: str = "shop.test/x", more: str = "") -> list[str]:
        (tmp_path / "certs" / "it.key").chmod(0o600)
        (tmp_path / "casino.yaml").write_text(SPEC.format(match=match, more=more))
        code = main(["check"])
        lines = capsys.readouterr().out.splitlines()[:-1]
        assert code == any(": error: " in line for line in lines)
        return [line.rpartition("[")[2].rstrip("]") for line in lines]

    return check


def forge(folder: Path, *, key=None, names=("shop.test",), extensions=(), days=30) -> x509.CertificateBuilder:
    """Write a certificate no authority of ours would sign."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "it")]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False
        )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    signed = builder.sign(key, hashes.SHA256())
    (folder / "it.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    kind = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption())
    (folder / "it.key").write_bytes(private)


def test_a_good_certificate_brings_nothing(authority, findings):
    authority.issue("it", "shop.test")
    assert findings() == []


@pytest.mark.parametrize(
    ("days", "finding"),
    [
        pytest.param((-30, -1), Finding.EXPIRED, id="yesterday"),
        pytest.param((-30, 20), Finding.ENDS_SOON, id="in 20 days"),
        pytest.param((1, 60), Finding.FUTURE, id="tomorrow"),
        pytest.param((-30, 22), None, id="in 22 days"),
    ],
)
def test_dates_are_told(authority, findings, days, finding):
    authority.issue("it", "shop.test", days=days)
    assert findings() == ([finding] if finding else [])


def test_an_authority_that_ended_is_told(authority, findings):
    old = authority.issue("old", "old.test", days=(-3, -1))
    authority.issue("it", "shop.test")
    assert findings(more=f", clients: {{ca: {old.certificate}}}") == [Finding.EXPIRED]


@pytest.mark.parametrize(
    ("match", "found"),
    [
        pytest.param("/x", [], id="any host"),
        pytest.param("deep.shop.test/x", [], id="by its wildcard"),
        pytest.param("'*.shop.test/x'", [], id="a wildcard by the same"),
        pytest.param("other.test/x", [Finding.NO_ROUTE, Finding.HOST_UNCOVERED], id="another host"),
        pytest.param("too.deep.shop.test/x", [Finding.NO_ROUTE, Finding.HOST_UNCOVERED], id="a label too many"),
        pytest.param("{hosts: [a.shop.test, other.test], path: /x}", [Finding.HOST_UNCOVERED], id="one of two"),
    ],
)
def test_names_are_held_against_routes(authority, findings, match, found):
    authority.issue("it", "*.shop.test")
    assert findings(match) == found


def test_a_chain_in_the_wrong_order_is_told(authority, findings):
    authority.issue("it", "shop.test")
    pem = authority.folder / "it.pem"
    other = authority.issue("other", "other.test")
    pem.write_bytes(pem.read_bytes() + Path(other.certificate).read_bytes())
    assert findings() == [Finding.CHAIN_ORDER]


def test_a_whole_chain_in_order_is_fine(authority, findings):
    authority.issue("it", "shop.test")
    pem = authority.folder / "it.pem"
    pem.write_bytes(pem.read_bytes() + authority.file.read_bytes())
    assert findings() == []


def test_a_missing_intermediate_is_told(authority, findings):
    where = x509.UniformResourceIdentifier("http://ca.test/intermediate.der")
    access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, where)
    forge(authority.folder, extensions=[x509.AuthorityInformationAccess([access])])
    assert findings() == [Finding.CHAIN_INCOMPLETE]


def test_a_certificate_without_names_is_told(authority, findings):
    forge(authority.folder, names=())
    assert findings() == [Finding.NO_NAMES]


def test_a_certificate_for_clients_is_told(authority, findings):
    forge(authority.folder, extensions=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])])
    assert findings() == [Finding.NOT_FOR_SERVERS]


def test_a_weak_key_is_told_or_not_even_usable(authority, findings):
    """OpenSSL may be built to refuse it (security level 2)."""
    forge(authority.folder, key=rsa.generate_private_key(65537, 1024))
    assert findings() in ([Finding.WEAK_KEY], ["bad-value"])


def test_a_key_that_everybody_may_read_is_told(authority, findings, tmp_path, capsys):
    authority.issue("it", "shop.test")
    findings()
    (tmp_path / "certs" / "it.key").chmod(0o644)
    assert main(["check", "--strict"]) == 1
    assert capsys.readouterr().out.splitlines()[0].endswith(f"[{Finding.KEY_EXPOSED}]")


def test_a_finding_stands_where_the_file_is_named(authority, findings, capsys):
    authority.issue("it", "shop.test", days=(-30, -1))
    findings()
    main(["check"])
    assert capsys.readouterr().out.startswith("casino.yaml:5:42: error: ")


@pytest.mark.parametrize(
    ("files", "place"),
    [
        pytest.param({"it.pem": "it.key"}, "5:42", id="a key for a certificate"),
        pytest.param({"it.key": "it.pem"}, "5:61", id="a certificate for a key"),
        pytest.param({"it.key": "other.key"}, "5:61", id="another's key"),
        pytest.param({"it.key": "none"}, "5:61", id="no key"),
        pytest.param({"it.pem": "none"}, "5:42", id="no certificate"),
    ],
)
def test_a_pair_that_cannot_be_used_is_a_mistake(authority, tmp_path, capsys, files, place):
    authority.issue("it", "shop.test")
    authority.issue("other", "other.test")
    folder = authority.folder
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name, source in files.items():
        (folder / name).unlink() if source == "none" else (folder / name).write_bytes(kept[source])
    (tmp_path / "casino.yaml").write_text(SPEC.format(match="/x", more=""))
    assert main(["check"]) == 1
    assert capsys.readouterr().out.startswith(f"casino.yaml:{place}: error: ")


def test_a_listener_with_tls_redirects_nowhere(authority, tmp_path, capsys):
    authority.issue("it", "shop.test")
    text = SPEC.format(match="/x", more="").replace("      tls:", "      redirect: 443\n      tls:")
    (tmp_path / "casino.yaml").write_text(text)
    assert main(["check"]) == 1
    assert "casino.yaml:5:7: error: `redirect`" in capsys.readouterr().out


def test_the_page_names_every_finding():
    page = (ROOT / "docs" / "tls.md").read_text()
    rows = {line.split("|")[1].strip(" `"): line for line in page.splitlines() if line.startswith("| `")}
    assert {finding for finding in Finding if finding in rows} == set(Finding)
    assert {finding for finding in Finding if "| error |" in rows[finding]} == ERRORS


def test_the_example_with_tls_is_fine(tmp_path, capsys):
    shutil.copy(ROOT / "examples" / "tls.yaml", tmp_path)
    authority = Authority(tmp_path / "certs", "clients")
    authority.issue("casino.example", "casino.example", "*.casino.example")
    authority.issue("partners.example", "partners.example")
    for key in authority.folder.glob("*.key"):
        key.chmod(0o600)
    assert main(["check", str(tmp_path / "tls.yaml"), "--strict"]) == 0, capsys.readouterr().out
    assert main(["check", str(tmp_path / "tls.yaml"), "--request", "GET /roll/6", "-H", "Host: casino.example"]) == 0
    shown = capsys.readouterr().out
    assert "x-forwarded-proto: https" in shown
    assert "x-forwarded-port: 8443" in shown
