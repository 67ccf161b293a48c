"""`make prove`: the tests marked `proves`, at full size, in one report that goes on where it was stopped.

A test that proves an acceptance line says so: `@pytest.mark.proves("3.3 nothing is lost when a worker is killed")`. It
asks the fixture `full` for its size, and tells the fixture `measured` what it found.
"""

import hashlib
import json
import os

import pytest

from tests.checkout import ROOT, files

FOLDER = ROOT / "build" / "prove"
FULL = os.environ.get("CASINO_FULL") == "1"
MEASURED = pytest.StashKey[dict[str, object]]()


@pytest.fixture(scope="session")
def full() -> bool:
    """Whether to run at the size the acceptance line names; else smaller, for every `make test`."""
    return FULL


@pytest.fixture
def measured(request) -> dict[str, object]:
    """What the test measured, for the report: name to number or text."""
    return request.node.stash.setdefault(MEASURED, {})


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "proves(line): shows that an acceptance line of an issue holds; see tests/proof.py"
    )
    if FULL:
        config.pluginmanager.register(Report(state_of_the_tree(), writes=not hasattr(config, "workerinput")))


def state_of_the_tree() -> str:
    """Name exactly what is proved: every file that a commit made now would hold."""
    state = hashlib.sha256()
    for path in files():
        state.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return state.hexdigest()[:12]


class Report:
    """Keeps each outcome on disk as soon as it is known, and writes the page at the end.

    With `pytest -n` the outcome is made in a worker and travels to the one that writes within its report.
    """

    def __init__(self, tree: str, *, writes: bool) -> None:
        self.writes = writes
        self.file = FOLDER / f"{tree}.jsonl"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        self.outcomes = {line["test"]: line for line in map(json.loads, lines)}

    def pytest_collection_modifyitems(self, config, items):
        known = [item for item in items if self.outcomes.get(item.nodeid, {}).get("outcome") == "passed"]
        config.hook.pytest_deselected(items=known)
        items[:] = [item for item in items if item not in known]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = yield
        marker = item.get_closest_marker("proves")
        if marker and (report.when == "call" or not report.passed):
            report.proved = {
                "test": item.nodeid,
                "proves": marker.args[0],
                "outcome": report.outcome,
                "seconds": round(call.duration, 1),
                "measured": item.stash.get(MEASURED, {}),
                "reason": "" if report.passed else str(call.excinfo.value).partition("\n")[0],
            }
        return report

    def pytest_runtest_logreport(self, report):
        line = getattr(report, "proved", None)
        if line and self.writes:
            self.outcomes[line["test"]] = line
            with self.file.open("a") as file:
                file.write(json.dumps(line) + "\n")

    def pytest_sessionfinish(self, session, exitstatus):
        if not self.writes:
            return
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self.outcomes:
            session.exitstatus = pytest.ExitCode.OK  # all was proved before
        rows = sorted(self.outcomes.values(), key=lambda line: line["proves"])
        cells = ([line["outcome"], line["proves"], self._found(line), f"{line['seconds']} s"] for line in rows)
        head = f"# What was proved\n\nTree `{self.file.stem}`, {len(rows)} tests.\n\n| | line | found | took |\n|---|---|---|---|\n"
        (FOLDER / "report.md").write_text(head + "".join(f"| {' | '.join(row)} |\n" for row in cells))

    def _found(self, line: dict) -> str:
        return line["reason"] or ", ".join(f"{name}: {value}" for name, value in line["measured"].items())
