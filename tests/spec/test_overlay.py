"""Stages: what an overlay changes, and where its mistakes are placed."""

import pytest

from gateway.spec.compose import compose
from gateway.spec.load import load
from gateway.spec.merge import overlaid
from gateway.spec.nodes import Mapping, Node, Scalar
from gateway.spec.problem import Findings, SpecErrors

BASE = """\
casino: 1
teams: {games: {contact: games@casino.example}}
upstreams:
  dice:
    versions: {v1: [http://127.0.0.1:7001], v2: [http://127.0.0.1:7011]}
    timeouts: {total: 3s}
routes:
  roll:
    match: GET /roll/{sides}
    to: dice
    split: {v1: 90%, v2: 10%}
    team: games
"""


def plain(node: Node) -> object:
    match node:
        case Scalar():
            return node.text
        case Mapping(entries=entries):
            return {name: plain(entry.value) for name, entry in entries.items()}
    return [plain(item) for item in node.items]


def test_an_overlay_of_aliases_upon_aliases_is_refused_like_any_depth(write):
    chain = "a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n} {{k: *a{n - 1}}}\n" for n in range(1, 1500))
    written = write(spec=BASE, stages__prod=chain)
    with pytest.raises(SpecErrors, match="levels deep"):
        load(written.path, "prod")


@pytest.mark.parametrize(
    ("base", "patch", "merged"),
    [
        ("{a: b}", "{a: c}", {"a": "c"}),
        ("{a: b}", "{b: c}", {"a": "b", "b": "c"}),
        ("{a: b}", "{a: null}", {}),
        ("{a: b, b: c}", "{a: ~}", {"b": "c"}),
        ("{a: [b]}", "{a: c}", {"a": "c"}),
        ("{a: c}", "{a: [b]}", {"a": ["b"]}),
        ("{a: {b: c}}", "{a: {b: d, c: null}}", {"a": {"b": "d"}}),
        ("{a: [{b: c}]}", "{a: [1]}", {"a": ["1"]}),
        ("{e: null}", "{a: 1}", {"e": "null", "a": "1"}),
        ("{a: foo}", "{a: {b: c, d: null}}", {"a": {"b": "c"}}),
        ("{x: 1}", "{a: {bb: {ccc: null}}}", {"x": "1", "a": {"bb": {}}}),
        ("{a: b}", '{a: "null"}', {"a": "null"}),
    ],
)  # fmt: skip
def test_merging_follows_rfc_7396_appendix_a(base, patch, merged):
    findings = Findings()
    tree = overlaid(compose(base, "base", findings), compose(patch, "patch", findings), findings)
    assert plain(tree.root) == merged


def test_an_overlay_changes_what_it_names_and_nothing_else(write):
    written = write(
        spec=BASE,
        stages__prod="upstreams: {dice: {timeouts: {total: 1s}}}\nroutes: {roll: {split: {v1: 50%, v2: 50%}}}",
    )
    base, prod = load(written.path).spec, load(written.path, "prod").spec
    assert prod.upstreams["dice"].timeouts.total_seconds == 1
    assert [arm.weight_ratio for arm in prod.routes["roll"].split] == [0.5, 0.5]
    assert prod.upstreams["dice"].versions == base.upstreams["dice"].versions
    assert prod.routes["roll"].match == base.routes["roll"].match


def test_an_overlay_applies_to_a_folder(write):
    written = write(a="casino: 1", b="teams: {games: {contact: x}}", stages__prod="teams: {games: {contact: y}}")
    assert load(written.path, "prod").spec.teams["games"].contact == "y"
    assert [source.name for source in load(written.path, "prod").sources] == ["a.yaml", "b.yaml", "prod.yaml"]


OVERLAYS = {
    "value": ("upstreams: {dice: {timeouts: {total: ▸3}}}", "bad-value"),
    "unknown key": ("upstreams: {dice: {▸timeout: {total: 3s}}}", "unknown-key"),
    "unknown section": ("▸route: {}", "unknown-key"),
    "duplicate key": ("workers: 1\n▸workers: 2", "duplicate-key"),
    "reference": ("routes: {roll: {to: ▸dise}}", "unknown-name"),
    "share that breaks the sum": ("routes: {roll: {split: {v2: ▸20%}}}", "shares"),
    "second end of a route": ("routes: {roll: {answer: ▸{status: 404}}}", "conflict"),
    "new route without an end": ("routes: {▸other: {match: /x}}", "missing-key"),
    "new upstream without versions": ("upstreams: {▸other: {}}", "missing-key"),
    "nothing": ("upstreams: {dice: {timeouts: {total: ▸''}}}", "bad-value"),
}


@pytest.mark.parametrize(("overlay", "fault"), OVERLAYS.values(), ids=OVERLAYS)
def test_a_mistake_of_an_overlay_is_placed_in_the_overlay(mistakes, overlay, fault):
    problems, (mark,) = mistakes("prod", spec=BASE, stages__prod=overlay)
    assert [(problem.file, problem.line, problem.column) for problem in problems] == [mark]
    assert [problem.id for problem in problems] == [fault]


def test_a_mistake_of_the_base_stays_in_the_base(mistakes):
    problems, (mark,) = mistakes(
        "prod", spec=BASE.replace("total: 3s", "total: ▸3"), stages__prod="routes: {roll: {timeout: 1s}}"
    )
    assert [(problem.file, problem.line, problem.column) for problem in problems] == [mark]


def test_a_reference_to_what_an_overlay_removed_is_a_mistake(mistakes):
    problems, (mark,) = mistakes(
        "prod", spec=BASE.replace("team: games", "team: ▸games"), stages__prod="teams: {games: null}"
    )
    assert [(problem.file, problem.line, problem.column) for problem in problems] == [mark]


def test_a_removed_key_that_is_needed_names_its_remover(mistakes):
    problems, (mark, remover) = mistakes(
        "prod",
        spec=BASE.replace("  dice:", "  ▸dice:"),
        stages__prod="upstreams: {dice: {▸versions: null}}",
    )
    missing = next(problem for problem in problems if problem.id == "missing-key")
    assert (missing.file, missing.line, missing.column) == mark
    assert missing.hint == f"removed by {remover.file}:{remover.line}:{remover.column}"


def test_a_route_whose_end_was_removed_names_the_remover(mistakes):
    problems, (mark, remover) = mistakes(
        "prod", spec=BASE.replace("  roll:", "  ▸roll:"), stages__prod="routes: {roll: {▸to: null}}"
    )
    (problem,) = problems
    assert (problem.file, problem.line, problem.column) == mark
    assert problem.hint == f"removed by {remover.file}:{remover.line}:{remover.column}"


def test_removing_what_is_not_there_is_a_warning(write):
    written = write(spec=BASE, stages__prod="routes: {roll: {▸tem: null}}")
    (warning,) = load(written.path, "prod").warnings
    assert (warning.file, warning.line, warning.column) == written.marks[0]
    assert (warning.id, warning.hint) == ("overlay.removes-nothing", "did you mean `team`?")


def test_many_warnings_hide_no_error(mistakes):
    nothing = ", ".join(f"x{number}: null" for number in range(500))
    problems, (mark,) = mistakes("prod", spec=BASE, stages__prod=f"teams: {{{nothing}}}\nworkers: ▸many")
    (error,) = (problem for problem in problems if problem.severity == "error")
    assert (error.file, error.line, error.column) == mark


@pytest.mark.parametrize("stage", ["prd", "../prod", "/etc/passwd", "", "prod.yaml", "a\0b"])
def test_a_stage_that_does_not_exist_is_named(write, stage):
    written = write(spec=BASE, stages__prod="workers: 1")
    with pytest.raises(SpecErrors, match="there is no stage") as refused:
        load(written.path, stage)
    assert refused.value.unreadable
