"""`casino build`: the only command that writes generated files; `--check` says where they differ from the spec."""

from pathlib import Path

from alerts import alertmanager, operator, prometheus
from alerts.doors import put_by_hand
from alerts.own import RULES, Own
from alerts.own import render as own_files
from alerts.proof.render import render as alert_tests
from alerts.render import render as alert_rules
from alerts.text import HEAD
from casino.exits import FINDING, FINE, refuse
from casino.own import OwnAlertsError, own
from gateway.spec.load import load
from gateway.spec.model import Spec
from gateway.spec.problem import SpecErrors


def build(path: Path, *, stage: str | None, out: Path, check: bool) -> int:
    """Write every file of a spec below a folder, or only say which ones differ; return the exit code."""
    try:
        spec = load(path, stage).spec
    except SpecErrors as refused:
        return refuse(refused.problems)
    try:
        files = generated(spec, own(spec))
    except OwnAlertsError as refused:
        return refuse([refused])
    try:
        code = _write(out, files, check=check)
    except OSError as fault:
        return refuse([f"casino build: {fault.filename}: {fault.strerror}"])
    if not check:
        _ask_for_secrets(spec, out)
    return code


def _ask_for_secrets(spec: Spec, out: Path) -> None:
    """No build writes a secret; say what its servers will look for."""
    wanted = {out / alertmanager.PATH: put_by_hand(spec), out / prometheus.PATH: prometheus.put_by_hand(spec)}
    for beside, files in wanted.items():
        for file, variable in files.items():
            if not (place := beside.parent / file).exists():
                print(f"{place}: put the value of {variable} there; {beside.name} names that file")


def _write(out: Path, files: dict[str, str], *, check: bool) -> int:
    changed = [name for name, text in files.items() if not _holds(out / name, text)]
    left = _left_over(out, files)
    if check:
        for name in changed:
            print(f"{out / name}: {'differs from the spec' if (out / name).exists() else 'is missing'}")
        for place in left:
            print(f"{place}: nothing in the spec asks for it any more")
        return FINDING if changed or left else FINE
    for name in changed:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(files[name])
    for place in left:
        place.unlink()
    print(f"{out}: {len(files)} files, {len(changed)} written, {len(left)} removed")
    return FINE


def generated(spec: Spec, more: Own) -> dict[str, str]:
    """Return every file that is made from a spec, by its path below the output folder."""
    mine = own_files(more, spec.alerts)
    rules = alert_rules(spec) | {path: text for path, text in mine.items() if path == RULES}
    return {
        **rules,
        **mine,
        **alert_tests(spec),
        **prometheus.render(spec),
        **alertmanager.render(spec),
        **operator.render(rules, spec),
    }


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def _left_over(out: Path, files: dict[str, str]) -> list[Path]:
    """Files an earlier build wrote; what somebody put beside them is left alone."""
    wanted = {out / name for name in files}
    return [
        path
        for path in sorted((*out.glob("prometheus/*/*.yaml"), *out.glob("operator/*/*.yaml")))
        if path not in wanted and _is_ours(path)
    ]


def _is_ours(path: Path) -> bool:
    return path.is_file() and path.read_bytes().startswith(HEAD.encode())
