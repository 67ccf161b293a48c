"""`casino key`: what it prints is what the gateway takes, and nothing of it twice."""

import io
import json
import re
import sys
from hashlib import sha256

import pytest
import yaml
from argon2 import PasswordHasher

from casino.cli import main
from gateway.spec.load import load


@pytest.mark.parametrize("name", ["players", "null", "true", "no", "on", "y", "e1"])
def test_a_new_key_is_known_by_the_line_that_is_printed_with_it(capsys, tmp_path, name):
    assert main(["key", "new", name]) == 0
    key, _, *explained = capsys.readouterr().out.splitlines()
    path = tmp_path / "casino.yaml"
    path.write_text("casino: 1\n" + "\n".join(explained[explained.index("consumers:") :]))
    (known,) = load(path).spec.consumers[name].keys
    assert known.sha256 == sha256(key.encode()).hexdigest()


@pytest.mark.parametrize("name", ["a b: {", "Shop", "", "a" * 64, "1a", "shop\n", "a.b"])
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["for people", "for a machine"])
def test_a_name_that_no_spec_takes_gets_no_key(capsys, name, form):
    assert main(["key", "new", name, *form]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "no consumer can be called" in told.err
    assert "lower-case letters" in told.err


@pytest.mark.parametrize("name", ["null", "true", "no", "on", "y", "e1"])
def test_a_name_reads_as_a_name_to_any_reader_of_yaml(capsys, name):
    assert main(["key", "new", name]) == 0
    (read,) = yaml.safe_load(capsys.readouterr().out.partition("spec.\n")[2])["consumers"]
    assert read == name


def test_a_key_has_a_prefix_and_256_bits(capsys):
    keys = set()
    for _ in range(20):
        main(["key", "new", "--json"])
        keys.add(json.loads(capsys.readouterr().out)["key"])
    assert len(keys) == 20
    assert all(re.fullmatch(r"casino_[A-Za-z0-9_-]{43}", key) for key in keys)


@pytest.mark.parametrize(
    "written", ["correct horse\n", "correct horse", "correct horse\r\n", "correct horse\nanother\n"]
)
def test_a_password_is_hashed_as_the_gateway_reads_it(capsys, monkeypatch, tmp_path, written):
    monkeypatch.setattr(sys, "stdin", io.StringIO(written))
    assert main(["key", "password", "--json"]) == 0
    out = capsys.readouterr().out
    assert "horse" not in out
    argon2 = json.loads(out)["argon2"]
    assert PasswordHasher().verify(argon2, b"correct horse")
    path = tmp_path / "casino.yaml"
    path.write_text(f"casino: 1\nconsumers: {{shop: {{passwords: {{user: a, argon2: '{argon2}'}}}}}}\n")
    assert load(path).spec.consumers["shop"].passwords[0].argon2 == argon2


@pytest.mark.parametrize(("words", "typed"), [(["password"], ""), (["password"], "\n"), (["password", "shop"], "x\n")])
def test_what_is_no_password_ends_with_2(capsys, monkeypatch, words, typed):
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert main(["key", *words]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("second", "code"), [("correct horse", 0), ("wrong horse", 2)])
def test_at_a_terminal_the_password_is_asked_for_twice_and_never_shown(capsys, monkeypatch, second, code):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    typed = iter(["correct horse", second])
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("casino.keys.getpass", lambda _: next(typed))
    assert main(["key", "password"]) == code
    told = capsys.readouterr()
    assert "horse" not in told.out + told.err
    assert told.out.startswith("$argon2id$v=19$m=19456,t=2,p=1$") == (code == 0)
