"""Finds and reads the files of a spec: one file or a folder, and the overlay of a stage. The only file that opens one.

Only regular files of bounded size are read, so that a pipe, a device or a mistaken path can neither block nor fill
the process.
"""

import os
import stat
from pathlib import Path

from gateway.spec.compose import MOST_BYTES, compose, decode
from gateway.spec.merge import overlaid, side_by_side
from gateway.spec.nodes import Mapping, Place, Tree
from gateway.spec.problem import Fault, Findings, Problem, SpecErrors, error
from gateway.spec.suggest import listed, meant

SUFFIXES = (".yaml", ".yml")
STAGES = "stages"


def files_of(path: Path, stage: str | None) -> tuple[Path, ...]:
    """Return the files that make up a spec, the stage's overlay last.

    Raises:
        SpecErrors: there is no such file or stage, or a folder holds no YAML file.
    """
    parts = _in_folder(path) if _is_folder(path) else [path]
    if not parts:
        raise _unreadable(path, "the folder holds no *.yaml file")
    return tuple(parts) if stage is None else (*parts, _overlay(path, stage))


def read(files: tuple[Path, ...], findings: Findings, *, has_overlay: bool) -> Tree:
    """Read and merge a spec's files, the last one an overlay or not.

    What is wrong with single keys and with the merge is added to the findings.

    Raises:
        SpecErrors: something cannot be read as a YAML mapping.
    """
    roots = _all_composed(files, findings)
    base = side_by_side(roots[:-1] if has_overlay else roots, findings)
    return overlaid(base, roots[-1], findings) if has_overlay else Tree(base)


def _all_composed(paths: tuple[Path, ...], findings: Findings) -> list[Mapping]:
    roots: list[Mapping] = []
    unusable: list[Problem] = []
    left = MOST_BYTES
    for path in paths:
        try:
            data = _bytes(path, left)
            left -= len(data)
            roots.append(compose(decode(data, str(path)), str(path), findings))
        except SpecErrors as fault:
            unusable.extend(fault.problems)
    if unusable:
        raise SpecErrors(unusable, unreadable=True)
    return roots


def _bytes(path: Path, most: int) -> bytes:
    try:
        data = _read_regular(path, most + 1)
    except (OSError, ValueError) as fault:
        raise _unreadable(path, _reason(fault)) from None
    if len(data) > most:
        message = f"the spec is larger than {MOST_BYTES // 1024} KiB"
        raise SpecErrors([error(Fault.LIMIT, Place(str(path), 1, 1), message)], unreadable=True)
    return data


def _read_regular(path: Path, most: int) -> bytes:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise _unreadable(path, "this is not a regular file")
        return file.read(most)


def _reason(fault: OSError | ValueError) -> str:
    match fault:
        case FileNotFoundError():
            return "there is no such file"
        case PermissionError():
            return "this file may not be read"
        case OSError():
            return f"this file cannot be read: {(fault.strerror or str(fault)).lower()}"
        case _:
            return "this is no file name"


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _in_folder(folder: Path) -> list[Path]:
    try:
        return sorted(each for each in folder.iterdir() if each.suffix in SUFFIXES and not each.name.startswith("."))
    except OSError as fault:
        raise _unreadable(folder, _reason(fault)) from None


def _overlay(path: Path, stage: str) -> Path:
    folder = (path if _is_folder(path) else path.parent) / STAGES
    stages = {each.stem: each for each in _in_folder(folder)} if _is_folder(folder) else {}
    if stage not in stages:
        hint = meant(stage, stages) or (f"there are {listed(stages)}" if stages else None)
        raise _unreadable(folder, f"there is no stage `{stage}`", hint=hint)
    return stages[stage]


def _unreadable(path: Path, message: str, *, hint: str | None = None) -> SpecErrors:
    return SpecErrors([error(Fault.UNREADABLE, Place(str(path), 1, 1), message, hint=hint)], unreadable=True)
