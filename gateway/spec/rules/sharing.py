"""What is legal but dangerous in a store: one that keeps nothing, forgets, or is spoken to in the open."""

from pathlib import Path as FilePath
from urllib.parse import urlsplit

from gateway.spec.address import is_loopback
from gateway.spec.limit import Limit, Store
from gateway.spec.model import Spec
from gateway.spec.nodes import Path
from gateway.spec.problem import Danger
from gateway.spec.rules.report import Report

PATH: Path = ("store",)


def check(spec: Spec, report: Report) -> None:
    store = spec.store
    if store is None:
        return
    scheme = urlsplit(store.url).scheme
    limits = [*spec.limits.values(), *(limit for route in spec.routes.values() for limit in route.limits.values())]
    if not any(_is_shared(limit, store) for limit in limits):
        kept = "quota" if store.is_of_one_host else "rate or quota"
        report.warn(PATH, Danger.UNUSED, f"there is no {kept} for the store to keep")
    if store.is_of_one_host and not FilePath(store.url.removeprefix("sqlite:")).parent.is_dir():
        message = "there is no such folder on this machine: where it is missing, quotas are forgotten with each restart"
        report.warn((*PATH, "url"), Danger.STORE_NO_FOLDER, message)
    if scheme == "redis" and store.password is not None and not is_loopback(urlsplit(store.url).hostname or ""):
        message = "the password and everything else goes over the network unencrypted"
        report.warn((*PATH, "url"), Danger.STORE_PLAIN, message, hint="`rediss://`")


def _is_shared(limit: Limit, store: Store) -> bool:
    return limit.quota is not None or (limit.rate_per_second is not None and not store.is_of_one_host)
