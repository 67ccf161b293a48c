"""`casino build` writes what the spec says, once; `--check` sees every difference."""

from pathlib import Path

import pytest

from casino.cli import main

EXAMPLE = str(Path(__file__).parents[2] / "examples" / "casino.yaml")
RULES = "prometheus/rules/gateway.yaml"


@pytest.fixture
def out(tmp_path, capsys):
    assert main(["build", EXAMPLE, "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    return tmp_path


def check(out: Path) -> int:
    return main(["build", EXAMPLE, "--out", str(out), "--check"])


def test_what_was_built_is_what_the_spec_says(out, capsys):
    assert check(out) == 0
    assert capsys.readouterr().out == ""


def test_a_second_build_writes_nothing(out, capsys):
    before = (out / RULES).stat().st_mtime_ns
    assert main(["build", EXAMPLE, "--out", str(out)]) == 0
    assert " 0 written, 0 removed" in capsys.readouterr().out
    assert (out / RULES).stat().st_mtime_ns == before


def test_a_changed_file_is_drift_until_it_is_built_again(out, capsys):
    path = out / RULES
    path.write_text(path.read_text().replace("for: 5m", "for: 50m"))
    assert check(out) == 1
    assert capsys.readouterr().out == f"{path}: differs from the spec\n"
    assert main(["build", EXAMPLE, "--out", str(out)]) == 0
    assert check(out) == 0


@pytest.mark.parametrize("options", [[], ["--check"]])
def test_a_folder_that_cannot_be_one_is_no_drift(tmp_path, capsys, options):
    (tmp_path / "file").write_text("mine")
    assert main(["build", EXAMPLE, "--out", str(tmp_path / "file"), *options]) == (1 if options else 2)
    assert "Not a directory" in capsys.readouterr().err or options
    assert (tmp_path / "file").read_text() == "mine"


def test_bytes_that_are_no_text_are_drift_and_a_strangers_are_left_alone(out, capsys):
    (out / RULES).write_bytes(b"\xff")
    strange = out / "prometheus" / "rules" / "own.yaml"
    strange.write_bytes(b"\xff")
    assert check(out) == 1
    assert capsys.readouterr().out == f"{out / RULES}: differs from the spec\n"
    assert main(["build", EXAMPLE, "--out", str(out)]) == 0
    assert strange.read_bytes() == b"\xff"


def test_a_missing_file_is_drift(out, capsys):
    (out / RULES).unlink()
    assert check(out) == 1
    assert capsys.readouterr().out == f"{out / RULES}: is missing\n"


def test_a_file_that_nothing_asks_for_any_more_goes_and_a_strangers_stays(out, capsys):
    old, strange = (out / "prometheus" / "rules" / name for name in ("upstream-old.yaml", "own.yaml"))
    old.write_text((out / RULES).read_text())
    strange.write_text("groups: []\n")
    assert check(out) == 1
    assert capsys.readouterr().out == f"{old}: nothing in the spec asks for it any more\n"
    assert main(["build", EXAMPLE, "--out", str(out)]) == 0
    assert not old.exists()
    assert strange.exists()


def test_a_spec_that_cannot_be_used_builds_nothing(tmp_path, capsys):
    spec = tmp_path / "casino.yaml"
    spec.write_text("casino: 2\n")
    assert main(["build", str(spec), "--out", str(tmp_path / "out")]) == 2
    assert "casino" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


GUARDED = """
casino: 1
listen: {control: "10.0.0.5:9080"}
control: {tokens: {prometheus: {token: {env: CONTROL_TOKEN}}}}
bridge: {tokens: {alertmanager: {env: BRIDGE_TOKEN}}, peer: {url: "http://10.0.0.2:9082", token: {env: PEER_TOKEN}}}
"""


def test_no_secret_is_written_and_what_is_to_be_put_where_is_said_until_it_is_there(tmp_path, capsys, monkeypatch):
    spec, out = tmp_path / "casino.yaml", tmp_path / "build"
    spec.write_text(GUARDED)
    files = {
        "alertmanager/casino-bridge-token": "BRIDGE_TOKEN",
        "alertmanager/casino-peer-token": "PEER_TOKEN",
        "prometheus/casino-token": "CONTROL_TOKEN",
    }
    for variable in files.values():
        monkeypatch.setenv(variable, f"value-of-{variable}")
    assert main(["build", str(spec), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    for file, variable in files.items():
        assert f"{out / file}: put the value of {variable} there" in said
        (out / file).write_text("x")
    assert not any(b"value-of-" in path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert main(["build", str(spec), "--out", str(out)]) == 0
    assert "put the value" not in capsys.readouterr().out
    assert main(["build", str(spec), "--out", str(out), "--check"]) == 0
