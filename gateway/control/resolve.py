"""Where the names of targets lead: /etc/hosts, A, AAAA and SRV records, with their time to live.

All addresses are used. An answer is never replaced by nothing: while DNS fails, or says there is nothing, the last
good answer stays and the question is asked again, ever more slowly. Literal addresses need no look-up.
"""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import dns.asyncresolver
import dns.exception
import dns.rdatatype
import dns.resolver
from dns.rdtypes.IN.SRV import SRV

from gateway.control.tasks import Tasks
from gateway.core.judge import Address
from gateway.spec.address import TargetAddress, parse_target

LEAST_SECONDS, MOST_SECONDS = 1.0, 300.0
"""Bounds of a time to live: 0 would ask without pause, a day would miss every move."""
RETRY_SECONDS = 1.0
MOST_RETRY_SECONDS = 30.0
ANSWER_SECONDS = 5.0
HOSTS_SECONDS = 5.0
"""How long a line of the hosts file is believed."""
LEAST_SRV_WEIGHT = 0.1
"""A weight of 0 has "a very small chance of being selected" (RFC 2782)."""

HOSTS = Path("/etc/hosts")


class NotFoundError(Exception):
    """There is no answer, or none that names an address."""


class UnansweredError(NotFoundError):
    """Nobody said whether there is one: of what is known nothing may be taken away for that."""

    def __init__(self, name: str, part: Iterable[Address] = (), silent: int = 0) -> None:
        """`part` is what other questions brought, all but that for addresses of IP version `silent`."""
        super().__init__(name)
        self.part = tuple(part)
        self.silent = silent

    def completed(self, known: tuple[Address, ...]) -> tuple[Address, ...]:
        """Put what is known in the place of what nobody said."""
        if not self.silent or not self.part:
            return known or self.part
        kept = [one for one in known if ip_address(one.host).version == self.silent]
        return Answer((*self.part, *kept), 0).addresses


class Answer:
    """Addresses and how long they hold."""

    def __init__(self, addresses: Iterable[Address], seconds: float) -> None:
        self.addresses = tuple(sorted(set(addresses), key=lambda one: (one.priority, one.host, one.port)))
        self.seconds = min(max(seconds, LEAST_SECONDS), MOST_SECONDS)


class Names:
    """Asks for names; knows nothing of what was asked before."""

    def __init__(self, resolver: dns.asyncresolver.Resolver | None = None, hosts: Path = HOSTS) -> None:
        """Without a resolver, the system's configuration is read anew for each question."""
        self._resolver = resolver
        self._hosts = hosts

    async def find(self, target: TargetAddress) -> Answer:
        """Return where a target is now. Raises NotFoundError."""
        if target.is_literal:
            return Answer([Address(target.host, target.port)], MOST_SECONDS)
        if target.scheme in {"srv", "srvs"}:
            return await self._services(target.host)
        return await self._hosts_of(target.host, target.port)

    async def _services(self, name: str) -> Answer:
        records, seconds = await self._records(name, dns.rdatatype.SRV)
        services = [record for record in records if isinstance(record, SRV) and record.target.to_text() != "."]
        found = await asyncio.gather(
            *(self._hosts_of(service.target.to_text(), service.port) for service in services), return_exceptions=True
        )
        addresses = []
        for service, answer in zip(services, found, strict=True):
            if isinstance(answer, Answer):
                weight = max(service.weight, LEAST_SRV_WEIGHT) / len(answer.addresses)
                addresses += [Address(one.host, one.port, weight, service.priority) for one in answer.addresses]
                seconds = min(seconds, answer.seconds)
        for answer in found:
            if isinstance(answer, BaseException) and _fails(answer):
                raise UnansweredError(name, addresses) from answer
        if not addresses:
            raise NotFoundError(name)
        return Answer(addresses, seconds)

    async def _hosts_of(self, name: str, port: int) -> Answer:
        listed = self._listed(name)
        if listed:
            return Answer([Address(host, port) for host in listed], HOSTS_SECONDS)
        found = await asyncio.gather(
            self._records(name, dns.rdatatype.A), self._records(name, dns.rdatatype.AAAA), return_exceptions=True
        )
        answers = [answer for answer in found if not isinstance(answer, BaseException)]
        addresses = [Address(record.to_text(), port) for records, _ in answers for record in records]
        for version, answer in zip((4, 6), found, strict=True):
            if isinstance(answer, BaseException) and _fails(answer):
                raise UnansweredError(name, addresses, version) from answer
        if not addresses:
            raise NotFoundError(name)
        return Answer(addresses, min(seconds for _, seconds in answers))

    async def _records(self, name: str, kind: dns.rdatatype.RdataType) -> tuple[list[dns.rdata.Rdata], float]:
        try:
            resolver = self._resolver or dns.asyncresolver.Resolver()
            answer = await resolver.resolve(name, kind, search=True, lifetime=ANSWER_SECONDS)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer) as nothing:
            raise NotFoundError(name) from nothing
        except (dns.exception.DNSException, OSError) as fault:
            raise UnansweredError(name) from fault
        return list(answer), float(answer.chaining_result.minimum_ttl)

    def _listed(self, name: str) -> list[str]:
        """Addresses the hosts file has for a name; `localhost` is loopback in any case (RFC 6761)."""
        wanted = name.rstrip(".").lower()
        found = [host for host, names in _lines(self._hosts) if wanted in names]
        if not found and (wanted == "localhost" or wanted.endswith(".localhost")):
            return ["127.0.0.1", "::1"]
        return found


def _fails(fault: BaseException) -> bool:
    """Whether a whole look-up fails with a part of it: a name that is not there is an answer, silence is none."""
    return isinstance(fault, UnansweredError) or not isinstance(fault, NotFoundError)


def _lines(hosts: Path) -> Iterable[tuple[str, list[str]]]:
    try:
        lines = hosts.read_text(errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        host, *names = line.partition("#")[0].lower().split() or [""]
        try:
            yield ip_address(host.partition("%")[0]).compressed, names
        except ValueError:
            continue


class Directory:
    """The addresses of every target wanted, kept fresh by one task per target."""

    def __init__(self, names: Names, tasks: Tasks, count: Callable[[str], None]) -> None:
        """`count` is told the result of each look-up: `success` or `failure`."""
        self._names = names
        self._tasks = tasks
        self._count = count
        self._known: dict[str, tuple[Address, ...]] = {}
        self._asked: set[str] = set()
        self.changes = 0
        """Rises with every answer that differs from the last one."""

    def remember(self, url: str, addresses: Iterable[Address]) -> None:
        """Take over what a predecessor knew."""
        self._known.setdefault(url, tuple(addresses))

    def addresses(self, url: str) -> tuple[Address, ...]:
        """Return the last good answer; empty while there was none."""
        return self._known.get(url, ())

    def keep(self, urls: Iterable[str]) -> None:
        """Follow these targets and no others."""
        targets = {url: parse_target(url) for url in urls}
        literal = {url: (Address(one.host, one.port),) for url, one in targets.items() if one.is_literal}
        self._known = {url: known for url, known in self._known.items() if url in targets} | literal
        self._asked &= targets.keys()
        named = {url: target for url, target in targets.items() if not target.is_literal}
        self._tasks.keep({url: partial(self._follow, url, target) for url, target in named.items()})

    def asked(self, urls: Iterable[str]) -> bool:
        """Say whether every one of these was looked up at least once, or needs no look-up."""
        return all(url in self._known or url in self._asked for url in urls)

    async def _follow(self, url: str, target: TargetAddress) -> None:
        pause = RETRY_SECONDS
        while True:
            try:
                answer = await self._names.find(target)
            except NotFoundError as fault:
                self._count("failure")
                self._asked.add(url)
                if isinstance(fault, UnansweredError):
                    self._learn(url, fault.completed(self.addresses(url)))
                await asyncio.sleep(pause)
                pause = min(2 * pause, MOST_RETRY_SECONDS)
                continue
            self._count("success")
            self._learn(url, answer.addresses)
            pause = RETRY_SECONDS
            await asyncio.sleep(answer.seconds)

    def _learn(self, url: str, addresses: tuple[Address, ...]) -> None:
        if addresses and self.addresses(url) != addresses:
            self._known[url] = addresses
            self.changes += 1
