"""What is no store: addresses nobody can connect to, and settings that belong to another kind."""

from urllib.parse import urlsplit

from gateway.spec.limit import Store
from gateway.spec.model import Spec
from gateway.spec.nodes import Path
from gateway.spec.problem import Fault
from gateway.spec.rules import secret
from gateway.spec.rules.pem import try_authorities
from gateway.spec.rules.report import Report

LEAST_SYNC_SECONDS = 0.01
"""An exchange takes about 0.5 ms of the control process."""
MOST_SYNC_SECONDS = 60.0
PATH: Path = ("store",)
_NO_SETTINGS = Store(url="sqlite:/")


def check(spec: Spec, report: Report) -> None:
    store = spec.store
    if store is None or not report.sound(PATH):
        return
    reason = _unusable(store.url)
    if reason:
        place = report.tree.value_place((*PATH, "url"))
        report.refuse((*PATH, "url"), Fault.BAD_VALUE, f"this names no store: {reason}", place=place)
        return
    scheme = urlsplit(store.url).scheme
    _settings(store, scheme, report)
    if not LEAST_SYNC_SECONDS <= store.sync_seconds <= MOST_SYNC_SECONDS:
        place = report.tree.value_place((*PATH, "sync"))
        report.refuse((*PATH, "sync"), Fault.OUT_OF_RANGE, "gateways tell each other every 10ms to 1m", place=place)


def _unusable(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "in brackets stands an IPv6 address"
    if parts.scheme in {"sqlite", "redis+unix"}:
        return "the path of a file is needed" if url.endswith("/") else None
    try:
        port = parts.port
    except ValueError:
        return "the port is none"
    if not parts.hostname or port == 0:
        return "the port is none" if parts.hostname else "there is no host"
    database = parts.path.removeprefix("/")
    if parts.query or parts.fragment or (database and not (database.isascii() and database.isdigit())):
        return "after the host there may be the number of a database"
    return None


def _settings(store: Store, scheme: str, report: Report) -> None:
    if store.password is not None:
        secret.check(store.password, (*PATH, "password"), report)
    for key in ("password", "user", "prefix"):
        if store.is_of_one_host and getattr(store, key) != getattr(_NO_SETTINGS, key):
            report.refuse((*PATH, key), Fault.CONFLICT, f"`{key}` has no meaning for SQLite")
    if store.user is not None and store.password is None and not store.is_of_one_host:
        report.refuse((*PATH, "user"), Fault.CONFLICT, "`user` has no meaning without `password`")
    if store.ca is not None:
        if scheme == "rediss":
            try_authorities(store.ca, (*PATH, "ca"), report)
        else:
            report.refuse((*PATH, "ca"), Fault.CONFLICT, "`ca` has a meaning with `rediss://` only")
