"""Hides what a spec should not say aloud: credentials that header rules give to upstreams or clients."""

from typing import Any

import msgspec

from gateway.spec.model import Spec

HIDDEN = "***"
CREDENTIALS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "x-auth-token"}
)


def redacted(spec: Spec) -> dict[str, Any]:
    """Return the spec as its author would write it, without the values of such headers."""
    shown: dict[str, Any] = msgspec.to_builtins(spec)
    for route in shown["routes"].values():
        rules = [rule for side in route["headers"].values() for rule in (side["set"], side["add"])]
        answer = [route["answer"]["headers"]] if route["answer"] else []
        for headers in (*rules, *answer):
            headers.update({name: HIDDEN for name in headers if name.lower() in CREDENTIALS})
    return shown
