"""Each warning has a case that brings it, at its place, and one beside it that does not."""

import pytest

from gateway.spec.load import load
from gateway.spec.problem import Danger

TARGET = "versions: {v1: http://127.0.0.1:7001}, timeouts: {total: 3s}"
TWO = "versions: {v1: [http://127.0.0.1:7001, http://127.0.0.1:7002]}, timeouts: {total: 3s}, health: {path: /h}"
ROUTE = "match: /x, to: dice"
KEYED = f"consumers: {{shop: {{keys: {'a' * 64}}}}}\n"
PASSWORD = (
    f"consumers: {{shop: {{passwords: {{user: a, argon2: '$argon2id$v=19$m=8,t=1,p=1${'A' * 22}${'A' * 43}'}}}}}}\n"
)
ISSUER = "issuers: {local: {issuer: x, audiences: y, algorithms: RS256, file: f}}\n"
PUBLIC = "listen: {public: '1.2.3.4:80'}\n"
TOKENS = "control: {tokens: {prometheus: {token: {file: prometheus}}}}"


def spec(*, top: str = "", upstream: str = TARGET, route: str = ROUTE, routes: str = "") -> str:
    return f"casino: 1\n{top}\nupstreams:\n  dice: {{{upstream}}}\nroutes:\n  a: {{{route}}}\n{routes}"


def loops(listener: str, target: str) -> str:
    upstream = f"versions: {{v1: {{targets: [{target}]}}}}, timeouts: {{total: 3s}}"
    return spec(top=f"listen: {{public: '{listener}'}}", upstream=upstream)


LOOPS = [
    ("127.0.0.1:8080", "http://127.0.0.1:8080", "http://127.0.0.2:8080"),
    ("127.0.0.1:8080", "https://localhost:8080", "https://localhost:8081"),
    ("0.0.0.0:8080", "http://127.0.0.9:8080", "'http://[::1]:8080'"),
    ("0.0.0.0:8080", "'http://[::ffff:127.0.0.1]:8080'", "http://dice.example:8080"),
    ("10.0.0.5:80", "http://10.0.0.5", "http://127.0.0.1"),
    ("[::]:8080", "'http://[::1]:8080'", "http://127.0.0.1:8080"),
    ("[::1]:8080", "http://localhost:8080", "srv://_http._tcp.localhost"),
    ("127.0.0.1:8080", "http://0.0.0.0:8080", "'http://[::]:8080'"),
    ("unix:/run/casino.sock", "unix:/run/casino.sock", "unix:/run/dice.sock"),
]


DANGERS = [
    (Danger.ROUTE_SHADOWED, spec(route="match: 'GET,POST /x', to: dice", routes="  b: {match: ▸GET /x, to: dice}\n"),
     spec(route="match: GET /x, to: dice", routes="  b: {match: POST /x, to: dice}\n")),
    (Danger.ROUTE_SHADOWED, spec(route="match: 'GET,POST /x', to: dice", routes="  b: {match: ▸'POST,PUT /x', to: dice}\n"),
     spec(route="match: GET /x, to: dice", routes="  b: {match: /x, to: dice}\n")),
    (Danger.ROUTE_SHADOWED,
     spec(route="match: {path: '/{a}', when: {header: {X-A: {present: true}}}}, to: dice",
          routes="  b: {match: ▸{path: '/{b}', when: {header: {x-a: '1'}}}, to: dice}\n"),
     spec(route="match: {path: '/{a}', when: {header: {X-A: '1'}}}, to: dice",
          routes="  b: {match: {path: '/{b}', when: {header: {x-a: {present: true}}}}, to: dice}\n")),
    (Danger.ROUTE_SHADOWED,
     spec(route="match: {when: {query: {v: {prefix: a}}}}, to: dice",
          routes="  b: {match: ▸{when: {query: {v: ab}}}, to: dice}\n"),
     spec(route="match: {when: {query: {v: {prefix: ab}}}}, to: dice",
          routes="  b: {match: {when: {query: {v: a}}}, to: dice}\n")),
    (Danger.ROUTE_SHADOWED,
     spec(route="match: {when: {media_type: a/b, header: {x: {present: true}}}}, to: dice",
          routes="  b: {match: ▸{when: {media_type: a/b, header: {x: '1'}}}, to: dice}\n"),
     spec(route="match: {when: {media_type: a/b, header: {x: {present: true}}}}, to: dice",
          routes="  b: {match: {when: {media_type: a/c, header: {x: '1'}}}, to: dice}\n")),
    (Danger.ROUTE_SHADOWED,
     spec(route="match: {path: /x, methods: [GET, PUT], when: {header: {x: '1'}}}, to: dice",
          routes="  b: {match: ▸{path: /x, methods: GET, when: {header: {X: '1'}}}, to: dice}\n"),
     spec(route="match: {path: /x, methods: GET, when: {header: {x: '1'}}}, to: dice",
          routes="  b: {match: {path: /x, methods: GET}, to: dice}\n")),
    (Danger.ROUTE_HEALTH_PATH, spec(route="match: ▸/.casino/health, to: dice"), spec(route="match: /health, to: dice")),
    (Danger.TIMEOUT_UNSTATED, spec(upstream="versions: {v1: http://h}").replace("dice: {", "▸dice: {", 1),
     spec(upstream="versions: {v1: http://h}", route=f"{ROUTE}, timeout: 3s")),
    (Danger.TIMEOUT_LONG, spec(upstream="versions: {v1: http://h}, timeouts: {▸total: 11m}"),
     spec(upstream="versions: {v1: http://h}, timeouts: {total: 10m}")),
    (Danger.TIMEOUT_ORDER, spec(upstream="versions: {v1: http://h}, timeouts: {total: 3s, ▸first_byte: 4s}"),
     spec(upstream="versions: {v1: http://h}, timeouts: {total: 3s, first_byte: 3s}")),
    (Danger.TIMEOUT_ORDER, spec(upstream=f"{TARGET}, connections: {{▸queue_time: 4s}}"),
     spec(upstream=f"{TARGET}, connections: {{queue_time: 3s}}")),
    (Danger.TIMEOUT_LONG, spec(route=f"{ROUTE}, ▸timeout: 11m"), spec(route=f"{ROUTE}, timeout: 10m")),
    (Danger.METHOD_REFUSED, spec(route="match: {path: /x, methods: [GET, ▸CONNECT]}, to: dice"),
     spec(route="match: {path: /x, methods: [GET, PROPFIND]}, to: dice")),
    (Danger.METHOD_REFUSED, spec(route="match: {path: /x, methods: [▸TRACE]}, to: dice"),
     spec(route="match: {path: /x}, to: dice")),
    (Danger.METHOD_REFUSED, spec(route="match: {path: /x, methods: [▸DELTE]}, to: dice"),
     spec(route="match: {path: /x, methods: [DELETE]}, to: dice")),
    (Danger.METHOD_REFUSED, spec(route="match: /x, to: dice, cors: {origins: '*', methods: [PUT, ▸TRACE]}"),
     spec(route="match: /x, to: dice, cors: {origins: '*', methods: [PUT]}")),
    *((Danger.LOOP, loops(listener, f"▸{target}"), loops(listener, other)) for listener, target, other in LOOPS),
    (Danger.LOOP_CONTROL, loops("127.0.0.1:8080", "▸http://localhost:9080"), loops("127.0.0.1:8080", "http://10.0.0.1:9080")),
    (Danger.BOUNDS_SMALL, spec(top="bounds: {▸head: 32}"),
     spec(top="bounds: {head: 1KiB, target: 512}")),
    (Danger.BOUNDS_SMALL, spec(top="bounds: {▸target: 8}"), spec(top="bounds: {target: 128}")),
    (Danger.BOUNDS_SMALL, spec(top="bounds: {▸headers: 2}"), spec(top="bounds: {headers: 16}")),
    (Danger.BOUNDS_ORDER, spec(top="bounds: {head: 4KiB, ▸target: 5KiB}"), spec(top="bounds: {head: 4KiB}")),
    (Danger.BOUNDS_ORDER, spec(top="bounds: {connections: 100, ▸connections_per_address: 101}"),
     spec(top="bounds: {connections: 100}")),
    (Danger.BOUNDS_NO_BODY, spec(top="bounds: {▸body: 0}"),
     spec(top="bounds: {body: 0}", route="match: GET /x, to: dice")),
    (Danger.BOUNDS_NO_BODY, spec(route="match: 'GET,POST /x', to: dice, ▸body: 0"),
     spec(top="bounds: {body: 0}", route="match: 'GET,POST /x', to: dice, body: 1B")),
    (Danger.BOUNDS_NO_BODY, spec(route=f"{ROUTE}, ▸answer_body: 0"), spec(route=f"{ROUTE}, answer_body: 1B")),
    (Danger.FAILURES_ANY, spec(upstream=f"{TWO}, ejection: {{▸failures: 0%}}"),
     spec(upstream=f"{TWO}, ejection: {{failures: 1%}}")),
    (Danger.FAILURES_ANY, spec(upstream=f"{TARGET}, breaker: {{▸failures: 0}}"),
     spec(upstream=f"{TARGET}, breaker: {{failures: 1}}")),
    (Danger.RETRY_NEVER, spec(upstream=f"{TWO}, retry: {{▸on: []}}"), spec(upstream=f"{TWO}, retry: {{attempts: 0, on: []}}")),
    (Danger.RETRY_NEVER, spec(upstream=f"{TWO}, retry: {{▸on: [connect, timeout]}}"),
     spec(upstream=f"{TWO.replace('total: 3s', 'total: 3s, first_byte: 1s')}, retry: {{on: [connect, timeout]}}")),
    (Danger.RETRY_UNSAFE, spec(upstream=f"{TWO}, retry: {{▸unsafe: true}}"), spec(upstream=f"{TWO}, retry: {{}}")),
    (Danger.RETRY_NOWHERE, spec(upstream=f"{TARGET}, ▸retry: {{}}"),
     spec(upstream="versions: {v1: http://dice.example}, timeouts: {total: 3s}, retry: {}")),
    (Danger.UNUSED, spec(top="▸store: redis://localhost\nlimits: {all: {concurrent: 5}}"),
     spec(top="store: redis://localhost\nlimits: {all: 5/s}")),
    (Danger.UNUSED, spec(top="▸store: sqlite:/tmp/casino.db\nlimits: {all: 5/s}"),
     spec(top="store: sqlite:/tmp/casino.db\nlimits: {all: {quota: 5}}")),
    (Danger.STORE_NO_FOLDER, spec(top="store: {▸url: sqlite:/nowhere/at/all.db}\nlimits: {all: {quota: 5}}"),
     spec(top="store: sqlite:/tmp/casino.db\nlimits: {all: {quota: 5}}")),
    (Danger.STORE_PLAIN, spec(top="store: {▸url: redis://10.0.0.1, password: {env: P}}\nlimits: {all: 5/s}"),
     spec(top="store: {url: redis://127.0.0.1, password: {env: P}}\nlimits: {all: 5/s}")),
    (Danger.BRIDGE_NO_CERTIFICATE, spec(top="bridge: {tls: {certificate: a, key: a, ▸clients: a}}"),
     spec(top="bridge: {tls: {certificate: a, key: a, clients: a}, callers: {certificate: a}}")),
    (Danger.CONTROL_EXPOSED, spec(top=f"listen: {{▸control: '0.0.0.0:9080'}}\n{TOKENS}"),
     spec(top="listen: {control: '[::1]:9080'}")),
    (Danger.ADDRESSES_TIE, spec(top="addresses: {allow: [10.0.0.0/8, ▸10.1.0.0/16], deny: 10.1.0.0/16}"),
     spec(top="addresses: {allow: 10.0.0.0/8, deny: 10.1.0.0/16}")),
    (Danger.ADDRESSES_TIE, spec(route=f"{ROUTE}, addresses: {{allow: ▸'::1', deny: '::1/128'}}"),
     spec(route=f"{ROUTE}, addresses: {{deny: '::1/128'}}")),
    (Danger.ADDRESSES_UNIX, spec(top="listen: {public: unix:/run/a}", route=f"{ROUTE}, addresses: {{▸allow: '::1'}}"),
     spec(top="listen: {public: unix:/run/a}", route=f"{ROUTE}, addresses: {{deny: '::1'}}")),
    (Danger.CORS_NULL, spec(route=f"{ROUTE}, cors: {{origins: [▸'null']}}"), spec(route=f"{ROUTE}, cors: {{origins: '*'}}")),
    (Danger.CORS_CONDITIONAL,
     spec(route="match: {path: /x, when: {header: {x: '1'}}}, to: dice, ▸cors: {origins: '*'}"),
     spec(route="match: {path: /x, when: {query: {x: '1'}}}, to: dice, cors: {origins: '*'}")),
    (Danger.TRUSTED_EVERYONE, spec(top="listen: {trusted: [10.0.0.0/8, ▸'::/0']}"), spec(top="listen: {trusted: 10.0.0.0/8}")),
    (Danger.PROXY_PROTOCOL_UNTRUSTED, spec(top="listen: {public: ▸{address: '1.2.3.4:80', proxy_protocol: true}}"),
     spec(top="listen: {public: {address: '1.2.3.4:80', proxy_protocol: true}, trusted: 10.0.0.0/8}")),
    (Danger.LATENCY_BETWEEN_BUCKETS,
     spec(top="teams: {t: {contact: c}}", route=f"{ROUTE}, team: t, objectives: {{▸latency: 99% within 120ms}}"),
     spec(top="teams: {t: {contact: c}}", route=f"{ROUTE}, team: t, objectives: {{latency: 99% within 100ms}}")),
    (Danger.OBJECTIVE_NO_TEAM, spec(route=f"{ROUTE}, ▸objectives: {{availability: 99%}}"),
     spec(top="teams: {t: {contact: c}}", route=f"{ROUTE}, team: t, objectives: {{availability: 99%}}")),
    (Danger.OBJECTIVE_NO_BUDGET,
     spec(top="teams: {t: {contact: c}}", route=f"{ROUTE}, team: t, objectives: {{▸availability: 100%}}"),
     spec(top="teams: {t: {contact: c}}", route=f"{ROUTE}, team: t, objectives: {{availability: 99.99%}}")),
    (Danger.OBJECTIVE_NOTHING,
     spec(top="teams: {t: {contact: c}}", route=f"{ROUTE}, team: t, objectives: {{▸availability: 0%}}"),
     spec(top="teams: {t: {contact: c}}", route=f"{ROUTE}, team: t, objectives: {{availability: 50%}}")),
    (Danger.OBJECTIVE_BEYOND_TIMEOUT,
     spec(top="teams: {t: {contact: c}}", route=f"{ROUTE}, team: t, objectives: {{▸latency: 99% within 5s}}"),
     spec(top="teams: {t: {contact: c}}", route=f"{ROUTE}, team: t, timeout: 6s, objectives: {{latency: 99% within 5s}}")),
    (Danger.HEALTH_ABSENT,
     spec(upstream="versions: {v1: [http://h, http://i]}, timeouts: {total: 3s}").replace("dice: {", "▸dice: {", 1),
     spec(upstream=TWO)),
    (Danger.HEALTH_OVERLAPS, spec(upstream=f"{TARGET}, ▸health: {{every: 1s, timeout: 2s}}"),
     spec(upstream=f"{TARGET}, health: {{every: 1s, timeout: 1s}}")),
    (Danger.EJECTION_NEVER, spec(upstream=f"{TARGET}, ▸ejection: {{}}"), spec(upstream=f"{TWO}, ejection: {{}}")),
    (Danger.EJECTION_NEVER, spec(upstream="versions: {v1: http://h}, timeouts: {total: 3s}, ▸ejection: {most: 0}"),
     spec(upstream="versions: {v1: http://h}, timeouts: {total: 3s}, ejection: {}")),
    (Danger.WEIGHT_ZERO, spec(upstream="versions: {▸v1: {targets: {url: http://h, weight: 0}}}, timeouts: {total: 3s}"),
     spec(upstream="versions: {v1: [http://i, {url: http://h, weight: 0}]}, timeouts: {total: 3s}, health: {}")),
    (Danger.TLS_UNVERIFIED, spec(upstream=f"{TARGET}, tls: {{▸verify: false}}"), spec(upstream=f"{TARGET}, tls: {{name: x}}")),
    (Danger.LIMIT_NO_IDENTITY, spec(route=f"{ROUTE}, limits: {{fair: {{rate: 1/s, ▸by: consumer}}}}"),
     spec(route=f"{ROUTE}, limits: {{fair: {{rate: 1/s, by: address}}}}")),
    (Danger.LIMIT_NO_IDENTITY, spec(top="limits: {fair: {concurrent: 9, ▸by: consumer}}"),
     spec(top="limits: {fair: {concurrent: 9, by: all}}")),
    (Danger.IDENTITY_OPTIONAL, spec(top=KEYED, route=f"{ROUTE}, identity: {{by: key, ▸optional: true, consumers: shop}}"),
     spec(top=KEYED, route=f"{ROUTE}, identity: {{by: key, optional: true}}")),
    (Danger.IDENTITY_TOKENS_ALONE,
     spec(top=KEYED + ISSUER, route=f"{ROUTE}, identity: {{by: [key, jwt], ▸scopes: a}}"),
     spec(top=KEYED + ISSUER, route=f"{ROUTE}, identity: {{by: jwt, scopes: a}}")),
    (Danger.BASIC_PLAIN, spec(top=PASSWORD + PUBLIC, route=f"{ROUTE}, identity: {{▸by: basic}}"),
     spec(top=PASSWORD, route=f"{ROUTE}, identity: basic")),
    (Danger.ISSUER_PLAIN,
     spec(top=ISSUER.replace("file: f", "▸url: http://issuer.example/jwks"), route=f"{ROUTE}, identity: jwt"),
     spec(top=ISSUER.replace("file: f", "url: http://127.0.0.1/jwks"), route=f"{ROUTE}, identity: jwt")),
    (Danger.UNUSED, spec(top=ISSUER.replace("local:", "▸local:")), spec(top=ISSUER, route=f"{ROUTE}, identity: jwt")),
    (Danger.UNUSED, spec(top=KEYED.replace("consumers:", "▸consumers:")), spec(top=KEYED, route=f"{ROUTE}, identity: key")),
    (Danger.UNUSED, spec(top="teams: {▸t: {contact: c}}"), spec(top="teams: {t: {contact: c}}", route=f"{ROUTE}, team: t")),
    (Danger.UNUSED, spec(route="match: /x, answer: {status: 404}").replace("dice: {", "▸dice: {", 1), spec()),
]  # fmt: skip


@pytest.mark.parametrize(("danger", "dangerous", "harmless"), DANGERS, ids=[danger for danger, _, _ in DANGERS])
def test_a_danger_is_warned_of_at_its_place(write, danger, dangerous, harmless):
    written = write(spec=dangerous)
    (warning,) = load(written.path).warnings
    assert warning.id == danger
    assert [(warning.file, warning.line, warning.column)] == written.marks


@pytest.mark.parametrize(("danger", "dangerous", "harmless"), DANGERS, ids=[danger for danger, _, _ in DANGERS])
def test_what_only_looks_like_it_is_not(write, danger, dangerous, harmless):
    assert load(write(spec=harmless).path).warnings == ()


def test_every_danger_has_its_case():
    elsewhere = {Danger.OVERLAY_REMOVES_NOTHING, Danger.KEY_EXPIRED, Danger.BRIDGE_NO_FILE}
    assert {danger for danger, _, _ in DANGERS} == set(Danger) - elsewhere


def test_a_size_without_its_unit_and_a_method_mistyped_are_hinted_at(write):
    warnings = load(
        write(spec=spec(top="bounds: {head: 32}", route="match: {path: /x, methods: [DELTE]}, to: dice")).path
    ).warnings
    assert [warning.hint for warning in warnings] == ["a number without a unit is bytes", "did you mean `DELETE`?"]


def test_a_match_that_is_taken_says_by_whom(write):
    written = write(spec=DANGERS[1][1])
    (warning,) = load(written.path).warnings
    assert warning.message == f"route `a` at {written.path}:6:14 takes the POST requests of this match"
