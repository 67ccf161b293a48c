"""The only parser of user YAML: a file or a folder, perhaps with a stage, in; a checked `Spec` out, or every mistake."""

from pathlib import Path

from msgspec import Struct

from gateway.spec.model import Spec
from gateway.spec.nodes import Mapping, Tree
from gateway.spec.problem import Findings, Problem, SpecErrors, in_order
from gateway.spec.rules import (
    bounds,
    dangers,
    edges,
    exposure,
    identity,
    limits,
    listen,
    loops,
    methods,
    oncall,
    openness,
    pages,
    route,
    shadows,
    sharing,
    store,
    told,
    upstream,
)
from gateway.spec.rules.report import Report
from gateway.spec.shorthand import expanded
from gateway.spec.sources import files_of, read
from gateway.spec.types import type_of
from gateway.spec.walk import Walk


class Loaded(Struct, frozen=True):
    """A spec that may be used, and what was noticed on the way."""

    spec: Spec
    warnings: tuple[Problem, ...]
    sources: tuple[Path, ...]
    """Every file that was read, the overlay last."""
    tree: Tree
    """The merged and expanded nodes: where everything was written."""


def load(path: Path | str, stage: str | None = None) -> Loaded:
    """Read, merge, expand and check a spec.

    Raises:
        SpecErrors: the spec cannot be used; all mistakes at once.
    """
    findings = Findings()
    sources = files_of(Path(path), stage)
    raw = read(sources, findings, has_overlay=bool(stage))
    root = expanded(raw.root, type_of(Spec))
    assert isinstance(root, Mapping)
    tree = Tree(root, raw.overlay)
    walk = Walk(tree, findings)
    spec = walk.build(root, type_of(Spec))
    report = Report(tree, walk.failed, findings)
    for rules in (listen, upstream, route, edges, identity, told, limits, store, oncall, pages):
        rules.check(spec, report)
    if findings.errors:
        raise SpecErrors([*findings.errors, *findings.warnings])
    for rules in (dangers, bounds, loops, methods, exposure, openness, sharing, shadows):
        rules.check(spec, report)
    return Loaded(spec, in_order(findings.warnings), sources, tree)
