"""Mistakes in who may call: each is found at the very character it was made at."""

import pytest

from gateway.spec.load import load

A, B = "a" * 64, "b" * 64
NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
HASH = "$argon2id$v=19$m=19456,t=2,p=1$VTRSrHuyosiP3wtHNS/6HA$Hf6c0WnDU7f/K31JJDDV43yvaaANQc3mfoc6ReEjru8"
KEYED = f"consumers: {{shop: {{keys: {A}, groups: partners}}}}\n"
ISSUER = "issuers: {local: {issuer: x, audiences: y, algorithms: RS256, file: jwks.json}}\n"
ROUTE = "match: /x, to: dice"


def spec(top: str = KEYED, demand: str = "key", route: str = "") -> str:
    return (
        f"casino: 1\n{top}upstreams: {{dice: {{versions: {{v1: http://h}}, timeouts: {{total: 3s}}}}}}\n"
        f"routes:\n  a: {{{ROUTE}, identity: {demand}{route}}}\n"
    )


def consumers(text: str) -> str:
    return spec(f"consumers: {{shop: {{keys: {A}}}, other: {{{text}}}}}\n")


def issuer(text: str) -> str:
    return spec(f"issuers: {{local: {text}}}\n", "jwt")


MISTAKES = {
    "no hash": (spec("consumers: {shop: {keys: ▸casino_key}}\n"), "bad-value", "SHA-256", None),
    "the hash of nothing": (spec(f"consumers: {{shop: {{keys: ▸{NOTHING}}}}}\n"), "bad-value", "nothing", "casino key new"),
    "a key twice": (consumers(f"keys: ▸{A}"), "conflict", "key is given twice", "consumer `shop`"),
    "a key twice of one consumer": (consumers(f"keys: [{B}, ▸{B}]"), "conflict", "key is given twice", "consumer `other`"),
    "a day that is none": (consumers(f"keys: {{sha256: {B}, ▸expires: 2027-02-30}}"), "bad-value", "2027-02-30", None),
    "a moment without its zone": (consumers(f"keys: {{sha256: {B}, expires: ▸2027-02-03T12:00}}"), "bad-value", "UTC", None),
    "a password in the open": (consumers("passwords: {user: a, argon2: ▸secret}"), "bad-value", "Argon2id", None),
    "a hash cut short": (
        consumers(f"passwords: {{user: a, ▸argon2: '{HASH.rpartition('$')[0]}'}}"), "bad-value", "whole", "casino key password",
    ),
    "a hash that costs too much": (
        consumers(f"passwords: {{user: a, ▸argon2: '{HASH.replace('m=19456', 'm=4194304')}'}}"), "out-of-range", "4096 MiB", "256",
    ),
    "a hash of another kind": (
        consumers(f"passwords: {{user: a, argon2: ▸'{HASH.replace('argon2id', 'argon2i')}'}}"), "bad-value", "Argon2id", None,
    ),
    "a user twice": (
        consumers(f"passwords: [{{user: a, argon2: '{HASH}'}}, {{▸user: a, argon2: '{HASH}'}}]"), "conflict", "user", "other",
    ),
    "a user with a colon": (consumers(f"passwords: {{user: ▸'a:b', argon2: '{HASH}'}}"), "bad-value", "a:b", None),
    "a certificate twice, in another case": (
        consumers("certificates: ['DNS:a.b', ▸'DNS:A.b']"), "conflict", "certificate is given twice", "other",
    ),
    "a certificate of no kind": (consumers("certificates: ▸shop.internal"), "bad-value", "kind of name", "`DNS:shop"),
    "an issuer nobody knows": (
        spec(f"{ISSUER}consumers: {{shop: {{keys: {A}, tokens: {{issuer: ▸locol, value: x}}}}}}\n"),
        "unknown-name", "`locol`", "`local`",
    ),
    "a claim twice": (
        spec(f"{ISSUER}consumers: {{shop: {{keys: {A}, tokens: [{{issuer: local, value: x}}, ▸{{issuer: local, claim: sub, value: x}}]}}}}\n"),
        "conflict", "claim is given twice", "shop",
    ),
    "an issuer without keys": (issuer("{issuer: x, audiences: y, algorithms: RS256}").replace("local", "▸local", 1), "conflict", "not 0", None),
    "an issuer with two sources": (
        issuer("{issuer: x, audiences: y, algorithms: RS256, url: https://h, file: f}").replace("local", "▸local", 1), "conflict", "not 2", None,
    ),
    "HS with public keys": (
        issuer("{issuer: x, audiences: y, algorithms: [RS256, ▸HS256], url: https://h}"), "conflict", "`HS256`", "anybody sign",
    ),
    "RS with a secret": (
        issuer("{issuer: x, audiences: y, algorithms: ▸RS256, secret: {env: S}}"), "conflict", "public keys", "key set",
    ),
    "EdDSA with a secret": (
        issuer("{issuer: x, audiences: y, algorithms: [HS512, ▸EdDSA], secret: {env: S}}"), "conflict", "`EdDSA`", None,
    ),
    "no algorithm at all": (
        issuer("{issuer: x, audiences: y, algorithms: ▸none, file: f}"), "bad-value", "`none`", None,
    ),
    "a secret in two places": (
        issuer("{issuer: x, audiences: y, algorithms: HS256, ▸secret: {env: S, file: f}}"), "conflict", "not 2", None,
    ),
    "a URL without a host": (
        issuer("{issuer: x, audiences: y, algorithms: RS256, ▸url: 'https://:443/x'}"), "bad-value", "no host", None,
    ),
    "means nobody knows": (spec(demand="▸keys"), "bad-value", "`keys`", "`key`"),
    "means twice": (spec(demand="[key, ▸key]"), "conflict", "twice", None),
    "no means": (spec(demand="▸[]"), "wrong-type", "at least one", None),
    "a consumer nobody knows": (spec(demand="{by: key, consumers: [shop, ▸shp]}"), "unknown-name", "`shp`", "`shop`"),
    "a group nobody is in": (spec(demand="{by: key, groups: [partners, ▸partner]}"), "unknown-name", "`partner`", "`partners`"),
    "an issuer in demand nobody knows": (
        spec(KEYED + ISSUER, "{by: jwt, issuers: ▸remote}"), "unknown-name", "`remote`", "`local`",
    ),
    "a key nobody has": (spec("consumers: {shop: {}}\n", "▸key"), "conflict", "no consumer who may call has a key", None),
    "a key nobody in the group has": (
        spec(f"consumers: {{shop: {{keys: {A}}}, other: {{groups: g}}}}\n", "{by: ▸key, groups: g}"), "conflict", "has a key", None,
    ),
    "a password nobody has": (spec(demand="[key, ▸basic]"), "conflict", "has a password", None),
    "a token nobody signs": (spec(demand="▸jwt"), "conflict", "no issuer is declared", None),
    "a certificate nobody asks for": (spec(demand="▸certificate"), "conflict", "no listener asks", None),
    "scopes without tokens": (spec(demand="{by: key, ▸scopes: a}"), "conflict", "`scopes` has no meaning", None),
    "headers without tokens": (spec(demand="{by: key, ▸headers: {X-Mail: email}}"), "conflict", "`headers` has no meaning", None),
    "a header a service relies on": (
        spec(KEYED + "identity: {▸consumer_header: Authorization}\n"), "bad-value", "`Authorization`", "something else",
    ),
    "a header of framing": (
        spec(KEYED + "identity: {▸subject_header: Content_Length}\n"), "bad-value", "`Content_Length`", None,
    ),
    "a header of forwarding": (spec(KEYED + "identity: {▸key_header: X-Forwarded-For}\n"), "bad-value", "X-Forwarded-For", None),
    "one header for two things": (
        spec(KEYED + "identity: {▸consumer_header: x_api_key}\n"), "conflict", "`x_api_key`", None,
    ),
    "a claim's header that is the consumer's": (
        spec(KEYED + ISSUER, "{by: jwt, headers: {▸X_Consumer: sub}}"), "conflict", "already has a meaning", None,
    ),
    "a claim's header that is Host": (spec(KEYED + ISSUER, "{by: jwt, headers: {▸Host: sub}}"), "bad-value", "`Host`", None),
    "a claim's header twice": (
        spec(KEYED + ISSUER, "{by: jwt, headers: {X-A: sub, ▸x-a: mail}}"), "conflict", "given twice", None,
    ),
    "a rule that names the caller": (
        spec(route=", headers: {request: {set: {▸X-Consumer: shop}}}"), "bad-value", "the gateway alone writes it", None,
    ),
    "a rule that names the caller in another spelling": (
        spec(route=", headers: {request: {add: {▸x_consumer_Subject: me}}}"), "bad-value", "the gateway alone writes it", None,
    ),
    "a rule that takes the name away": (
        spec(route=", headers: {request: {remove: [X-A, ▸X-Consumer]}}"), "bad-value", "the gateway alone writes it", None,
    ),
    "a condition on who calls": (
        spec().replace("match: /x", "match: {path: /x, when: {header: {▸X-Consumer: shop}}}"), "bad-value", "alone writes", None,
    ),
    "a condition of a split on who calls": (
        spec(route=", split: [{when: {header: {▸X-Consumer: shop}}, version: v1}, {version: v1}]"), "bad-value", "alone writes", None,
    ),
    "a rule that writes another route's claim": (
        spec(KEYED + ISSUER, "{by: jwt, headers: {X-Mail: email}}")
        + "  b: {match: /y, to: dice, headers: {request: {set: {▸X_Mail: me}}}}\n",
        "bad-value", "alone writes", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "id_", "message", "hint"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_found_at_its_place(mistakes, text, id_, message, hint):
    problems, marks = mistakes(spec=text)
    (problem,) = problems
    assert problem.id == id_
    assert [(problem.line, problem.column)] == [(mark.line, mark.column) for mark in marks]
    assert message is None or message in f"{problem.message} {problem.expected}"
    assert hint is None or hint in (problem.hint or "")


def test_short_forms_mean_the_long_ones(write):
    short = load(write(spec=spec()).path).spec
    long = load(
        write(spec=spec(f"consumers: {{shop: {{keys: [{{sha256: {A}}}], groups: [partners]}}}}\n", "{by: [key]}")).path
    )
    assert short == long.spec


def test_no_mistake_tells_a_secret(mistakes):
    problems, _ = mistakes(spec=consumers("passwords: {user: a, argon2: hunter2}"))
    assert "hunter2" not in "".join(map(str, problems))
