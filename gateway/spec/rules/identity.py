"""Contradictions in who may call: credentials given twice, names nobody declared, demands nobody can meet."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from gateway.spec.consumer import Demand, Issuer, Password, without_case
from gateway.spec.model import Spec
from gateway.spec.moment import unix_seconds
from gateway.spec.nodes import Path
from gateway.spec.problem import Fault
from gateway.spec.rules import secret
from gateway.spec.rules.report import Report

OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
MOST_MEMORY_KIB, MOST_PASSES, MOST_LANES = 256 * 1024, 20, 16
"""What verifying one password may cost: more is a way to stop the gateway by trying to log in."""
KEY_SOURCES = ("url", "file", "secret")
CERTIFICATE_KINDS = ("DNS:", "URI:", "EMAIL:", "IP:", "CN:")
FOR_TOKENS = ("issuers", "scopes", "claims", "headers")


def check(spec: Spec, report: Report) -> None:
    for name, issuer in spec.issuers.items():
        _issuer(issuer, ("issuers", name), report)
    _distinct(spec, report)
    _credentials(spec, report)
    for name, route in spec.routes.items():
        if route.identity is not None:
            path: Path = ("routes", name, "identity")
            _names(spec, route.identity, path, report)
            _for_tokens(route.identity, path, report)
            _meetable(spec, route.identity, path, report)


def _issuer(issuer: Issuer, path: Path, report: Report) -> None:
    stated = [key for key in KEY_SOURCES if getattr(issuer, key) is not None]
    if len(stated) != 1 and report.sound(path):
        report.refuse(path, Fault.CONFLICT, f"exactly one of `url`, `file` and `secret` is needed, not {len(stated)}")
    if issuer.url is not None and not _host(issuer.url):
        report.refuse((*path, "url"), Fault.BAD_VALUE, f"`{issuer.url}` names no host")
    if issuer.secret is not None:
        secret.check(issuer.secret, (*path, "secret"), report)
    for place, algorithm in enumerate(issuer.algorithms):
        shared = algorithm.startswith("HS")
        if len(stated) == 1 and shared != (stated == ["secret"]):
            message = f"`{algorithm}` {'needs a shared `secret`' if shared else 'needs public keys'}"
            hint = "taking a public key for a secret lets anybody sign" if shared else "`url` or `file` of a key set"
            report.refuse((*path, "algorithms", place), Fault.CONFLICT, message, hint=hint)


def _distinct(spec: Spec, report: Report) -> None:
    """A token is judged by the rules of whoever it says it is of, so that must be one."""
    first: dict[str, str] = {}
    for name, issuer in spec.issuers.items():
        known = first.setdefault(issuer.issuer, name)
        if known != name and report.sound(("issuers", name, "issuer")):
            message = f"issuer `{known}` has the same `issuer`: its tokens cannot be told apart from these"
            report.refuse(("issuers", name, "issuer"), Fault.CONFLICT, message, hint="one, with all `audiences`")


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _credentials(spec: Spec, report: Report) -> None:
    first: dict[object, Path] = {}
    for path, credential, what in _shown(spec):
        known = first.setdefault(credential, path)
        if known != path:
            hint = f"the first is consumer `{known[1]}` at {report.tree.value_place(known)}"
            report.refuse(path, Fault.CONFLICT, f"this {what} is given twice", hint=hint)
    for name, consumer in spec.consumers.items():
        path = ("consumers", name)
        for place, key in enumerate(consumer.keys):
            _key(key.sha256, key.expires, (*path, "keys", place), report)
        for place, password in enumerate(consumer.passwords):
            _hash(password, (*path, "passwords", place, "argon2"), report)
        for place, subject in enumerate(consumer.tokens):
            if subject.issuer not in report.tree.names(("issuers",)):
                here = (*path, "tokens", place, "issuer")
                report.unknown(here, "issuer", subject.issuer, report.tree.names(("issuers",)))
        for place, certificate in enumerate(consumer.certificates):
            if not certificate.startswith(CERTIFICATE_KINDS):
                message = f"`{certificate}` does not say which kind of name it is"
                hint = "`DNS:shop.internal`, `URI:spiffe://casino/shop` or `CN:shop`"
                report.refuse((*path, "certificates", place), Fault.BAD_VALUE, message, hint=hint)


def _shown(spec: Spec) -> Iterator[tuple[Path, object, str]]:
    """Yield everything by which a consumer is known: whose it is must be certain."""
    for name, consumer in spec.consumers.items():
        path: Path = ("consumers", name)
        for place, key in enumerate(consumer.keys):
            yield (*path, "keys", place, "sha256"), key.sha256, "key"
        for place, password in enumerate(consumer.passwords):
            yield (*path, "passwords", place, "user"), ("user", password.user), "user"
        for place, subject in enumerate(consumer.tokens):
            yield (*path, "tokens", place), subject, "claim"
        for place, certificate in enumerate(consumer.certificates):
            yield (*path, "certificates", place), ("certificate", without_case(certificate)), "certificate"


def _key(sha256: str, expires: str | None, path: Path, report: Report) -> None:
    if sha256 == OF_NOTHING:
        message = "this is the SHA-256 of nothing at all"
        report.refuse((*path, "sha256"), Fault.BAD_VALUE, message, hint="`casino key new` makes a key")
    if expires is None or not report.sound((*path, "expires")):
        return
    try:
        unix_seconds(expires)
    except ValueError:
        report.refuse((*path, "expires"), Fault.BAD_VALUE, f"the calendar has no `{expires}`")


def _hash(password: Password, path: Path, report: Report) -> None:
    if not report.sound(path):
        return
    _, _, _, parameters, *rest = password.argon2.split("$")
    costs = dict(pair.partition("=")[::2] for pair in parameters.split(","))
    numbers = [costs.get(name, "") for name in ("m", "t", "p")]
    if len(rest) != 2 or not all(number.isdigit() and len(number) < 10 for number in numbers):
        report.refuse(path, Fault.BAD_VALUE, "this is no whole Argon2id hash", hint="`casino key password` makes one")
        return
    memory, passes, lanes = map(int, numbers)
    if memory > MOST_MEMORY_KIB or passes > MOST_PASSES or lanes > MOST_LANES:
        message = (
            f"verifying it takes {memory // 1024} MiB, {passes} passes and {lanes} lanes: too much for each attempt"
        )
        hint = f"at most {MOST_MEMORY_KIB // 1024} MiB, {MOST_PASSES} and {MOST_LANES}"
        report.refuse(path, Fault.OUT_OF_RANGE, message, hint=hint)


def _names(spec: Spec, demand: Demand, path: Path, report: Report) -> None:
    groups = tuple(dict.fromkeys(group for consumer in spec.consumers.values() for group in consumer.groups))
    for key, kind, known in (
        ("consumers", "consumer", report.tree.names(("consumers",))),
        ("groups", "group", groups),
        ("issuers", "issuer", report.tree.names(("issuers",))),
    ):
        for place, name in enumerate(getattr(demand, key)):
            if name not in known:
                report.unknown((*path, key, place), kind, name, known)
    for place, means in enumerate(demand.by):
        if means in demand.by[:place]:
            report.refuse((*path, "by", place), Fault.CONFLICT, f"`{means}` is named twice")


def _for_tokens(demand: Demand, path: Path, report: Report) -> None:
    for key in FOR_TOKENS:
        if getattr(demand, key) and "jwt" not in demand.by and report.sound((*path, "by")):
            report.refuse((*path, key), Fault.CONFLICT, f"`{key}` has no meaning where no token is accepted")


def _meetable(spec: Spec, demand: Demand, path: Path, report: Report) -> None:
    """Refuse means of proof that nobody has: a route that is closed by mistake."""
    if not all(report.sound(part) for part in (path, ("consumers",), ("issuers",), ("listen",))):
        return
    chosen = [
        consumer
        for name, consumer in spec.consumers.items()
        if name in demand.consumers
        or not set(demand.groups).isdisjoint(consumer.groups)
        or not (demand.consumers or demand.groups)
    ]
    lacking = {
        "key": "no consumer who may call has a key" if not any(each.keys for each in chosen) else None,
        "basic": "no consumer who may call has a password" if not any(each.passwords for each in chosen) else None,
        "jwt": None if spec.issuers else "no issuer is declared",
        "certificate": None
        if any(listener.tls is not None and listener.tls.clients is not None for listener in spec.listen.public)
        else "no listener asks for a certificate",
    }
    for place, means in enumerate(demand.by):
        if lacking[means] is not None:
            report.refuse((*path, "by", place), Fault.CONFLICT, f"nobody can meet `{means}`: {lacking[means]}")
