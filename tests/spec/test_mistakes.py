"""Seeded mistakes: each is found, by its id, at the very character it was made at."""

import pytest

from gateway.spec.load import load

pytestmark = pytest.mark.proves("3.6 seeded mistakes are found at the very character")

UPSTREAM = """\
upstreams:
  dice:
    versions: {v1: [http://127.0.0.1:7001], v2: [http://127.0.0.1:7011]}
    timeouts: {total: 3s}
"""


def route(lines: str) -> str:
    indented = "".join(f"    {line}\n" for line in lines.splitlines())
    return f"casino: 1\n{UPSTREAM}routes:\n  roll:\n{indented}"


def upstream(lines: str) -> str:
    indented = "".join(f"    {line}\n" for line in lines.splitlines())
    return f"casino: 1\nupstreams:\n  dice:\n    versions: {{v1: http://127.0.0.1:7001}}\n{indented}"


MISTAKES = {
    "version of the format missing": ("▸workers: 2\n", "missing-key", "`casino` is missing", None),
    "version of another format": ("casino: ▸2\n", "bad-value", "`2`", None),
    "unknown section": ("casino: 1\n▸upstream: {}\n", "unknown-key", "unknown key `upstream`", "`upstreams`"),
    "unknown key far below": (upstream("timeouts: {▸conect: 1s}"), "unknown-key", "`conect`", "`connect`"),
    "key given twice": ("casino: 1\nworkers: 1\n▸workers: 2\n", "duplicate-key", "given twice", "spec.yaml:2:1"),
    "upstream given twice": (
        "casino: 1\nupstreams:\n  dice: {versions: {v1: http://h}}\n  ▸dice: {versions: {v1: http://h}}\n",
        "duplicate-key", "`dice` is given twice", "spec.yaml:3:3",
    ),
    "mapping where a number belongs": ("casino: 1\nworkers: ▸{}\n", "wrong-type", "a mapping", None),
    "list where a mapping belongs": ("casino: 1\nlisten: ▸[1]\n", "wrong-type", "a list", None),
    "text where a mapping belongs": ("casino: 1\nroutes: ▸roll\n", "wrong-type", "`roll`", None),
    "yes is a word": (upstream("tls: {verify: ▸yes}"), "bad-value", "`yes`", "`true`"),
    "number in quotes": ('casino: 1\nworkers: ▸"2"\n', "bad-value", "`2`", "without quotes"),
    "number too large": ("casino: 1\nworkers: ▸300\n", "out-of-range", "`300`", None),
    "duration without a unit": (upstream("timeouts: {total: ▸3}"), "bad-value", "`3`", "`3s`"),
    "duration longer than a day": (upstream("timeouts: {total: ▸25h}"), "out-of-range", "`25h`", None),
    "timeout of nothing": (upstream("timeouts: {total: ▸0}"), "out-of-range", "`0`", None),
    "unit of sizes mistyped": ("casino: 1\nbounds: {body: ▸10mb}\n", "bad-value", "`10mb`", "`10MB`"),
    "head of no byte": ("casino: 1\nbounds: {head: ▸0}\n", "out-of-range", "`0` is out of range", None),
    "target of no byte": ("casino: 1\nbounds: {target: ▸0}\n", "out-of-range", "`0` is out of range", None),
    "no byte read ahead": ("casino: 1\nbounds: {pipelined: ▸0B}\n", "out-of-range", "`0B` is out of range", None),
    "no header line": ("casino: 1\nbounds: {headers: ▸0}\n", "out-of-range", "`0` is out of range", None),
    "no connection": ("casino: 1\nbounds: {connections: ▸0}\n", "out-of-range", "`0` is out of range", None),
    "rate per nothing": ("casino: 1\nbounds: {body_rate: ▸1000}\n", "bad-value", "`1000`", "`1000/s`"),
    "share without a sign": (upstream("ejection: {failures: ▸50}"), "bad-value", "`50`", "`50%`"),
    "not a number": ("casino: 1\nworkers: ▸.nan\n", "bad-value", "`.nan`", None),
    "infinite duration": (upstream("timeouts: {total: ▸.inf}"), "bad-value", "`.inf`", None),
    "number with a thousand digits": (f"casino: 1\nworkers: ▸{'9' * 1000}\n", "bad-value", "999", None),
    "listener without a port": ("casino: 1\nlisten: {public: ▸127.0.0.1}\n", "bad-value", "`127.0.0.1`", "port"),
    "listener by name": (
        "casino: 1\nlisten: {control: ▸localhost:9080}\n", "bad-value", "localhost", "`127.0.0.1:9080`",
    ),
    "listener twice": (
        'casino: 1\nlisten: {public: "127.0.0.1:80", control: ▸"127.0.0.1:80"}\n', "conflict", "twice", "spec.yaml:2:18",
    ),
    "listener beside the wildcard that has its port": (
        'casino: 1\nlisten: {public: ["0.0.0.0:80", ▸"127.0.0.1:80"]}\n', "conflict", "has port 80 of every address", "2:19",
    ),
    "listener of IPv6 before the wildcard that has its port": (
        'casino: 1\nlisten: {public: [▸"[::1]:80", "0.0.0.0:80", "[::]:80"]}\n', "conflict", "`[::]:80` has port 80", "2:45",
    ),
    "network with host bits": (
        "casino: 1\nlisten: {trusted: [▸10.0.0.1/8]}\n", "bad-value", "10.0.0.1/8", "`10.0.0.0/8`",
    ),
    "buckets out of order": (
        "casino: 1\nmetrics: {latency_buckets: [1s, ▸500ms]}\n", "conflict", "ascend: 500ms after 1s", None,
    ),
    "name in capitals": ("casino: 1\nteams: {▸Games: {contact: x}}\n", "bad-value", "`Games`", "`games`"),
    "team without a contact": ("casino: 1\nteams:\n  ▸games: {pages: x}\n", "missing-key", "`contact`", None),
    "section left empty where it counts": (upstream("▸retry:"), "wrong-type", "nothing stands here", "`{}`"),
    "value removed without an overlay": (
        "casino: 1\nteams: {games: {contact: ▸null}}\n", "wrong-type", "no value", "remove the key",
    ),
    "target without a scheme": (
        "casino: 1\nupstreams: {dice: {versions: {v1: ▸127.0.0.1:7001}}}\n", "bad-value", "7001", "`http://127.0.0.1:7001`",
    ),
    "target with a path": (
        "casino: 1\nupstreams: {dice: {versions: {v1: [▸http://h/api]}}}\n", "bad-value", "http://h/api", "`http://h`",
    ),
    "target with a bad port": (
        "casino: 1\nupstreams: {dice: {versions: {v1: [▸http://h:99999]}}}\n", "bad-value", "99999", "65535",
    ),
    "listener on one chosen port twice": (
        'casino: 1\nlisten: {public: ["127.0.0.1:0", {address: ▸"127.0.0.1:0", tls: {}}]}\n', "conflict", "twice", None,
    ),
    "target twice": (
        "casino: 1\nupstreams: {dice: {versions: {v1: [http://h, ▸http://h]}}}\n", "conflict", "twice", "`weight`",
    ),
    "upstream without versions": ("casino: 1\nupstreams: {▸dice: {}}\n", "missing-key", "`versions`", None),
    "no versions below the key": ("casino: 1\nupstreams: {dice: {▸versions: }}\n", "wrong-type", "nothing", None),
    "version without targets": (
        "casino: 1\nupstreams: {dice: {versions: {v1: ▸[]}}}\n", "wrong-type", "empty", None,
    ),
    "balancing by a near word": (
        upstream("balance: ▸least_outstandin"), "bad-value", "least_outstandin", "`least_outstanding`",
    ),
    "hash key without hash": (upstream("balance: {▸header: X-User}"), "conflict", "`by: hash`", None),
    "key without a certificate": (upstream("tls: {▸key: /etc/hostname}"), "conflict", "`certificate`", None),
    "authority that is no file": (upstream("tls: {ca: ▸no/such.pem}"), "bad-value", "no such file", None),
    "authority with an impossible name": (upstream(f"tls: {{ca: ▸{'x' * 300}}}"), "bad-value", "no such file", None),
    "authority that is no PEM": (upstream("tls: {ca: ▸/etc/hostname}"), "bad-value", "not the PEM file", None),
    "TLS for others without a certificate": (
        "casino: 1\nlisten: {public: [{address: '0.0.0.0:8443', ▸tls: {}}]}\n", "missing-key", "`certificates`", "FILE",
    ),
    "route to nowhere": (route("match: /x\nto: ▸dic"), "unknown-name", "no upstream `dic`", "`dice`"),
    "route with two ends": (
        "casino: 1\n" + UPSTREAM + "routes:\n  roll: {match: /x, to: dice, ▸answer: {status: 404}}\n",
        "conflict", "not both", None,
    ),
    "route without an end": ("casino: 1\nroutes:\n  ▸roll: {match: /x}\n", "missing-key", "`to` or `answer`", None),
    "route without a match": ("casino: 1\n" + UPSTREAM + "routes:\n  ▸roll: {to: dice}\n", "missing-key", "`match`", None),
    "team nobody declared": (route("match: /x\nto: dice\nteam: ▸games"), "unknown-name", "no team `games`", None),
    "method in small letters": (route("match: ▸get /x\nto: dice"), "bad-value", "`get`", "`GET`"),
    "second method in small letters": (route("match: GET,▸post /x\nto: dice"), "bad-value", "`post`", "`POST`"),
    "path with a space": (route("match: ▸GET /a b\nto: dice"), "wrong-type", "GET /a b", None),
    "path without a slash": (route("match: {path: ▸roll}\nto: dice"), "bad-value", "`roll`", "`/roll`"),
    "field in part of a segment": (route("match: GET ▸/roll-{n}\nto: dice"), "bad-value", "/roll-{n}", "whole segment"),
    "field twice": (route("match: GET ▸/{n}/{n}\nto: dice"), "bad-value", "/{n}/{n}", "once"),
    "stars in the middle": (route("match: ▸/a/**/b\nto: dice"), "bad-value", "/a/**/b", "last segment"),
    "encoded slash in a path": (route("match: ▸/a%2Fb\nto: dice"), "bad-value", "/a%2Fb", "refused in every request"),
    "host with a port": (route("match: ▸shop.example:80/x\nto: dice"), "bad-value", "shop.example:80", "without a port"),
    "star inside a host": (route("match: {hosts: ▸shop.*}\nto: dice"), "bad-value", "shop.*", "in front only"),
    "expression that is none": (
        route("match: {path: /x, when: {header: {X: {regex: ▸'(a'}}}}\nto: dice"), "bad-value", "(a", "missing )",
    ),
    "expression RE2 cannot bound": (
        route("match: {path: /x, when: {header: {X: {regex: ▸'(?=a)'}}}}\nto: dice"), "bad-value", "(?=a)", None,
    ),
    "two tests of one value": (
        route("match: {path: /x, when: {header: {▸X: {exact: a, prefix: b}}}}\nto: dice"), "conflict", "exactly one", None,
    ),
    "header tested twice": (
        route("match: {path: /x, when: {header: {X-A: a, ▸x-a: b}}}\nto: dice"), "conflict", "twice", None,
    ),
    "shares below the whole": (
        route("match: /x\nto: dice\n▸split: {v1: 90%, v2: 5%}"), "shares", "add up to 95%", None,
    ),
    "shares above the whole": (
        route("match: /x\nto: dice\n▸split: {v1: 90%, v2: 20%}"), "shares", "add up to 110%", None,
    ),
    "version nobody declared": (
        route("match: /x\nto: dice\nsplit: {v1: 90%, ▸v3: 10%}"), "unknown-name", "`v3`", "there are",
    ),
    "version in the split twice": (
        route("match: /x\nto: dice\nsplit: [{version: v1}, {version: ▸v1}]"), "conflict", "twice", None,
    ),
    "only rules": (
        route("match: /x\nto: dice\n▸split: [{version: v1, when: {cookie: {a: b}}}]"), "shares", "nowhere to go", None,
    ),
    "rule without conditions": (
        route("match: /x\nto: dice\nsplit: [{version: v1, ▸when: {}}, {version: v2}]"), "conflict", "at least one", None,
    ),
    "rule with a weight": (
        route("match: /x\nto: dice\nsplit: [{version: v1, when: {cookie: {a: b}}, ▸weight: 1%}, {version: v2}]"),
        "conflict", "either a rule", None,
    ),
    "rewrite with a field from nowhere": (
        route("match: /x/{a}\nto: dice\nrewrite: {path: ▸'/y/{b}'}"), "unknown-name", "`{b}`", "`{a}`",
    ),
    "rewrite with a rest from nowhere": (
        route("match: /x\nto: dice\nrewrite: {path: ▸/y/**}"), "conflict", "nothing is left over", None,
    ),
    "prefix that is not there": (
        route("match: /x/**\nto: dice\nrewrite: {strip_prefix: ▸/api}"), "conflict", "begins with `/api`", None,
    ),
    "host changed as a header": (
        route("match: /x\nto: dice\nheaders: {request: {set: {▸Host: h}}}"), "bad-value", "`Host`", "`rewrite:",
    ),
    "length changed as a header": (
        route("match: /x\nto: dice\nheaders: {response: {set: {▸Content-Length: 1}}}"), "bad-value", "Content-Length", None,
    ),
    "connection header removed": (
        route("match: /x\nto: dice\nheaders: {response: {remove: [▸Connection]}}"), "bad-value", "Connection", None,
    ),
    "line break in a header": (
        route('match: /x\nto: dice\nheaders: {request: {set: {X-A: ▸"a\\r\\nHost: b"}}}'), "bad-value", "Host: b", "line break",
    ),
    "header name with a space": (
        route("match: /x\nto: dice\nheaders: {request: {set: {▸X A: b}}}"), "bad-value", "`X A`", None,
    ),
    "header set twice": (
        route("match: /x\nto: dice\nheaders: {request: {set: {X-A: a, ▸X-a: b}}}"), "conflict", "twice", None,
    ),
    "two rewrites of the path": (
        route("match: /x/**\nto: dice\nrewrite: {path: /y, ▸strip_prefix: /x}"), "conflict", "is enough", None,
    ),
    "prefix longer than the path": (
        route("match: /x\nto: dice\nrewrite: {strip_prefix: ▸/x/y}"), "conflict", "begins with `/x/y`", None,
    ),
    "two hash keys": (upstream("balance: {by: hash, header: a, ▸cookie: b}"), "conflict", "is enough", None),
    "file without a name": (upstream("tls: {ca: ▸''}"), "bad-value", "no such file", None),
    "too many buckets": (
        f"casino: 1\nmetrics: {{latency_buckets: ▸[{', '.join(f'{number}s' for number in range(1, 52))}]}}\n",
        "out-of-range", "51 are too many", None,
    ),
    "text without an end": (
        f"casino: 1\nteams: {{games: {{contact: ▸{'x' * 1001}}}}}\n", "out-of-range", "too long", None,
    ),
    "expression of nothing": (
        route("match: {path: /x, when: {header: {X: {regex: ▸''}}}}\nto: dice"), "out-of-range", "empty", None,
    ),
    "address in half a bracket": (
        'casino: 1\nlisten: {public: ▸"[127.0.0.1]:80"}\n', "bad-value", "[127.0.0.1]:80", "IPv6",
    ),
    "host in half a bracket": (route('match: {hosts: ▸"[::g]"}\nto: dice'), "bad-value", "[::g]", "IPv6"),
    "upgrade to h2c": (route("match: /x\nto: dice\nupgrades: [▸h2c]"), "bad-value", "never let through", None),
    "body where there is none": (
        route("match: /x\nanswer: {status: 204, ▸body: x}"), "conflict", "has no body", None,
    ),
    "split of a fixed answer": (
        route("match: /x\nanswer: {status: 404}\n▸split: {v1: 100%}"), "conflict", "fixed answer", None,
    ),
    "objective nobody can read": (
        route("match: /x\nto: dice\nobjectives: {latency: ▸99% in 100ms}"), "wrong-type", "99% in 100ms", None,
    ),
    "half of an objective": (
        route("match: /x\nto: dice\nobjectives: {latency: 99% within ▸100}"), "bad-value", "`100`", "`100ms`",
    ),
    "two routes for the same requests": (
        "casino: 1\n" + UPSTREAM + "routes:\n  a: {match: 'GET /x/{a}', to: dice}\n  b: {match: ▸'GET /x/{b}', to: dice}\n",
        "conflict", "exactly the same requests", "route `a`",
    ),
    "anchor with a custom tag": ("casino: ▸!vault 1\n", "wrong-type", "!vault", None),
    "any page beside a page": (
        route("match: /x\nto: dice\ncors: {origins: [https://a.example, ▸'*']}"), "conflict", "`*` is every page", None,
    ),
    "any page with credentials": (
        route("match: /x\nto: dice\ncors: {origins: [▸'*'], credentials: true}"), "conflict", "`*`", None,
    ),
    "a page of no site with credentials": (
        route("match: /x\nto: dice\ncors: {origins: [▸'null'], credentials: true}"), "conflict", "`null`", None,
    ),
    "any header with credentials": (
        route("match: /x\nto: dice\ncors: {origins: [https://a], headers: [▸'*'], credentials: true}"),
        "conflict", "`*` cannot be had", None,
    ),
    "origin with a path": (
        route("match: /x\nto: dice\ncors: {origins: [▸https://a.example/]}"), "bad-value", "https://a.example/", None,
    ),
    "origin in capitals": (
        route("match: /x\nto: dice\ncors: {origins: [▸https://A.example]}"), "bad-value", "https://A.example", None,
    ),
    "wildcard inside a label": (
        route("match: /x\nto: dice\ncors: {origins: [▸https://*shop.example]}"), "bad-value", "https://*shop", None,
    ),
    "origin with the default port": (
        route("match: /x\nto: dice\ncors: {origins: [▸https://a.example:443]}"), "bad-value", "port", "`https://a.example`",
    ),
    "cors without a page": (
        route("match: /x\nto: dice\ncors: {origins: ▸[]}"), "wrong-type", "", None,
    ),
    "header rule against cors": (
        route("match: /x\nto: dice\ncors: {origins: [https://a]}\n"
              "headers: {response: {set: {▸Access-Control-Allow-Origin: https://b}}}"),
        "conflict", "is written by the route's `cors`", None,
    ),
    "address list with host bits": (
        "casino: 1\naddresses: {deny: [▸10.0.0.1/8]}\n", "bad-value", "10.0.0.1/8", "`10.0.0.0/8`",
    ),
    "size of a fixed answer": (
        "casino: 1\nroutes: {a: {match: /x, answer: {status: 200}, ▸answer_body: 1kB}}\n",
        "conflict", "`answer_body` has no meaning", None,
    ),
    "control for everybody": (
        "casino: 1\nlisten: {control: ▸0.0.0.0:9080}\n", "missing-key", "`control.tokens` names nobody", "127.0.0.1",
    ),
    "store of no kind": ("casino: 1\nstore: ▸mysql://db\n", "bad-value", "cannot stand here", None),
    "store without a host": ("casino: 1\nstore: ▸redis://:6379\n", "bad-value", "there is no host", None),
    "store at no port": ("casino: 1\nstore: ▸redis://db:70000\n", "bad-value", "the port is none", None),
    "store with a password in its address": ("casino: 1\nstore: ▸redis://:hidden@db\n", "bad-value", "this cannot stand here", None),
    "store at an open bracket": ("casino: 1\nstore: ▸'redis://[::1:6379'\n", "bad-value", "IPv6", None),
    "store in no database": ("casino: 1\nstore: {url: ▸redis://db/first}\n", "bad-value", "number of a database", None),
    "store in a folder": ("casino: 1\nstore: ▸sqlite:/var/lib/\n", "bad-value", "path of a file", None),
    "store asked too often": ("casino: 1\nstore: {url: redis://db, sync: ▸1ms}\n", "out-of-range", "every 10ms to 1m", None),
    "password in two places": (
        "casino: 1\nstore: {url: redis://db, ▸password: {env: A, file: a}}\n", "conflict", "exactly one of `env` and `file`", None,
    ),
    "password of a file": (
        "casino: 1\nstore: {url: sqlite:/a/b.db, ▸password: {env: A}}\n", "conflict", "no meaning for SQLite", None,
    ),
    "user without a password": (
        "casino: 1\nstore: {url: redis://db, ▸user: casino}\n", "conflict", "without `password`", None,
    ),
    "authorities of a store without TLS": (
        "casino: 1\nstore: {url: redis://db, ▸ca: ca.pem}\n", "conflict", "with `rediss://` only", None,
    ),
    "authorities of a store that are no file": (
        "casino: 1\nstore: {url: rediss://db, ca: ▸ca.pem}\n", "bad-value", "there is no such file", None,
    ),
    "bridge that is everywhere and nowhere": (
        'casino: 1\nbridge: {listen: ▸"0.0.0.0:9082", tokens: {am: {env: T}}}\n', "conflict", "cannot be told", "`bridge.url`",
    ),
    "key of a caller without its certificate": (
        "casino: 1\nbridge: {tls: {certificate: a, key: b}, callers: {▸key: c}}\n", "conflict", "without `certificate`", None,
    ),
    "authority of a bridge without TLS": (
        "casino: 1\nbridge: {▸callers: {ca: a}}\n", "conflict", "over plain HTTP", "`tls`",
    ),
    "certificate for bridges without TLS": (
        "casino: 1\nbridge: {peer: {url: 'http://a:1'}, ▸callers: {certificate: a}}\n", "conflict", "over plain HTTP", "`tls`",
    ),
    "bridge in a file": ("casino: 1\nbridge: {listen: ▸unix:/run/bridge}\n", "conflict", "cannot be told", "`bridge.url`"),
    "port beyond all ports": (
        'casino: 1\nalerts: {prometheus: ▸"http://127.0.0.1:99999"}\n', "bad-value", "is no URL", "65535",
    ),
    "bracket that stays open": (
        'casino: 1\nalerts: {alertmanagers: [▸"http://[::1:9093"]}\n', "bad-value", "is no URL", "IPv6",
    ),
    "token in two places": (
        "casino: 1\ncontrol: {tokens: {a: {▸token: {env: A, file: a}}}}\n", "conflict", "exactly one of `env` and `file`", None,
    ),
    "token in none": (
        "casino: 1\ncontrol: {tokens: {a: {▸token: {}}}}\n", "conflict", "not 0", None,
    ),
    "token with an unknown role": (
        "casino: 1\ncontrol: {tokens: {a: {token: {env: A}, role: ▸admin}}}\n", "bad-value", "`admin`", None,
    ),
    "audit nowhere": ("casino: 1\ncontrol: {audit: ▸audit.log}\n", "bad-value", "`audit.log`", None),
    "log into a NUL": ('casino: 1\nlog: {to: ▸"/var/log/\\0casino"}\n', "bad-value", "x00", None),
    "audit into a line break": ('casino: 1\ncontrol: {audit: ▸"/var/log/a\\nb"}\n', "bad-value", "cannot stand", None),
    "token in a NUL": (
        'casino: 1\ncontrol: {tokens: {a: {token: {file: ▸"a\\0b"}}}}\n', "bad-value", "cannot stand", "control characters",
    ),
    "store in a NUL": ('casino: 1\nstore: {url: ▸"sqlite:/a\\0b"}\n', "bad-value", "cannot stand", "control characters"),
    "merge key": ("casino: 1\nteams: {▸<<: {}}\n", "unknown-key", "`<<`", "YAML 1.2|alias"),
    "key that is a list": ("casino: 1\n? ▸[a]\n: 1\n", "wrong-type", "a key must be text", None),
}  # fmt: skip


def paged(lines: str, schedule: str = "") -> str:
    indented = "".join(f"  {line}\n" for line in lines.splitlines())
    rota = f"  schedules: {{rota: {{time_zone: Etc/UTC, layers: {{all: {{users: ann@x.example{schedule}}}}}}}}}\n"
    return f"casino: 1\npagerduty:\n{rota}{indented}"


MISTAKES |= {
    "schedule that tells nobody": (
        paged("policies: {games: {levels: {tell: ▸rotta}}}"), "unknown-name", "no schedule `rotta`", "`rota`",
    ),
    "service of no policy": (paged("services: {games: {policy: ▸gems}}"), "unknown-name", "no policy `gems`", "declared"),
    "schedule of no team": (
        "casino: 1\npagerduty: {policies: {a: {levels: {tell: a@x.example}, team: ▸gems}}}\n",
        "unknown-name", "no team `gems`", "declared",
    ),
    "delay of half a minute": (
        paged("policies: {games: {levels: {tell: rota, after: ▸90s}}}"), "bad-value", "whole minutes", None,
    ),
    "no delay": (paged("policies: {games: {levels: {tell: rota, after: ▸0}}}"), "bad-value", "at least one", None),
    "time zone of another planet": (
        "casino: 1\npagerduty: {schedules: {a: {time_zone: ▸Mars/Phobos, layers: {b: {users: a@x.example}}}}}\n",
        "bad-value", "no time zone `Mars/Phobos`", None,
    ),
    "rotation that begins on no day": (paged("", ", begins: ▸2026-02-30T09:00"), "bad-value", "2026-02-30", None),
    "person without a mail address": (
        "casino: 1\npagerduty: {schedules: {a: {time_zone: Etc/UTC, layers: {b: {users: ▸ann}}}}}\n",
        "bad-value", "`ann`", None,
    ),
    "bridge that is everywhere and nowhere": (
        'casino: 1\nbridge: {listen: ▸"0.0.0.0:9082", tokens: {am: {env: T}}}\n', "conflict", "cannot be told", "`bridge.url`",
    ),
    "bridge in a file": ("casino: 1\nbridge: {listen: ▸unix:/run/bridge}\n", "conflict", "cannot be told", "`bridge.url`"),
    "token in two places": (
        "casino: 1\npagerduty: {▸api_token: {env: A, file: b}}\n", "conflict", "exactly one of", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "fault", "message", "hint"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_placed(mistakes, text, fault, message, hint):
    problems, (mark,) = mistakes(spec=text)
    (problem,) = problems
    assert (problem.file, problem.line, problem.column) == mark
    assert problem.id == fault
    assert message in problem.message
    assert hint is None or any(word in (problem.hint or "") for word in hint.split("|"))


def test_all_mistakes_come_at_once_and_in_order(mistakes):
    problems, marks = mistakes(
        spec="""\
casino: 1
▸workerz: 2
bounds: {body: ▸10mb}
upstreams:
  dice:
    versions: {v1: ▸h:1}
    balance: ▸fair
routes:
  roll:
    match: ▸get /x
    to: ▸dic
    timeout: ▸5
  ▸closed: {match: /x}
"""
    )
    assert [(problem.file, problem.line, problem.column) for problem in problems] == marks


def test_a_mistake_brings_no_others_along(mistakes):
    problems, (mark,) = mistakes(
        spec="""\
casino: 1
upstreams: {dice: {versions: {v1: ▸nonsense, v2: http://h}, timeouts: {total: 1s}}}
routes: {roll: {match: /x, to: dice, split: {v1: 50%, v2: 50%}}}
"""
    )
    assert [(problem.line, problem.column) for problem in problems] == [(mark.line, mark.column)]


def test_a_file_of_nonsense_ends_in_a_bounded_report(mistakes):
    problems, _ = mistakes(spec="casino: 1\n" + "".join(f"x{number}: 1\n" for number in range(5_000)))
    assert len(problems) == 200


def test_text_stays_as_written(write):
    written = write(
        spec=f"casino: 1\nteams: {{on: {{contact: 1.10}}, yes: {{contact: on}}}}\n{UPSTREAM}"
        "routes: {a: {match: {when: {header: {X: 1.10, Y: 0o7, Z: yes}}}, to: dice}}\n"
    )
    spec = load(written.path).spec
    assert {name: team.contact for name, team in spec.teams.items()} == {"on": "1.10", "yes": "on"}
    assert [test.exact for test in spec.routes["a"].match[0].when.header.values()] == ["1.10", "0o7", "yes"]
