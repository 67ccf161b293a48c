"""What is legal but dangerous in demands on callers: warnings, each with a stable id."""

from urllib.parse import urlsplit

from gateway.spec.address import is_loopback, parse_address
from gateway.spec.consumer import Demand
from gateway.spec.model import Spec
from gateway.spec.nodes import Path
from gateway.spec.problem import Danger
from gateway.spec.rules.report import Report


def check(spec: Spec, report: Report) -> None:
    plain = [each for each in spec.listen.public if each.tls is None and not parse_address(each.address).is_loopback]
    demands = {name: route.identity for name, route in spec.routes.items() if route.identity is not None}
    for name, demand in demands.items():
        path: Path = ("routes", name, "identity")
        _demand(demand, path, report)
        if "basic" in demand.by and any(listener.redirect is None for listener in plain):
            message = "passwords come over plain HTTP, readable by everybody on the way"
            report.warn((*path, "by"), Danger.BASIC_PLAIN, message, hint="`tls` on the listener, or `redirect`")
    for name, issuer in spec.issuers.items():
        where = urlsplit(issuer.url or "")
        if where.scheme == "http" and not is_loopback(where.hostname or ""):
            message = "whoever is on the way may give keys of their own, and then sign tokens"
            report.warn(("issuers", name, "url"), Danger.ISSUER_PLAIN, message, hint="`https://`")
        if not any("jwt" in demand.by and name in (demand.issuers or (name,)) for demand in demands.values()):
            report.warn(("issuers", name), Danger.UNUSED, f"no route accepts tokens of issuer `{name}`")
    if spec.consumers and not demands:
        report.warn(("consumers",), Danger.UNUSED, "no route demands a caller")


def _demand(demand: Demand, path: Path, report: Report) -> None:
    rights = [key for key in ("consumers", "groups", "scopes", "claims") if getattr(demand, key)]
    if demand.optional and rights:
        message = f"`{rights[0]}` holds for who shows a credential: who shows none gets in all the same"
        report.warn((*path, "optional"), Danger.IDENTITY_OPTIONAL, message)
    others = [means for means in demand.by if means != "jwt"]
    asked = [key for key in ("scopes", "claims") if getattr(demand, key)]
    if others and asked:
        message = f"`{asked[0]}` is asked of tokens alone: a `{others[0]}` gets in without"
        hint = "`consumers` and `groups` hold for every means"
        report.warn((*path, asked[0]), Danger.IDENTITY_TOKENS_ALONE, message, hint=hint)
