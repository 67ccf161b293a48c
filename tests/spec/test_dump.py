"""What `check --print` prints loads back as the same spec."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from gateway.spec.compose import compose
from gateway.spec.dump import dump
from gateway.spec.load import load
from gateway.spec.model import Spec
from gateway.spec.nodes import Tree
from gateway.spec.problem import Findings
from gateway.spec.shorthand import expanded
from gateway.spec.types import scalar, type_of
from gateway.spec.units import Kind
from gateway.spec.walk import Walk

EXAMPLES = Path(__file__).parents[2] / "examples"
STAGES = (None, "dev", "test", "stage", "prod")

KINDS = {
    Kind.DURATION: st.integers(1, 86_400_000).map(lambda ms: ms / 1000),
    Kind.SIZE: st.integers(65_536, 2**30),
    Kind.SHARE: st.integers(0, 10**6).map(lambda part: part / 10**6),
    Kind.RATE: st.integers(0, 2**40).map(float),
    Kind.REGEX: st.sampled_from(["[0-9]+", "a|b", "^x$", "(?i)yes", '"', "\\d{3}: #", "'"]),
    Kind.ADDRESS: st.sampled_from(["127.0.0.1:0", "[::]:8080", "unix:/run/x y.sock"]),
    Kind.NETWORK: st.sampled_from(["10.0.0.0/8", "::1", "0.0.0.0/0"]),
    Kind.URL: st.sampled_from(["http://h", "https://[::1]:8443", "srv://_http._tcp.d", "unix:/x"]),
    Kind.HOST: st.sampled_from(["shop.example", "*.shop.example", "[::1]", "on", "1.10"]),
    Kind.STORE: st.sampled_from(["sqlite:/tmp/a b.db", "redis://h/1", "rediss://[::1]:6380", "redis+unix:/run/r.sock"]),
    Kind.FILE: st.sampled_from(["/etc/x.pem", "/tmp/a b.pem"]),
    Kind.PATH: st.sampled_from(["/", "/health", "/a%20b", "/~x"]),
    Kind.TARGET: st.sampled_from(["/", "/health?a=b&c"]),
    Kind.TEMPLATE: st.sampled_from(["/", "/roll/{sides}", "/**", "/a/{b}/**", "/true"]),
    Kind.HEADER_NAME: st.sampled_from(["X-Beta", "null", "1", "true", "~", "a#b", "'", "`", "*"]),
    Kind.HEADER_VALUE: st.sampled_from(["", "a: b", "- x", "#", "true", "1.10", "null", "{x}", '"q"', "a\tb", "&a", "%"]),
}  # fmt: skip

PRINTABLE = st.characters(exclude_categories=("C", "Z"), include_characters=" ")


def values(type_: inspect.Type) -> st.SearchStrategy:
    """Any value of a type, whether or not it makes sense beside others."""
    match type_:
        case inspect.StructType(cls=cls, fields=fields):
            return st.deferred(lambda: st.builds(cls, **{field.name: values(field.type) for field in fields}))
        case inspect.UnionType(types=types):
            return st.none() | values(next(each for each in types if not isinstance(each, inspect.NoneType)))
        case inspect.DictType(key_type=key, value_type=value, min_length=least):
            return st.dictionaries(values(key), values(value), min_size=least or 0, max_size=2)
        case inspect.VarTupleType(item_type=item, min_length=least):
            return st.lists(values(item), min_size=least or 0, max_size=2).map(tuple)
    return plain(scalar(type_))


def plain(type_) -> st.SearchStrategy:
    if type_.kind in KINDS:
        return KINDS[type_.kind]
    match type_.type:
        case inspect.StrType(pattern=str(pattern)):
            return st.from_regex(pattern, fullmatch=True, alphabet=PRINTABLE)
        case inspect.StrType(min_length=least):
            return st.text(min_size=least or 0, max_size=20)
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType(ge=least, le=most):
            return st.integers(least, most)
        case inspect.LiteralType(values=choices):
            return st.sampled_from(choices)
    raise AssertionError(type_)


def read_back(text: str) -> Spec:
    findings = Findings()
    root = expanded(compose(text, "printed", findings), type_of(Spec))
    spec = Walk(Tree(root), findings).build(root, type_of(Spec))
    assert findings.errors == []
    return spec


@given(values(type_of(Spec)), st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_spec_loads_back_as_itself(spec, defaults):
    assert read_back(dump(spec, defaults=defaults)) == spec


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("defaults", [False, True])
def test_an_example_loads_back_as_itself(tmp_path, stage, defaults):
    spec = load(EXAMPLES / "casino.yaml", stage).spec
    printed = tmp_path / "printed.yaml"
    printed.write_text(dump(spec, defaults=defaults))
    assert load(printed).spec == spec


@pytest.mark.parametrize("stage", STAGES)
def test_an_example_is_printed_as_before(golden, stage):
    printed = anywhere(dump(load(EXAMPLES / "casino.yaml", stage).spec))
    assert printed == golden(f"spec/{stage or 'casino'}.yaml", printed)


def test_every_default_can_be_printed(golden):
    printed = anywhere(dump(load(EXAMPLES / "casino.yaml").spec, defaults=True))
    assert printed == golden("spec/defaults.yaml", printed)


def anywhere(printed: str) -> str:
    """Files are held by their absolute path: leave out where this checkout is."""
    return printed.replace(str(EXAMPLES.parent), "")
