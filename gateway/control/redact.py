"""Hides what a spec should not say aloud: credentials in header rules and conditions, values of cookies, hashes of passwords."""

from typing import Any

import msgspec

from gateway.spec.model import Spec

HIDDEN = "***"
CREDENTIALS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "x-auth-token"}
)


_COMPARED = ("exact", "prefix", "regex")


def redacted(spec: Spec) -> dict[str, Any]:
    """Return the spec as its author would write it, without the values of such headers and cookies and without those hashes.

    Hashes of API keys stay: no guess meets 256 bits, and they tell which keys are known here.
    """
    shown: dict[str, Any] = msgspec.to_builtins(spec)
    hidden = CREDENTIALS | {spec.identity.key_header.lower()}
    for route in shown["routes"].values():
        rules = [rule for side in route["headers"].values() for rule in (side["set"], side["add"])]
        answer = [route["answer"]["headers"]] if route["answer"] else []
        for headers in (*rules, *answer):
            headers.update({name: HIDDEN for name in headers if name.lower() in hidden})
        for when in (place["when"] for place in (*route["match"], *route["split"]) if place["when"]):
            tests = [test for name, test in when["header"].items() if name.lower() in hidden]
            for test in (*tests, *when["cookie"].values()):
                test.update({key: HIDDEN for key in _COMPARED if test[key] is not None})
    for consumer in shown["consumers"].values():
        for password in consumer["passwords"]:
            password["argon2"] = HIDDEN
    return shown
