"""Reads the certificates of a spec as their clients will: their dates, their chain, their names, their keys.

What makes a file unusable is a mistake of the spec and found with the others. Here is what only a clock, the other
certificates or the routes can tell.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from pathlib import Path as FilePath
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, ExtensionOID

from gateway.spec.listen import Listener, ListenerTls
from gateway.spec.model import Spec
from gateway.spec.nodes import Path, Tree
from gateway.spec.problem import Problem, Severity
from gateway.store.certificate import chain, names, wildcard

SOON = timedelta(days=21)
"""ACME clients renew 30 days before the end; with 21 left, renewing has failed for more than a week."""
LEAST_RSA_BITS = 2048


class Finding(StrEnum):
    """What can be wrong with a certificate that can be read; the ids stay the same for good."""

    UNREADABLE = "certificate.unreadable"
    EXPIRED = "certificate.expired"
    FUTURE = "certificate.not-yet-valid"
    ENDS_SOON = "certificate.ends-soon"
    CHAIN_ORDER = "certificate.chain-order"
    CHAIN_INCOMPLETE = "certificate.chain-incomplete"
    NO_NAMES = "certificate.no-names"
    NO_ROUTE = "certificate.no-route"
    NOT_FOR_SERVERS = "certificate.not-for-servers"
    WEAK_KEY = "certificate.weak-key"
    KEY_EXPOSED = "certificate.key-exposed"
    HOST_UNCOVERED = "host.uncovered"


ERRORS = {Finding.UNREADABLE, Finding.EXPIRED, Finding.FUTURE, Finding.NOT_FOR_SERVERS}
"""With these no client connects."""


class Found(NamedTuple):
    """One finding and the path in the spec it is about."""

    path: Path
    finding: Finding
    message: str


def judge(spec: Spec, tree: Tree, now: datetime) -> tuple[Problem, ...]:
    """Judge every certificate of a checked spec."""
    found = [
        each for place, listener in enumerate(spec.listen.public) for each in _listener(spec, listener, place, now)
    ]
    return tuple(_problem(tree, each) for each in [*found, *_uncovered(spec)])


def _problem(tree: Tree, found: Found) -> Problem:
    place = tree.value_place(found.path)
    severity = Severity.ERROR if found.finding in ERRORS else Severity.WARNING
    return Problem(
        file=place.file, line=place.line, column=place.column,
        severity=severity, id=found.finding.value, message=found.message,
    )  # fmt: skip


def _listener(spec: Spec, listener: Listener, place: int, now: datetime) -> Iterator[Found]:
    if listener.tls is None:
        return
    path: Path = ("listen", "public", place, "tls")
    for number, files in enumerate(listener.tls.certificates):
        at = (*path, "certificates", number)
        for finding, message in _certificate(_read(files.certificate), spec, now):
            yield Found((*at, "certificate"), finding, message)
        if FilePath(files.key).stat().st_mode & 0o004:
            yield Found((*at, "key"), Finding.KEY_EXPOSED, f"everybody on this machine may read `{files.key}`")
    if listener.tls.clients is not None:
        for authority in _read(listener.tls.clients.ca):
            for finding, message in _dates(authority, now):
                yield Found((*path, "clients", "ca"), finding, message)


def _read(file: str) -> list[x509.Certificate]:
    try:
        return chain(FilePath(file).read_bytes())
    except ValueError:
        return []


def _certificate(certificates: list[x509.Certificate], spec: Spec, now: datetime) -> Iterator[tuple[Finding, str]]:
    if not certificates:
        yield Finding.UNREADABLE, "it holds nothing between BEGIN CERTIFICATE and END CERTIFICATE that can be read"
        return
    for certificate in certificates:
        yield from _dates(certificate, now)
    yield from _order(certificates)
    key = certificates[0].public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < LEAST_RSA_BITS:
        yield Finding.WEAK_KEY, f"an RSA key of {key.key_size} bits can be broken; take {LEAST_RSA_BITS}, or ECDSA"
    yield from _purpose(certificates[0], spec)


def _dates(certificate: x509.Certificate, now: datetime) -> Iterator[tuple[Finding, str]]:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    name = certificate.subject.rfc4514_string() or "the certificate"
    if now >= ends:
        yield Finding.EXPIRED, f"{name} ended on {ends:%Y-%m-%d %H:%M} UTC"
    elif now < begins:
        yield Finding.FUTURE, f"{name} begins on {begins:%Y-%m-%d %H:%M} UTC only"
    elif ends - now < SOON:
        yield Finding.ENDS_SOON, f"{name} ends in {(ends - now).days} days, on {ends:%Y-%m-%d %H:%M} UTC"


def _order(certificates: list[x509.Certificate]) -> Iterator[tuple[Finding, str]]:
    """Each certificate is to be followed by that of whoever signed it (RFC 8446 section 4.4.2)."""
    for one, following in pairwise(certificates):
        if one.issuer != following.subject:
            message = f"{one.subject.rfc4514_string()} is followed by {following.subject.rfc4514_string()}, which did not sign it"
            yield Finding.CHAIN_ORDER, message
            return
    if len(certificates) == 1 and _names_its_issuer(certificates[0]):
        yield (
            Finding.CHAIN_INCOMPLETE,
            "the certificate of its issuer is not in the file: clients that do not fetch it fail",
        )


def _names_its_issuer(certificate: x509.Certificate) -> bool:
    """Say whether it tells where to fetch its issuer's certificate: then that is none clients bring with them."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return False
    return any(each.access_method == AuthorityInformationAccessOID.CA_ISSUERS for each in found)


def _purpose(certificate: x509.Certificate, spec: Spec) -> Iterator[tuple[Finding, str]]:
    covered = set(names(certificate))
    hosts = set(_hosts(spec))
    if not covered:
        yield Finding.NO_NAMES, "it names no host as subject alternative name: no client takes it for one"
    elif hosts and not any(_covers(covered, host) for host in hosts):
        yield Finding.NO_ROUTE, f"it is for {', '.join(sorted(covered)[:5])}, and no route serves any of them"
    try:
        usage = certificate.extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE).value
    except x509.ExtensionNotFound:
        return
    if isinstance(usage, x509.ExtendedKeyUsage) and ExtendedKeyUsageOID.SERVER_AUTH not in usage:
        yield Finding.NOT_FOR_SERVERS, "it may not be used by servers (extended key usage)"


def _hosts(spec: Spec) -> Iterator[str]:
    return (host for route in spec.routes.values() for match in route.match for host in match.hosts)


def _covers(covered: set[str], host: str) -> bool:
    """Say whether a route's host, which may have a `*` itself, could be reached under one of these names."""
    below = host.startswith("*.") and any(name.endswith(host[1:]) for name in covered)
    return below or host in covered or wildcard(host) in covered


def _uncovered(spec: Spec) -> Iterator[Found]:
    """Find hosts of routes that no certificate is for, once some certificate is for some of them."""
    covered = {name for tls in _tls(spec) for files in tls.certificates for name in _names_in(files.certificate)}
    if not covered:
        return
    for route_name, route in spec.routes.items():
        for place, match in enumerate(route.match):
            for number, host in enumerate(match.hosts):
                if not _covers(covered, host):
                    path: Path = ("routes", route_name, "match", place, "hosts", number)
                    yield Found(
                        path, Finding.HOST_UNCOVERED, f"no certificate is for `{host}`: it cannot be reached by HTTPS"
                    )


def _tls(spec: Spec) -> Iterator[ListenerTls]:
    return (listener.tls for listener in spec.listen.public if listener.tls)


def _names_in(file: str) -> Iterator[str]:
    return (name for first in _read(file)[:1] for name in names(first))


def now() -> datetime:
    return datetime.now(UTC)
