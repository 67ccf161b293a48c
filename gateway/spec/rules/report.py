"""Collects what the rules find, and gives each finding its place."""

from gateway.spec.nodes import Path, Place, Tree
from gateway.spec.problem import Danger, Fault, Findings, error, warning
from gateway.spec.suggest import listed, meant


class Report:
    """The findings about one spec. `failed` are the paths at which the walk had to put stand-ins."""

    def __init__(self, tree: Tree, failed: set[Path], findings: Findings) -> None:
        self.tree = tree
        self._findings = findings
        self._touched = {path[:length] for path in failed for length in range(len(path) + 1)}
        self._failed = failed

    def sound(self, path: Path) -> bool:
        """Say whether everything at and below a path is as the user wrote it, and no part of a stand-in."""
        return path not in self._touched and not self._in_stand_in(path)

    def _in_stand_in(self, path: Path) -> bool:
        return any(path[:length] in self._failed for length in range(len(path) + 1))

    def refuse(
        self, path: Path, fault: Fault, message: str, *, hint: str | None = None, place: Place | None = None
    ) -> None:
        """Report an error, unless it only follows from an earlier one."""
        if self._in_stand_in(path):
            return
        self._findings.add(error(fault, place or self.tree.place(path), message, hint=hint))

    def warn(self, path: Path, danger: Danger, message: str, *, hint: str | None = None) -> None:
        self._findings.add(warning(danger, self.tree.place(path), message, hint=hint))

    def unknown(self, path: Path, kind: str, name: str, known: tuple[str, ...]) -> None:
        """Report a name that is declared nowhere."""
        if self._findings.is_full:
            return
        there = f"there are {listed(known)}" if known else f"no {kind} is declared"
        self.refuse(
            path,
            Fault.UNKNOWN_NAME,
            f"there is no {kind} `{name}`",
            hint=meant(name, known) or there,
            place=self.tree.value_place(path),
        )
