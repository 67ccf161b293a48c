"""`casino check`, as a person or a machine calls it."""

import json
import os
from pathlib import Path

import pytest

from casino.cli import main
from gateway.spec.load import load

ROOT = Path(__file__).parents[2]
EXAMPLE = str(ROOT / "examples" / "casino.yaml")
WRONG = "casino: 1\nworkerz: 2\nroutes: {a: {match: /x, to: dice}}\n"
DANGEROUS = "casino: 1\nteams: {games: {contact: x}}\n"


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> None:
        (tmp_path / "casino.yaml").write_text(text)

    return write


@pytest.mark.parametrize(
    ("text", "words", "code"),
    [
        pytest.param("casino: 1\n", [], 0, id="fine"),
        pytest.param(DANGEROUS, [], 0, id="warnings"),
        pytest.param(DANGEROUS, ["--strict"], 1, id="warnings, strictly"),
        pytest.param(WRONG, [], 1, id="errors"),
        pytest.param("casino: [", [], 2, id="no YAML"),
        pytest.param("casino: 1\n", ["none.yaml"], 2, id="no file"),
        pytest.param("casino: 1\n", ["--stage", "prod"], 2, id="no stage"),
        pytest.param("casino: 1\n", ["--request", "GET / HTTP/1.1"], 2, id="no request"),
        pytest.param("casino: 1\n", ["--request", "/", "-H", "beta"], 2, id="no header"),
        pytest.param("casino: 1\n", ["-H", "X-Beta: 1"], 2, id="header of no request"),
        pytest.param("casino: 1\n", ["--request", "/"], 0, id="request"),
    ],
)
def test_the_exit_code_tells_how_it_went(written, text, words, code):
    written(text)
    assert main(["check", *words]) == code
    assert main(["check", "--json", *words]) == code


def test_every_example_is_fine_in_every_stage(capsys):
    stages = sorted(path.stem for path in (ROOT / "examples" / "stages").glob("*.yaml"))
    assert stages == ["dev", "prod", "stage", "test"]
    for words in ([], *(["--stage", stage] for stage in stages)):
        assert main(["check", EXAMPLE, "--strict", *words]) == 0
    assert capsys.readouterr().out.count(": fine (") == 5


def test_a_key_that_is_refused_by_now_is_told_at_its_place(written, capsys):
    key = "{sha256: " + "a" * 64 + ", expires: "
    written(
        f"casino: 1\nconsumers:\n  a:\n    keys: [{key}2020-01-31}}]\n  b:\n    keys: [{key.replace('a' * 64, 'b' * 64)}2999-01-31}}]\n"
    )
    assert main(["check", "--json"]) == 0
    problems = json.loads(capsys.readouterr().out)["problems"]
    (expired,) = [problem for problem in problems if problem["id"] == "key.expired"]
    assert (expired["line"], expired["severity"]) == (4, "warning")
    assert "since 2020-01-31" in expired["message"]


GUARDED = "casino: 1\nbridge:\n  tls: {certificate: own.pem, key: own.pem, clients: own.pem}\n  callers: {"


def test_files_of_the_bridge_s_callers_that_are_not_here_are_told_at_their_places(written, capsys, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "here.pem").write_text("x")
    written(f"{GUARDED}ca: none.pem, certificate: here.pem,\n    key: folder}}\n")
    assert main(["check"]) == 0
    said = (
        "is no file that can be read here: Alertmanager, Prometheus and a peer need it where they run [bridge.no-file]"
    )
    assert capsys.readouterr().out.splitlines() == [
        f"casino.yaml:4:17: warning: `{tmp_path}/none.pem` {said}",
        f"casino.yaml:5:10: warning: `{tmp_path}/folder` {said}",
        "casino.yaml: 2 warnings (0 routes, 0 upstreams)",
    ]
    assert main(["check", "--strict"]) == 1
    assert load(tmp_path / "casino.yaml").warnings == ()  # the gateway has no business with them


def test_files_of_the_bridge_s_callers_that_nobody_here_may_read_are_told(written, capsys, tmp_path):
    written(f"{GUARDED}certificate: closed.pem}}\n")
    (tmp_path / "closed.pem").write_text("x")
    (tmp_path / "closed.pem").chmod(0)
    assert main(["check"]) == 0
    told = "bridge.no-file" in capsys.readouterr().out
    assert told == (os.geteuid() != 0)  # nothing is closed to root


def test_mistakes_are_told_with_their_place(written, capsys):
    written(WRONG)
    main(["check"])
    assert capsys.readouterr().out.splitlines() == [
        "casino.yaml:2:1: error: unknown key `workerz` (did you mean `workers`?) [unknown-key]",
        "casino.yaml:3:29: error: there is no upstream `dice` (no upstream is declared) [unknown-name]",
        "casino.yaml: 2 errors",
    ]


@pytest.mark.parametrize("name", ["wrong", "dangerous", "fine", "request"])
def test_a_machine_reads_what_it_read_before(written, capsys, golden, name):
    written({"wrong": WRONG, "dangerous": DANGEROUS}.get(name, Path(EXAMPLE).read_text()))
    words = ["--request", "POST /cards/5", "-H", "X-Beta: 1"] if name == "request" else []
    main(["check", "--json", *words])
    out = capsys.readouterr().out
    json.loads(out)
    golden(f"casino/check-{name}.json", out)


def test_a_printed_spec_can_be_piped_on(written, capsys, tmp_path):
    written(DANGEROUS)
    assert main(["check", "--print"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "casino: 1\nteams:\n  games:\n    contact: x\n"
    assert "team `games` owns nothing" in shown.err
    (tmp_path / "casino.yaml").write_text(shown.out)
    assert main(["check", "--defaults"]) == 0
    assert "idle: 75s\n" in capsys.readouterr().out


def test_a_folder_is_checked_as_one_spec(written, capsys, tmp_path):
    written("casino: 1\n")
    (tmp_path / "teams.yaml").write_text("teams: {games: {contact: 5, page: x}}\n")
    assert main(["check", "."]) == 1
    assert "teams.yaml:1:29: error: unknown key `page`" in capsys.readouterr().out


def test_colours_are_for_terminals(written, capsys, monkeypatch):
    written(WRONG)
    main(["check"])
    assert "\x1b" not in capsys.readouterr().out
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert b"\x1b[31merror:\x1b[0m" in on_a_terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = on_a_terminal(monkeypatch)
    assert b"error:" in plain
    assert b"\x1b" not in plain


def on_a_terminal(monkeypatch) -> bytes:
    """What the check writes to a terminal of its own, read to its last line: a read may return less than was written."""
    leader, follower = os.openpty()
    with os.fdopen(follower, "w") as terminal, monkeypatch.context() as patch:
        patch.setattr("sys.stdout", terminal)
        main(["check"])
        terminal.flush()
        written = b""
        while b"2 errors" not in written or not written.endswith(b"\n"):
            written += os.read(leader, 65536)
    os.close(leader)
    return written
