"""Publishes where targets live now: gathers the facts, lets gateway.core.judge decide, writes the endpoints document.

The document is written only when something changed. Whatever this process must not forget stands in it: a restarted
control reads it back and goes on.
"""

import logging
import time
from collections.abc import Iterator

import msgspec

from exporters.catalog.gateway import BREAKER_TRANSITIONS, EJECTIONS, HEALTH_CHECKS
from gateway.control.calls import Calls
from gateway.control.checks import Check, Checks, Result
from gateway.control.resolve import Directory
from gateway.control.workers import Workers, number
from gateway.core import judge
from gateway.core.breaker import Probes, State
from gateway.core.ejection import Outcomes
from gateway.core.judge import Address, Judgement, TargetFacts, VersionFacts
from gateway.core.snapshot import ENDPOINTS, Endpoints, VersionState
from gateway.spec.model import Spec
from gateway.spec.upstream import Upstream
from gateway.store.rundir import Documents
from gateway.store.slot import Slot, Word

logger = logging.getLogger("casino.control")

VersionName = tuple[str, str]
"""Upstream and version."""


class Planned(msgspec.Struct, frozen=True):
    """One version to be judged: its policies, and its targets with their weights."""

    policy: Upstream
    weights: dict[str, float]
    answer_seconds: float
    """The longest that a route of its own timeout waits for an answer; 0 if there is none."""


class TargetState(msgspec.Struct, frozen=True):
    """What is so of one target now."""

    upstream: str
    version: str
    target: str
    up: bool
    """By its health check: at least one of its addresses takes traffic."""
    ejected: bool


def plan(*specs: Spec) -> dict[VersionName, Planned]:
    """List every version of every spec with all of its targets; where specs differ the last one holds."""
    planned: dict[VersionName, Planned] = {}
    for spec in specs:
        for name, upstream in spec.upstreams.items():
            answer_seconds = max(
                (route.timeout_seconds or 0.0 for route in spec.routes.values() if route.to == name), default=0.0
            )
            for version, build in upstream.versions.items():
                before = planned.get((name, version))
                weights = dict(before.weights) if before else {}
                weights |= {target.url: float(target.weight) for target in build.targets}
                planned[name, version] = Planned(upstream, weights, answer_seconds)
    return planned


class Publisher:
    """Keeps the endpoints document true."""

    def __init__(
        self, documents: Documents, slot: Slot, workers: Workers, directory: Directory, checks: Checks
    ) -> None:
        """`slot` is control's own: its EDITION tells the workers to read, its counters tell what happened."""
        self._documents = documents
        self._slot = slot
        self._workers = workers
        self._directory = directory
        self._checks = checks
        self._calls = Calls(workers.slots)
        self._checked = -1
        self._planned: dict[VersionName, Planned] = {}
        self._judgements: dict[VersionName, Judgement] = {}
        text = documents.read(ENDPOINTS)
        self.published = msgspec.msgpack.decode(text, type=Endpoints) if text else Endpoints(edition=0, versions={})

    def resume(self, spec: Spec) -> None:
        """Begin, with what a predecessor published as far as this spec still has it."""
        for (upstream, version), state in self.published.versions.items():
            for target in {endpoint.target for endpoint in state.endpoints}:
                self._directory.remember(
                    target, (Address(e.host, e.port) for e in state.endpoints if e.target == target)
                )
            for one in state.endpoints:
                if not one.up and not one.ejected:
                    self._checks.remember_down((upstream, version, (one.target, one.host, one.port)))
        self.follow(spec)
        now = time.monotonic()
        for name in self._planned.keys() & self.published.versions.keys():
            before, facts = self.published.versions[name], self._facts(name, read=False)
            self._judgements[name] = judge.resume(before, facts, self._planned[name].policy, now)

    def follow(self, *specs: Spec) -> None:
        """Judge the targets of these specs from now on; two of them while one takes the place of the other."""
        self._planned = plan(*specs)
        for name, planned in self._planned.items():
            self._begin_series(name, planned)
        self._judgements = {name: self._judgements.get(name, Judgement()) for name in self._planned}
        self._directory.keep({target for planned in self._planned.values() for target in planned.weights})
        self._checked = -1
        self._check()

    def informed(self) -> bool:
        """Say whether every target was looked up and checked at least once, with whatever result."""
        self._check()
        asked = self._directory.asked({target for planned in self._planned.values() for target in planned.weights})
        return asked and self._checks.made()

    def tick(self) -> None:
        """Judge by what happened since the last tick, and publish if that changes anything."""
        now = time.monotonic()
        read = self._workers.applied(Word.EDITION, self.published.edition)
        self._calls.look()
        self._check()
        versions = {name: self._judge(name, read=read, now=now) for name in self._planned}
        if versions != self.published.versions or self.published.edition == 0:
            new = Endpoints(edition=self.published.edition + 1, versions=versions)
            self._documents.write(ENDPOINTS, msgspec.msgpack.encode(new))
            self.published = new  # not before: what a full disk did not take is written at the next tick
        self._slot.words[Word.EDITION] = self.published.edition

    def targets(self) -> Iterator[TargetState]:
        """Describe every target of the plan."""
        for (upstream, version), planned in self._planned.items():
            standings = self._judgements[upstream, version].standings
            for target in planned.weights:
                places = (
                    (upstream, version, (target, one.host, one.port)) for one in self._directory.addresses(target)
                )
                standing = standings.get(target)
                yield TargetState(
                    upstream,
                    version,
                    target,
                    up=any(self._checks.up(place) for place in places),
                    ejected=standing is not None and standing.ejected,
                )

    def _judge(self, name: VersionName, *, read: bool, now: float) -> VersionState:
        policy, before = self._planned[name].policy, self._judgements[name]
        facts = self._facts(name, read=read)
        after = self._judgements[name] = judge.step(before, facts, policy, now)
        self._count(name, before, after)
        return judge.verdict(after, facts, policy, now)

    def _facts(self, name: VersionName, *, read: bool) -> VersionFacts:
        upstream, version = name
        probes = self._calls.probes
        return VersionFacts(
            {
                target: self._target_facts(name, target, weight)
                for target, weight in self._planned[name].weights.items()
            },
            Probes(
                started=probes.get((upstream, version, "started"), 0),
                successes=probes.get((upstream, version, "success"), 0),
                failures=probes.get((upstream, version, "failure"), 0),
                canceled=probes.get((upstream, version, "canceled"), 0),
            ),
            workers=tuple(number(slot) for slot in self._workers.live()),
            read=read,
            answer_seconds=self._planned[name].answer_seconds,
        )

    def _target_facts(self, name: VersionName, target: str, weight: float) -> TargetFacts:
        upstream, version = name
        addresses = self._directory.addresses(target)
        ended = self._calls.ended
        return TargetFacts(
            weight,
            addresses,
            frozenset(
                one for one in addresses if not self._checks.up((upstream, version, (target, one.host, one.port)))
            ),
            Outcomes(
                ended.get((upstream, version, target, "success"), 0),
                ended.get((upstream, version, target, "failure"), 0),
            ),
        )

    def _check(self) -> None:
        """Check the addresses there are now."""
        if self._checked != self._directory.changes:
            self._checked = self._directory.changes
            self._checks.keep(self._checks_wanted())

    def _checks_wanted(self) -> Iterator[Check]:
        for (upstream, version), planned in self._planned.items():
            health = planned.policy.health
            if health is not None:
                for target in planned.weights:
                    for one in self._directory.addresses(target):
                        yield Check(upstream, version, (target, one.host, one.port), health, planned.policy.tls)

    def _begin_series(self, name: VersionName, planned: Planned) -> None:
        """Let every series be there at 0: Prometheus takes no increase from one that begins at 1."""
        tally, policy = self._slot.tally, planned.policy
        for target in planned.weights:
            if policy.ejection:
                tally.index(EJECTIONS, (*name, target))
            if policy.health:
                for result in Result:
                    tally.index(HEALTH_CHECKS, (*name, target, result.value))
        if policy.breaker:
            for state in State:
                tally.index(BREAKER_TRANSITIONS, (*name, state.value))

    def _count(self, name: VersionName, before: Judgement, after: Judgement) -> None:
        tally = self._slot.tally
        for target, standing in after.standings.items():
            if standing.ejected and not (target in before.standings and before.standings[target].ejected):
                tally.add(EJECTIONS, (*name, target))
                _tell("target_ejected", name, target)
        if after.breaker.state is not before.breaker.state:
            tally.add(BREAKER_TRANSITIONS, (*name, after.breaker.state.value))
            _tell(f"breaker_{after.breaker.state.value}", name)


def _tell(event: str, name: VersionName, target: str | None = None) -> None:
    upstream, version = name
    fields = {"casino.upstream": upstream, "casino.version": version, **({"casino.target": target} if target else {})}
    logger.warning(event, extra={"fields": fields})
