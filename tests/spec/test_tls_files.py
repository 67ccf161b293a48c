"""Files a spec names are found from the file that names them, and tried before anything runs."""

import shutil
import subprocess

import pytest

from gateway.spec.load import load

SPEC = "casino: 1\nupstreams: {{d: {{versions: {{v1: https://d.example}}, timeouts: {{total: 3s}}, tls: {{{}}}}}}}\nroutes: {{a: {{match: /, to: d}}}}\n"

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make certificates")


@pytest.fixture
def certificates(tmp_path):
    (tmp_path / "certs").mkdir()
    for name in ("own", "other"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-subj", f"/CN={name}", "-keyout", f"certs/{name}.key", "-out", f"certs/{name}.pem"],
            cwd=tmp_path, check=True, capture_output=True,
        )  # fmt: skip
    both = (tmp_path / "certs" / "own.pem").read_text() + (tmp_path / "certs" / "own.key").read_text()
    (tmp_path / "certs" / "both.pem").write_text(both)
    (tmp_path / "certs" / "none.pem").write_text("no certificate\n")
    return tmp_path / "certs"


@pytest.mark.parametrize(
    "tls",
    [
        "ca: certs/own.pem",
        "certificate: certs/both.pem",
        "certificate: certs/own.pem, key: certs/own.key",
        "ca: certs/other.pem, certificate: certs/own.pem, key: certs/own.key",
    ],
)
@pytest.mark.usefixtures("certificates")
def test_good_files_are_held_as_absolute_paths(write, tls):
    spec = load(write(spec=SPEC.format(tls)).path).spec
    held = spec.upstreams["d"].tls
    names = [name for name in (held.ca, held.certificate, held.key) if name]
    assert names
    assert all(name.startswith("/") for name in names)


def test_an_overlay_names_files_from_where_it_is(write, certificates):
    written = write(spec=SPEC.format("verify: true"), stages__prod="upstreams: {d: {tls: {ca: ../certs/own.pem}}}")
    held = load(written.path, "prod").spec.upstreams["d"].tls.ca
    assert held is not None
    assert (certificates / "own.pem").samefile(held)


@pytest.mark.parametrize(
    "tls",
    [
        pytest.param("ca: ▸certs/none.pem", id="no certificate"),
        pytest.param("ca: ▸certs/own.key", id="key for a certificate"),
        pytest.param("ca: ▸certs", id="folder"),
        pytest.param("certificate: ▸certs/own.pem", id="certificate without its key"),
        pytest.param("certificate: certs/own.pem, key: ▸certs/other.key", id="key of another"),
        pytest.param("certificate: certs/own.pem, key: ▸certs/own.pem", id="certificate for a key"),
        pytest.param("certificate: ▸certs/missing.pem, key: certs/own.key", id="missing"),
    ],
)
@pytest.mark.usefixtures("certificates")
def test_a_bad_file_is_placed_where_it_is_named(mistakes, tls):
    problems, (mark,) = mistakes(spec=SPEC.format(tls))
    assert [(problem.line, problem.column) for problem in problems][:1] == [(mark.line, mark.column)]
    assert problems[0].id == "bad-value"
