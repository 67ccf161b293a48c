"""What is legal but dangerous in listeners, upstreams and objectives: warnings, each with a stable id."""

from ipaddress import ip_network

from gateway.spec.address import parse_address, parse_target
from gateway.spec.model import Spec
from gateway.spec.nodes import Path
from gateway.spec.problem import Danger
from gateway.spec.route import Route
from gateway.spec.rules.report import Report
from gateway.spec.scalars import write
from gateway.spec.units import Kind
from gateway.spec.upstream import Ejection, Retry, Upstream, Version

LONG_SECONDS = 600
"""A client that waits ten minutes holds a connection, a slot in the pool and perhaps a queue behind it."""


def check(spec: Spec, report: Report) -> None:
    _listen(spec, report)
    for name, upstream in spec.upstreams.items():
        path: Path = ("upstreams", name)
        _timeouts(name, spec, report)
        _policies(upstream, path, report)
        for label, version in upstream.versions.items():
            _version(version, (*path, "versions", label), report)
    for name, route in spec.routes.items():
        _route_timeout(route, ("routes", name, "timeout"), report)
        _objectives(spec, route, ("routes", name), report)
    _unused(spec, report)


def _listen(spec: Spec, report: Report) -> None:
    listen = spec.listen
    if not parse_address(listen.control).is_loopback:
        message = f"`{listen.control}` speaks plain HTTP: tokens can be read on their way to it"
        hint = "a network only operators are on, or 127.0.0.1 behind a proxy with TLS"
        report.warn(("listen", "control"), Danger.CONTROL_EXPOSED, message, hint=hint)
    for place, network in enumerate(listen.trusted):
        if ip_network(network).prefixlen == 0:
            message = f"`{network}` believes every client's word about who it is"
            report.warn(("listen", "trusted", place), Danger.TRUSTED_EVERYONE, message)
    for place, listener in enumerate(listen.public):
        if listener.proxy_protocol and not listen.trusted:
            path = ("listen", "public", place)
            message = "the PROXY protocol is taken from `listen.trusted` only, which is empty: everyone is refused"
            report.warn(path, Danger.PROXY_PROTOCOL_UNTRUSTED, message)


def _timeouts(name: str, spec: Spec, report: Report) -> None:
    timeouts = spec.upstreams[name].timeouts
    path: Path = ("upstreams", name, "timeouts")
    routes = [route for route in spec.routes.values() if route.to == name]
    total = write(Kind.DURATION, timeouts.total_seconds)
    if "total" not in report.tree.names(path) and any(route.timeout_seconds is None for route in routes):
        message = f"no total timeout is stated, so a hanging call holds its client for {total}"
        report.warn(path, Danger.TIMEOUT_UNSTATED, message, hint="`timeouts: {total: 3s}`")
    elif timeouts.total_seconds > LONG_SECONDS:
        message = f"a call may take {total}: a few hanging ones fill the pool"
        report.warn((*path, "total"), Danger.TIMEOUT_LONG, message)
    for key in ("connect", "first_byte", "idle"):
        seconds = getattr(timeouts, f"{key}_seconds")
        if seconds > timeouts.total_seconds and key in report.tree.names(path):
            message = f"`{key}` never applies: the total of {total} ends first"
            report.warn((*path, key), Danger.TIMEOUT_ORDER, message)
    _queue_time(name, spec, report)


def _route_timeout(route: Route, path: Path, report: Report) -> None:
    if route.timeout_seconds is not None and route.timeout_seconds > LONG_SECONDS:
        message = f"a call may take {write(Kind.DURATION, route.timeout_seconds)}: a few hanging ones fill the pool"
        report.warn(path, Danger.TIMEOUT_LONG, message)


def _queue_time(name: str, spec: Spec, report: Report) -> None:
    upstream, path = spec.upstreams[name], ("upstreams", name, "connections")
    total_seconds = upstream.timeouts.total_seconds
    if upstream.connections.queue_seconds > total_seconds and "queue_time" in report.tree.names(path):
        message = f"`queue_time` never applies: the total of {write(Kind.DURATION, total_seconds)} ends first"
        report.warn((*path, "queue_time"), Danger.TIMEOUT_ORDER, message)


def _retry(upstream: Upstream, retry: Retry, path: Path, report: Report) -> None:
    timeouts = upstream.timeouts
    if retry.unsafe:
        message = "requests that are not idempotent may be carried out twice"
        report.warn((*path, "unsafe"), Danger.RETRY_UNSAFE, message)
    if not retry.attempts:
        return
    if all(_is_alone(version) for version in upstream.versions.values()):
        message = "retries go to another target, and there is none"
        report.warn(path, Danger.RETRY_NOWHERE, message)
    if not retry.on:
        report.warn((*path, "on"), Danger.RETRY_NEVER, "nothing is retried: `on` is empty", hint="`attempts: 0`")
    elif "timeout" in retry.on and timeouts.first_byte_seconds >= timeouts.total_seconds:
        first_byte, total = (
            write(Kind.DURATION, each) for each in (timeouts.first_byte_seconds, timeouts.total_seconds)
        )
        message = f"a timeout is never retried: `first_byte` is {first_byte}, and the total of {total} ends with it"
        report.warn((*path, "on"), Danger.RETRY_NEVER, message, hint="a shorter `timeouts.first_byte`")


def _policies(upstream: Upstream, path: Path, report: Report) -> None:
    health = upstream.health
    if upstream.retry is not None:
        _retry(upstream, upstream.retry, (*path, "retry"), report)
    for key, policy in (("ejection", upstream.ejection), ("breaker", upstream.breaker)):
        if policy is not None and not policy.failures_ratio:
            message = f"a share of 0: one failure among {policy.requests} requests or more is enough"
            report.warn((*path, key, "failures"), Danger.FAILURES_ANY, message)
    if health is None and any(len(version.targets) > 1 for version in upstream.versions.values()):
        message = "several targets and no health check: requests find out which one is dead"
        report.warn(path, Danger.HEALTH_ABSENT, message, hint="`health: {path: /health}`")
    if health is not None and health.timeout_seconds > health.every_seconds:
        message = "a check may take longer than the pause between checks: a hanging target is noticed late"
        report.warn((*path, "health"), Danger.HEALTH_OVERLAPS, message)
    ejection = upstream.ejection
    if ejection is not None and all(_ejects_none(version, ejection) for version in upstream.versions.values()):
        message = f"no target is ever ejected: `most` allows {write(Kind.SHARE, ejection.most_ratio)} of too few"
        report.warn((*path, "ejection"), Danger.EJECTION_NEVER, message)
    if not upstream.tls.verify:
        message = "the certificate is not checked: anyone on the way may answer"
        report.warn((*path, "tls", "verify"), Danger.TLS_UNVERIFIED, message, hint="`ca` trusts a private authority")


def _is_alone(version: Version) -> bool:
    """Say whether a version has one address; a name may have several."""
    return len(version.targets) == 1 and parse_target(version.targets[0].url).is_literal


def _ejects_none(version: Version, ejection: Ejection) -> bool:
    targets = [parse_target(target.url) for target in version.targets]
    if not ejection.most_ratio:
        return True
    return all(target.is_literal for target in targets) and ejection.most_ratio * len(targets) < 1


def _version(version: Version, path: Path, report: Report) -> None:
    if not any(target.weight for target in version.targets):
        report.warn(path, Danger.WEIGHT_ZERO, "every target has weight 0: no request can be served")


def _objectives(spec: Spec, route: Route, path: Path, report: Report) -> None:
    objectives, here = route.objectives, (*path, "objectives")
    if objectives.availability_ratio is None and objectives.latency is None:
        return
    if route.team is None:
        message = "nobody is told when the objectives are missed"
        report.warn(here, Danger.OBJECTIVE_NO_TEAM, message, hint="`team: NAME`")
    shares = {"availability": objectives.availability_ratio}
    if objectives.latency is not None:
        shares["latency"] = objectives.latency.ratio
        _latency(spec, route, objectives.latency.within_seconds, (*here, "latency"), report)
    for key, share in shares.items():
        if share == 0:
            report.warn((*here, key), Danger.OBJECTIVE_NOTHING, "0% promises nothing: no failure is ever too many")
        if share == 1:
            report.warn((*here, key), Danger.OBJECTIVE_NO_BUDGET, "100% leaves no budget: every failure is an alert")


def _latency(spec: Spec, route: Route, within_seconds: float, path: Path, report: Report) -> None:
    within = write(Kind.DURATION, within_seconds)
    edges = spec.metrics.latency_buckets
    if within_seconds not in edges:
        near = sorted(edges, key=lambda edge: abs(edge - within_seconds))[:2]
        hint = f"add {within} to `metrics.latency_buckets`, or use {' or '.join(write(Kind.DURATION, e) for e in near)}"
        message = f"{within} is no bucket edge, so the share within it can only be guessed"
        report.warn(path, Danger.LATENCY_BETWEEN_BUCKETS, message, hint=hint)
    upstream = spec.upstreams.get(route.to or "")
    total = route.timeout_seconds or (upstream.timeouts.total_seconds if upstream else None)
    if total is not None and within_seconds > total:
        message = f"{within} is longer than the timeout of {write(Kind.DURATION, total)}: too slow is never seen"
        report.warn(path, Danger.OBJECTIVE_BEYOND_TIMEOUT, message)


def _unused(spec: Spec, report: Report) -> None:
    used = {route.to for route in spec.routes.values()}
    paged = spec.pagerduty
    parts = (spec.routes, paged.schedules, paged.policies, paged.services)
    owners = {spec.alerts.team, *(each.team for part in parts for each in part.values())}
    for name in spec.upstreams.keys() - used:
        report.warn(("upstreams", name), Danger.UNUSED, f"no route leads to upstream `{name}`")
    for name in spec.teams.keys() - owners:
        report.warn(("teams", name), Danger.UNUSED, f"team `{name}` owns nothing")
