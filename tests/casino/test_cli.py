"""The command as a process: help, interruption, a reader that has enough."""

import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from casino import cli
from casino.cli import main

EXAMPLE = Path(__file__).parents[2] / "examples" / "casino.yaml"
CASINO = (sys.executable, "-m", "casino")
COMMANDS = ("check", "schema", "serve", "build", "alerts", "bridge", "pagerduty", "up", "bench", "key")


def helps(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Every command and every action below it."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield each
                yield from helps(each)


EVERY = {each.prog: each for each in helps(cli._parser())}


def test_commands_have_actions_and_those_may_have_some():
    assert {f"casino {command}" for command in COMMANDS} | {"casino drill"} == {
        prog for prog in EVERY if prog.count(" ") == 1
    }
    assert {"casino alerts lint", "casino bridge dead requeue", "casino pagerduty standin"} <= EVERY.keys()


@pytest.mark.parametrize("command", EVERY)
def test_every_command_at_every_level_helps_with_examples_and_exit_codes(capsys, command):
    with pytest.raises(SystemExit) as left:
        main([*command.split()[1:], "--help"])
    assert left.value.code == 0
    head, _, below = capsys.readouterr().out.partition("\nexamples:\n")
    examples, _, codes = below.partition("\n\nexit codes: ")
    assert EVERY[command].description in head
    assert all(line.startswith(f"  {command}") for line in examples.splitlines())
    assert codes.startswith("0 ")


@pytest.mark.parametrize("command", EVERY)
def test_every_example_is_understood(command):
    lines = EVERY[command].epilog.partition("examples:\n")[2].partition("\n\n")[0].splitlines()
    for line in lines:
        words = shlex.split(re.split(r" {2,}| [<>] ", line.strip())[0])
        understood = cli._parser().parse_args(words[1:])
        assert callable(understood.run), line


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(f"    {command} " in shown for command in COMMANDS)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["chek"],
        ["check", "--strickt"],
        ["check", "a", "b"],
        ["serve"],
        ["up", "--load=-5"],
        ["up", "--load", "inf"],
        ["up", "--load", "nan"],
    ],
)
def test_what_cannot_be_understood_ends_with_2(capsys, words):
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    assert "usage: casino" in capsys.readouterr().err


def test_parts_that_are_none_end_with_2(capsys):
    assert main(["up", "--only", "games,roulette"]) == 2
    assert "roulette" in capsys.readouterr().err


def test_a_package_without_the_bench_says_so(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(cli, "BENCH_FOLDER", tmp_path)
    assert main(["bench", "--only", "get"]) == 2
    assert "comes with the repository" in capsys.readouterr().err


def test_the_bench_says_what_it_needs_before_it_is_installed(tmp_path):
    (tmp_path / "trustme.py").write_text("raise ModuleNotFoundError('no', name='trustme')")
    found = subprocess.run(
        [*CASINO, "bench", "--list"], capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{EXAMPLE.parents[1]}"},
    )  # fmt: skip
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == "casino bench: `trustme` is not installed; `make bench` sets up all it needs\n"


def test_scenarios_that_are_none_end_with_2(capsys):
    assert main(["bench", "--only", "get,roulette"]) == 2
    assert "roulette" in capsys.readouterr().err


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("casino 0.")


def test_the_schema_is_json(capsys):
    for words in ([], ["--overlay"]):
        assert main(["schema", *words]) == 0
        assert json.loads(capsys.readouterr().out)["$schema"].endswith("2020-12/schema")


def test_a_full_disk_is_told_in_one_line():
    with Path("/dev/full").open("w") as full:
        command = subprocess.run([*CASINO, "schema"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (command.returncode, command.stderr) == (2, "casino: No space left on device\n")


def test_a_reader_that_has_enough_is_no_fault():
    command = subprocess.Popen([*CASINO, "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    command.stdout.close()
    errors = command.stderr.read()
    command.stderr.close()
    assert (command.wait(30), errors) == (0, b"")


def test_an_interruption_is_no_fault(tmp_path):
    program = (
        "import casino.check, signal\n"
        "from casino.cli import main\n"
        "casino.check.load = lambda *_: signal.raise_signal(signal.SIGINT)\n"
        "raise SystemExit(main(['check']))\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, cwd=tmp_path, timeout=30, check=False)
    assert (ended.returncode, ended.stderr) == (128 + signal.SIGINT, b"")


def test_checking_loads_nothing_of_the_gateway():
    """It runs in editors, on every save."""
    program = (
        "import sys\nfrom casino.cli import main\n"
        f"main(['check', {str(EXAMPLE)!r}])\n"
        "print(sorted({'sanic', 'uvloop', 'asyncio', 'httptools', 'httpx', 'dns', 'multiprocessing'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"
