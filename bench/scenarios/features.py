"""What each feature costs: Casino with hardly anything on, and with one thing more at a time, on the small GET.

Credentials, limits and TLS, too: each alone, on the small GET. Metrics, trace ids and the access log are always on; the log's share is the difference between a file and /dev/null.
"""

from collections.abc import Sequence
from typing import Any

import jwt
from msgspec import Struct

from bench.product import CASINO, SECRET, SECRET_NAME, Entrant, Product
from bench.scenarios.closed import ClosedLoop
from bench.scenarios.guarded import KEY_HEADER, KEYED, LIMITED, RATE
from bench.scenarios.scenario import Setting, Values
from bench.scenarios.tls import CASINO_TLS
from bench.serving import Running, merge_patch, patched

Patch = dict[str, Any]


def dice(**policies: object) -> Patch:
    return {"upstreams": {"dice": policies}}


def roll(**settings: object) -> Patch:
    return {"routes": {"roll": settings}}


PLAIN: Patch = {
    "log": {"to": "/dev/null"},
    "upstreams": {"dice": {"versions": {"v1": ["http://127.0.0.1:@V1@", "http://127.0.0.1:@V2@"], "v2": None}}},
    "routes": {name: {"split": None} for name in ("roll", "sink", "file", "page")},
    "limits": None,
}
"""Casino as lean as a spec can make it: one version, no policy, the log thrown away. Two targets, so that policies act."""


class Feature(Struct, frozen=True):
    """What it adds to the spec, and what clients do then."""

    patch: Patch
    headers: dict[str, str] = {}
    tls: bool = False


POLICIES: dict[str, Patch] = {
    "access log to a file": {"log": {"to": "@DIR@/access.log"}},
    "split 90/10": {
        "upstreams": {"dice": {"versions": {"v2": ["http://127.0.0.1:@V2@"]}}},
        "routes": {name: {"split": {"v1": "90%", "v2": "10%"}} for name in ("roll", "sink", "file", "page")},
    },
    "split by header rule": {
        "upstreams": {"dice": {"versions": {"v2": ["http://127.0.0.1:@V2@"]}}},
        "routes": {"roll": {"split": [{"when": {"header": {"X-Beta": "1"}}, "version": "v2"}, {"version": "v1"}]}},
    },
    "five header rules": roll(
        headers={
            "request": {"remove": ["X-Debug"], "set": {"X-Gateway": "casino"}, "add": {"X-Via": "bench"}},
            "response": {"remove": ["Server"], "set": {"Cache-Control": "no-store"}},
        }
    ),
    "path rewrite": roll(rewrite={"path": "/dice/{sides}"}),
    "objectives": {
        "teams": {"games": {"contact": "games@casino.example"}},
        **roll(team="games", objectives={"availability": "99.9%", "latency": "99% within 100ms"}),
    },
    "retry": dice(retry={"attempts": 1, "budget": "20%"}),
    "breaker": dice(breaker={}),
    "ejection": dice(ejection={}),
    "health checks every 1 s": dice(health={"path": "/health", "every": "1s"}),
    "least outstanding": dice(balance="least_outstanding"),
    "hash by header": dice(balance={"by": "hash", "header": "X-User"}),
    "100 more routes": {
        "routes": {f"extra-{number}": {"match": f"GET /extra/{number}/{{name}}", "to": "dice"} for number in range(100)}
    },
}


JWT: Patch = {
    "issuers": {
        "bench": {"issuer": "bench", "audiences": ["casino"], "algorithms": ["HS256"], "secret": {"env": SECRET_NAME}}
    },
    **roll(identity={"by": "jwt"}),
}
YEAR_2100 = 4_102_444_800
TOKEN = jwt.encode({"iss": "bench", "aud": "casino", "sub": "bench", "exp": YEAR_2100}, SECRET, algorithm="HS256")
FEATURES: dict[str, Feature] = {
    **{name: Feature(patch) for name, patch in POLICIES.items()},
    "API key": Feature(KEYED, KEY_HEADER),
    "JWT, cached": Feature(JWT, {"Authorization": f"Bearer {TOKEN}"}),
    "limit by route": Feature(LIMITED),
    "limit by address": Feature(roll(limits={"bench": {"rate": RATE, "by": "address"}})),
    "TLS": Feature(CASINO_TLS, tls=True),
}


def variant(feature: Feature) -> Patch:
    """Put one feature on top of the plain gateway. A null in `PLAIN` removes; what the feature sets again is back."""
    joined: Patch = merge_patch(PLAIN, feature.patch)
    return joined


def everything() -> Feature:
    """Join all features; of those that exclude each other the later one wins."""
    patch: Patch = {}
    headers: dict[str, str] = {}
    for feature in FEATURES.values():
        patch, headers = merge_patch(patch, feature.patch), headers | feature.headers
    return Feature(patch, headers, tls=True)


class Features:
    name = "features"
    title = "Cost of each feature of Casino, small GET"

    def __init__(self) -> None:
        self._loop = ClosedLoop(self.name, self.title)

    def entrants(self, products: Sequence[Product]) -> list[Entrant]:
        if CASINO not in products:
            return []
        features = {"plain": Feature({}), **{f"+ {name}": feature for name, feature in FEATURES.items()}}
        return [
            Entrant(name, CASINO, patched(variant(feature)), feature.headers, tls=feature.tls)
            for name, feature in {**features, "all of them": everything()}.items()
        ]

    def measure(self, running: Running, setting: Setting) -> Values:
        return self._loop.measure(running, setting)
