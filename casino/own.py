"""Runs the Python file with an SRE's own alerts that a spec names (`alerts.own`): in a process of its own, bounded in time
and memory, with an empty environment. `casino check` and `casino build` do so and say it; `casino serve` never does.

The bounds are against mistakes, not against malice: who may write the file may run programs as whoever builds.
"""

import os
import resource
import runpy
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import msgspec

from alerts.lint.judge import lint
from alerts.own import RULES, Own, render
from alerts.render import every_alert
from alerts.render import render as rules
from gateway.spec.model import Spec

MOST_SECONDS, MOST_MEMORY_BYTES, MOST_ANSWER_BYTES = 5, 1 << 30, 10_000_000
MOST_WRITTEN_BYTES = 64_000_000
"""Of any one file, what it prints among them."""
_LONGEST = 2_000


class OwnAlertsError(ValueError):
    """The file cannot be used; the text says why, one finding a line."""


def own(spec: Spec) -> Own:
    """Run the file of a spec and judge what it gives; nothing without one.

    Raises:
        OwnAlertsError: it fails, takes too long, gives something else, or its alerts are not sound.
    """
    file = spec.alerts.own
    if file is None:
        return Own()
    print(f"running {file}", file=sys.stderr)
    found = _run(Path(file))
    wrong = [*_names(spec, found), *(str(finding) for finding in _findings(spec, found))]
    if wrong:
        raise OwnAlertsError("\n".join(wrong))
    return found


def _run(file: Path) -> Own:
    if not file.is_file():
        raise OwnAlertsError(f"{file}: it fails\nthere is no such file; `alerts.own` of the spec names it")
    roots = os.pathsep.join(path or os.curdir for path in sys.path)
    with TemporaryFile() as answer, TemporaryFile() as said:
        try:
            done = subprocess.run(  # noqa: S603 - the file is the user's own, named in the spec
                [sys.executable, "-B", "-s", "-m", "casino.own", str(file)],
                env={
                    "PYTHONPATH": f"{Path(__file__).parents[1]}{os.pathsep}{roots}",
                    "PATH": os.defpath,
                    "LANG": "C.UTF-8",
                },
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=said,
                timeout=MOST_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise OwnAlertsError(f"{file}: it takes longer than {MOST_SECONDS} s") from None
        if done.returncode:
            raise OwnAlertsError(f"{file}: it fails\n{_end(said) or f'with {done.returncode}'}")
        answer.seek(0)
        given = answer.read(MOST_ANSWER_BYTES + 1)
    if len(given) > MOST_ANSWER_BYTES:
        raise OwnAlertsError(f"{file}: it gives more than {MOST_ANSWER_BYTES} bytes")
    try:
        return msgspec.json.decode(given, type=Own)
    except msgspec.MsgspecError as error:
        raise OwnAlertsError(f"{file}: ALERTS are alerts and CASES are cases: {error}") from None


def _end(said: IO[bytes]) -> str:
    size = said.seek(0, os.SEEK_END)
    if size >= MOST_WRITTEN_BYTES:
        return f"it prints more than {MOST_WRITTEN_BYTES} bytes"
    said.seek(max(size - _LONGEST, 0))
    return said.read().decode(errors="replace").strip()


def _names(spec: Spec, found: Own) -> list[str]:
    ours = {alert.name for alert in every_alert(spec)}
    named = {alert.name for alert in found.alerts}
    tested = {case.alert for case in found.cases}
    return [
        *(f"{spec.alerts.own}: {name} is an alert of ours" for name in sorted(named & ours)),
        *(f"{spec.alerts.own}: {name} has no test: a Case in CASES" for name in sorted(named - tested)),
        *(f"{spec.alerts.own}: a case of {name}, which is no alert here" for name in sorted(tested - named)),
        *(
            f"{spec.alerts.own}: {alert.name} is for team {alert.team}, which the spec does not know"
            for alert in found.alerts
            if alert.team not in spec.teams
        ),
    ]


def _findings(spec: Spec, found: Own) -> list[object]:
    """Findings in the rules it gives, ours beside them: what one records another may read."""
    files = {**rules(spec), **{path: text for path, text in render(found, spec.alerts).items() if path == RULES}}
    return [finding for finding in lint(files) if finding.file == RULES]


def _child(file: str) -> None:
    """Run the file with what it prints going to stderr, and give its values to whoever asked."""
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_WRITTEN_BYTES, MOST_WRITTEN_BYTES))
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    values = runpy.run_path(file)
    try:
        given = msgspec.json.encode({"alerts": values.get("ALERTS", ()), "cases": values.get("CASES", ())})
    except (TypeError, ValueError, RecursionError) as fault:
        sys.exit(f"ALERTS are alerts and CASES are cases: {fault}")
    answer.write(given)
    answer.close()


if __name__ == "__main__":
    _child(sys.argv[1])
