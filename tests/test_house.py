"""The rules of the house that no linter knows."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.checkout import ROOT, files

MOST_FILE_LINES = 450
MOST_FUNCTION_LINES = 50
CODE = ("casino", "gateway", "alerts", "exporters", "bench", "tests")
BANNED_NAMES = {"utils", "util", "helpers", "helper", "manager", "base", "common", "misc"}
CATCH_ALLS = {
    "alerts/pagerduty/bridge/store.py": "a change of the queue, whose fault is told to whoever asked for it",
    "alerts/pagerduty/bridge/threads.py": "the bridge's task supervisor",
    "gateway/control/tasks.py": "the task supervisor",
    "gateway/serve/children.py": "the last frame of a forked child",
    "gateway/proxy/client.py": "the client's protocol callbacks",
    "gateway/proxy/worker.py": "a published document that cannot be applied: what was served before is served on",
    "gateway/proxy/upstream.py": "the upstream's protocol callbacks",
}
"""Where a handler may take every exception: each closes what it owns, and counts."""


def python_files() -> list[Path]:
    return [path for path in files("*.py") if path.relative_to(ROOT).parts[0] in CODE]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def parsed() -> Iterator[tuple[str, ast.Module]]:
    return ((name(path), ast.parse(path.read_text())) for path in python_files())


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_files_stay_small():
    lines = {name(path): len(path.read_text().splitlines()) for path in python_files()}
    assert {each: count for each, count in lines.items() if count > MOST_FILE_LINES} == {}


def test_functions_stay_small():
    lines = {
        (file, each.name): each.end_lineno - each.lineno + 1 for file, tree in parsed() for each in functions(tree)
    }
    assert {each: count for each, count in lines.items() if count > MOST_FUNCTION_LINES} == {}


def test_a_file_is_named_for_what_it_decides():
    assert [name(path) for path in python_files() if BANNED_NAMES & set(re.split(r"[_/.]", name(path)))] == []


def test_a_package_only_introduces_itself():
    logic = [
        f"{file}:{node.lineno}"
        for file, tree in parsed()
        if file.endswith("__init__.py")
        for node in tree.body
        if not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr)
        and not ast.unparse(node).startswith("__all__ =")
    ]
    assert logic == []


def test_every_exception_is_taken_only_where_it_is_said():
    taken = {
        file
        for file, tree in parsed()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and not isinstance(node.body[-1], ast.Raise)
    }
    assert taken == set(CATCH_ALLS)


def test_a_silenced_rule_has_a_reason():
    silent = re.compile(r"#\s*(noqa(:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*)?|type:\s*ignore(\[[\w, -]+\])?)\s*$")
    bare = [
        f"{name(path)}:{number}"
        for path in python_files()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if silent.search(line)
    ]
    assert bare == []


def test_tests_wait_for_a_condition_and_never_for_a_time():
    sleeps = [
        f"{file}:{line}" for file, tree in parsed() if file.startswith("tests/") for line in sleeps_outside_loops(tree)
    ]
    assert sleeps == []


def sleeps_outside_loops(tree: ast.Module) -> set[int]:
    """Find the lines of sleeps that are no step of a poll; `sleep(0)` only lets others run."""

    def sleeps(node: ast.AST) -> set[int]:
        calls = (each for each in ast.walk(node) if isinstance(each, ast.Call))
        return {each.lineno for each in calls if re.match(r"((time|asyncio)\.)?sleep\((?!0\))", ast.unparse(each))}

    loops = (each for each in ast.walk(tree) if isinstance(each, ast.While | ast.For | ast.AsyncFor))
    return sleeps(tree).difference(*map(sleeps, loops))


def test_nothing_is_left_for_later():
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    left = [
        f"{name(path)}:{number}"
        for path in files()
        if path.suffix in {".py", ".md", ".yaml", ".toml", ".service", ""} and path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if words.search(line)
    ]
    assert left == []


def test_tests_mirror_the_rooms():
    rooms = {path.name for path in [*ROOT.glob("gateway/*/"), *ROOT.glob("*/"), *ROOT.glob("casino/*")]}
    folders = {path.name for path in ROOT.glob("tests/*/")} - {"__pycache__"}
    assert folders <= rooms | {"faults", "golden", "prove", "up"}


def test_no_package_hides_under_tests():
    """It would shadow the room of the same name (notes/style.md, 4.12)."""
    assert list(ROOT.glob("tests/**/__init__.py")) == []


def test_every_module_that_a_wheel_compiles_exists() -> None:
    """hatch-mypyc compiles what it finds: a module renamed would silently stay interpreted."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    hook = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["mypyc"]
    assert hook["include"]
    assert [name for name in hook["include"] if not (ROOT / name).is_file()] == []
