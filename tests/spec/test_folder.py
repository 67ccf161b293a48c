"""A folder of files is one spec, in which teams own files."""

import pytest

from gateway.spec.load import load
from gateway.spec.problem import SpecErrors

DICE = "upstreams: {dice: {versions: {v1: http://127.0.0.1:7001}}}\n"


def test_sections_may_be_split_over_files(write):
    written = write(
        a="casino: 1\n" + DICE,
        b="upstreams: {cards: {versions: {v1: http://127.0.0.1:7021}}}\nbounds: {body: 1MB}\n",
        c="casino: 1\nbounds: {head: 8kB}\nroutes: {roll: {match: /roll, to: dice}}\n",
    )
    spec = load(written.path).spec
    assert list(spec.upstreams) == ["dice", "cards"]
    assert (spec.bounds.body_bytes, spec.bounds.head_bytes) == (1_000_000, 8_000)
    assert spec.routes["roll"].to == "dice"


def test_yml_counts_and_other_files_do_not(write, tmp_path):
    write(a="casino: 1")
    (tmp_path / "b.yml").write_text("workers: 3")
    (tmp_path / "c.yaml.bak").write_text("not: [yaml")
    (tmp_path / ".hidden.yaml").write_text("not: [yaml")
    assert load(tmp_path).spec.workers == 3


@pytest.mark.parametrize(
    ("first", "second", "fault"),
    [
        pytest.param(
            "casino: 1\n" + DICE, "upstreams: {▸dice: {versions: {v1: http://h}}}", "duplicate-key", id="name"
        ),
        pytest.param("casino: 1\nbounds: {body: 1MB}", "bounds: {▸body: 1MB}", "duplicate-key", id="setting"),
        pytest.param("casino: 1\nworkers: 1", "▸workers: 1", "duplicate-key", id="whole section"),
        pytest.param("casino: 1", "▸casino: 2", "duplicate-key", id="another version of the format"),
        pytest.param("casino: 1", "routes: {roll: {match: /x, to: ▸dice}}", "unknown-name", id="reference"),
        pytest.param("casino: 1\n" + DICE, "routes: {roll: {match: ▸/a//b, to: dice}}", "bad-value", id="value"),
        pytest.param("casino: 1", "▸rotes: {}", "unknown-key", id="unknown section"),
    ],
)
def test_a_mistake_is_placed_in_its_file(mistakes, first, second, fault):
    problems, (mark,) = mistakes(a=first, b=second)
    assert [(problem.file, problem.line, problem.column) for problem in problems] == [mark]
    assert problems[0].id == fault


def test_a_name_given_in_two_files_is_told_with_both_places(mistakes):
    problems, (first, second) = mistakes(
        a="casino: 1\nteams: {▸games: {contact: x}}", b="teams: {▸games: {contact: x}}"
    )
    assert (problems[0].file, problems[0].line, problems[0].column) == second
    assert problems[0].hint == f"first at {first.file}:{first.line}:{first.column}"


def test_every_file_that_is_no_yaml_is_told(write, tmp_path):
    write(a="casino: [", b="casino: 1", c="\tworkers: 1")
    with pytest.raises(SpecErrors) as refused:
        load(tmp_path)
    assert [problem.file.rsplit("/", 1)[1] for problem in refused.value.problems] == ["a.yaml", "c.yaml"]
    assert refused.value.unreadable


def test_a_folder_without_a_spec_is_unreadable(tmp_path):
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "prod.yaml").write_text("casino: 1")
    with pytest.raises(SpecErrors, match=r"holds no \*.yaml file") as refused:
        load(tmp_path)
    assert refused.value.unreadable
