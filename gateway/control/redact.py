"""Hides what a spec should not say aloud: credentials that header rules give to upstreams or clients, hashes of passwords."""

from typing import Any

import msgspec

from gateway.spec.model import Spec

HIDDEN = "***"
CREDENTIALS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "x-auth-token"}
)


def redacted(spec: Spec) -> dict[str, Any]:
    """Return the spec as its author would write it, without the values of such headers and without those hashes.

    Hashes of API keys stay: no guess meets 256 bits, and they tell which keys are known here.
    """
    shown: dict[str, Any] = msgspec.to_builtins(spec)
    for route in shown["routes"].values():
        rules = [rule for side in route["headers"].values() for rule in (side["set"], side["add"])]
        answer = [route["answer"]["headers"]] if route["answer"] else []
        for headers in (*rules, *answer):
            headers.update({name: HIDDEN for name in headers if name.lower() in CREDENTIALS})
    for consumer in shown["consumers"].values():
        for password in consumer["passwords"]:
            password["argon2"] = HIDDEN
    return shown
