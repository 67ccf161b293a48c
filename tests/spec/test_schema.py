"""The JSON Schema takes what the loader takes, short forms included, and refuses what an editor can know to be wrong."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from gateway.spec.compose import compose
from gateway.spec.dump import dump
from gateway.spec.load import load
from gateway.spec.nodes import Mapping, Node, Scalar
from gateway.spec.problem import Findings
from gateway.spec.schema import schema

EXAMPLES = Path(__file__).parents[2] / "examples"
STAGES = sorted(EXAMPLES.glob("stages/*.yaml"))

FORMS = """\
casino: 1
workers: 0
listen: {public: ["127.0.0.1:80", {address: "[::]:80", proxy_protocol: true}], trusted: 10.0.0.0/8}
bounds: {body: 512, head: 64KiB, body_rate: 1kB/s}
drain: {grace: 0}
teams:
upstreams:
  a:
    versions: {v1: http://h, v2: [http://i, {url: http://j, weight: 2}], v3: {targets: http://k}}
    balance: hash
    retry: {on: [connect, 502, "503"]}
    health: {status: 200}
  b: {versions: {v1: http://h}, balance: {by: hash, cookie: session}, ejection: {failures: 0.5}}
routes:
  a: {match: "GET,POST shop.example/cart/**", to: a, split: {v1: 90%, v2: 0.1}}
  b: {match: [GET /b, {path: /c, methods: GET, hosts: h}], to: a, split: [{version: v1}]}
  c:
    match: {when: {header: {X-Beta: 1, X-On: on}, cookie: {c: {regex: a+}}, query: {q: {present: true}}}}
    to: a
    headers: {response: {set: {Retry-After: 3600}, remove: Server}}
    objectives: {latency: 99% within 100ms, availability: 99.9%}
  d: {match: /d, answer: {status: 503, maintenance: true, body: 42}}
  e: {match: /e, to: b, objectives: {latency: {share: 0.99, within: 1s}}}
"""


def as_editor(node: Node) -> object:
    """Read nodes as the YAML 1.2 core schema does, which editors go by."""
    match node:
        case Mapping(entries=entries):
            return {name: as_editor(entry.value) for name, entry in entries.items()}
        case Scalar():
            return scalar(node)
    return [as_editor(item) for item in node.items]


def scalar(node: Scalar) -> object:
    words = {"true": True, "false": False}
    if node.is_null or not node.plain or node.text in words:
        return None if node.is_null else words.get(node.text, node.text) if node.plain else node.text
    for number in (int, float):
        try:
            return number(node.text)
        except ValueError:
            continue
    return node.text


def complaints(text: str, *, overlay: bool = False) -> list[str]:
    document = as_editor(compose(text, "spec", Findings()))
    return [error.json_path for error in Draft202012Validator(schema(overlay=overlay)).iter_errors(document)]


@pytest.mark.parametrize("overlay", [False, True])
def test_the_schema_is_a_schema(overlay):
    Draft202012Validator.check_schema(schema(overlay=overlay))


def test_the_example_is_accepted():
    assert complaints((EXAMPLES / "casino.yaml").read_text()) == []


@pytest.mark.parametrize("path", STAGES, ids=lambda path: path.stem)
def test_stages_are_accepted_as_overlays(path):
    assert complaints(path.read_text(), overlay=True) == []


@pytest.mark.parametrize("stage", [None, *(path.stem for path in STAGES)])
@pytest.mark.parametrize("defaults", [False, True])
def test_what_check_prints_is_accepted(stage, defaults):
    assert complaints(dump(load(EXAMPLES / "casino.yaml", stage).spec, defaults=defaults)) == []


def test_every_short_form_is_accepted_by_both(write):
    assert complaints(FORMS) == []
    assert load(write(spec=FORMS).path).spec.casino == 1


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("workers: 1", id="version missing"),
        pytest.param("casino: 2", id="other version"),
        pytest.param("casino: 1\nworkerz: 1", id="unknown section"),
        pytest.param("casino: 1\nworkers: many", id="no number"),
        pytest.param("casino: 1\nworkers: 300", id="out of range"),
        pytest.param("casino: 1\ndrain: {grace: 5}", id="no unit"),
        pytest.param("casino: 1\nbounds: {body: 10mb}", id="wrong unit"),
        pytest.param("casino: 1\nteams: {Games: {contact: x}}", id="bad name"),
        pytest.param("casino: 1\nteams: {games: {}}", id="missing key"),
        pytest.param("casino: 1\nroutes: {a: {match: GETX x}}", id="bad match"),
        pytest.param("casino: 1\nroutes: {a: {match: /x, split: {v1: 90}}}", id="bad share"),
        pytest.param("casino: 1\nroutes: {a: {match: /x, objectives: {latency: fast}}}", id="bad objective"),
        pytest.param("casino: 1\nupstreams: {a: {versions: {v1: http://h}, balance: fair}}", id="unknown word"),
        pytest.param("casino: 1\nupstreams: {a: {versions: {v1: http://h}, tls: {verify: yes}}}", id="no boolean"),
        pytest.param("casino: 1\nupstreams: {a: null}", id="removed without an overlay"),
    ],
)
def test_what_an_editor_can_know_is_refused(text):
    assert complaints(text)


def test_everything_has_a_description():
    def properties(part: object) -> list[dict]:
        if isinstance(part, dict):
            own = list(part["properties"].values()) if isinstance(part.get("properties"), dict) else []
            return own + [found for value in part.values() for found in properties(value)]
        return [found for value in part for found in properties(value)] if isinstance(part, list) else []

    found = properties(schema())
    assert len(found) > 80
    assert all(each.get("description") for each in found)
