from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.spec.load import load
from gateway.spec.problem import Problem, SpecErrors

MARK = "▸"
"""Stands in front of the character a finding must point at."""


class Expected(NamedTuple):
    file: str
    line: int
    column: int


class Written(NamedTuple):
    """Files of a spec, and where their marks stood."""

    path: Path
    marks: list[Expected]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Written]:
    def write_files(**files: str) -> Written:
        """Write one file (`spec=`), or several by their names with `__` for `/`."""
        marks = []
        for name, text in files.items():
            path = tmp_path / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            for number, line in enumerate(text.splitlines(), 1):
                if MARK in line:
                    marks.append(Expected(str(path), number, line.index(MARK) + 1))
            path.write_text(text.replace(MARK, ""))
        return Written(tmp_path / "spec.yaml" if "spec" in files else tmp_path, marks)

    return write_files


@pytest.fixture
def mistakes(write: Callable[..., Written]) -> Callable[..., tuple[tuple[Problem, ...], list[Expected]]]:
    def find(stage: str | None = None, **files: str) -> tuple[tuple[Problem, ...], list[Expected]]:
        path, marks = write(**files)
        with pytest.raises(SpecErrors) as refused:
            load(path, stage)
        return refused.value.problems, marks

    return find


def place(problem: Problem) -> Expected:
    return Expected(problem.file, problem.line, problem.column)
