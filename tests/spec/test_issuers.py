"""Issuers: two that cannot be told apart are refused."""

import pytest

from gateway.spec.load import load
from gateway.spec.problem import Fault, SpecErrors

SPEC = """
casino: 1
issuers:
  first: {{issuer: https://a.example, audiences: [a], algorithms: [ES256], url: https://a.example/keys}}
  second: {{issuer: {second}, audiences: [b], algorithms: [RS256], url: https://b.example/keys}}
routes: {{all: {{match: /**, answer: {{status: 204}}, identity: jwt}}}}
"""


def test_two_issuers_of_the_same_name_cannot_be_told_apart(tmp_path):
    path = tmp_path / "casino.yaml"
    path.write_text(SPEC.format(second="https://a.example"))
    with pytest.raises(SpecErrors) as refused:
        load(path)
    [problem] = refused.value.problems
    assert (problem.line, problem.id) == (5, Fault.CONFLICT)
    assert "`first` has the same `issuer`" in problem.message


def test_issuers_of_different_names_are_told_apart_to_the_letter(tmp_path):
    path = tmp_path / "casino.yaml"
    path.write_text(SPEC.format(second="https://a.example/"))
    assert len(load(path).spec.issuers) == 2
