"""Finds the route of a request: the most specific match of host, then path, then method and conditions.

docs/routing.md states the order; explain.py tells it for one request.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from gateway.core.conditions import all_hold
from gateway.core.cors import asked_method
from gateway.core.failure import Failure
from gateway.core.plan import Plan
from gateway.core.recent import remember
from gateway.core.request import Request
from gateway.core.table import Entry, Table
from gateway.spec.model import Spec

_REMEMBERED: Final = 1024
_LONGEST_REMEMBERED: Final = 256
"""Bounds of the memo: entries, and characters of path and host in one."""


class Found(Struct, frozen=True):
    """The route of a request."""

    plan: Plan
    fields: Mapping[str, str]
    """What the path's fields caught, and under `**` what the prefix left over: empty, or beginning with `/`."""


class Miss(Struct, frozen=True):
    """No route; `allow` lists the methods that would have found one."""

    failure: Failure
    allow: tuple[str, ...] = ()


class Router:
    """The routing table of one spec."""

    __slots__ = ("_any", "_hosts", "_memo", "_wildcards", "plans")

    def __init__(self, spec: Spec) -> None:
        self.plans = {name: Plan(name, spec) for name in spec.routes}
        entries = [Entry(plan, match) for plan in self.plans.values() for match in plan.route.match]
        hosts: dict[str, list[Entry]] = {"": []}
        for rank, entry in enumerate(sorted(entries, key=Entry.specificity)):
            entry.rank = rank
            for host in entry.match.hosts or ("",):
                hosts.setdefault(host, []).append(entry)
        self._any = Table(hosts.pop(""))
        self._hosts = {host: Table(entries) for host, entries in hosts.items() if not host.startswith("*.")}
        self._wildcards = {host[2:]: Table(entries) for host, entries in hosts.items() if host.startswith("*.")}
        self._memo: dict[tuple[str, str, str], Found] = {}

    def find(self, request: Request) -> Found | Miss:
        """Find the route of a request."""
        key = (request.host, request.method, request.path)
        found = self._memo.get(key)
        if found is not None:
            return found
        if request.path == "*":  # `OPTIONS *` asks the gateway itself
            return Miss(Failure.NO_ROUTE)
        found, unconditional = self._search(request)
        if found is None:
            return self._miss(request)
        if unconditional and len(request.host) + len(request.path) <= _LONGEST_REMEMBERED:
            remember(self._memo, key, found, _REMEMBERED)
        return found

    def find_announced(self, request: Request) -> Found | None:
        """Find the route of the request that a preflight announces; None unless it is one, for a route with CORS rules."""
        method = asked_method(request) if request.method == "OPTIONS" else None
        if method is None:
            return None
        found = self.find(Request(method, request.host, request.path, request.query, request.headers, request.client))
        return found if isinstance(found, Found) and found.plan.cors is not None else None

    def _search(self, request: Request) -> tuple[Found | None, bool]:
        """Find the route, and say whether it depends on nothing but host, method and path."""
        path, method = request.path, request.method
        unconditional = True
        for table in self._tables(request.host):
            # Not `entries`: a generator would cost more than the search.
            for entry in table.entries(path):
                if entry.methods is not None and method not in entry.methods:
                    continue
                if entry.conditions:
                    unconditional = False
                    if not all_hold(entry.conditions, request):
                        continue
                return Found(entry.plan, entry.catch(path)), unconditional
        return None, False

    def _tables(self, host: str) -> list[Table]:
        """The tables that hold for a host, the most specific first."""
        tables = []
        if self._hosts and host in self._hosts:
            tables.append(self._hosts[host])
        if self._wildcards:
            _, dot, parent = host.partition(".")
            while dot:
                if parent in self._wildcards:
                    tables.append(self._wildcards[parent])
                _, dot, parent = parent.partition(".")
        tables.append(self._any)
        return tables

    def entries(self, request: Request) -> Iterator[Entry]:
        """Give the entries that have the request's host and path, in the order in which they are tried."""
        for table in self._tables(request.host):
            yield from table.entries(request.path)

    def _miss(self, request: Request) -> Miss:
        allowed: set[str] = set()
        for entry in self.entries(request):
            if entry.methods is not None and all_hold(entry.conditions, request):
                allowed |= entry.methods
        if allowed:
            return Miss(Failure.METHOD_NOT_ALLOWED, tuple(sorted(allowed)))
        return Miss(Failure.NO_ROUTE)
