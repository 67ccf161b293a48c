"""What may be wrong between the gateway and one upstream: mostly tickets, since users feel it through objectives."""

from alerts.rule import Alert, Owner
from exporters.catalog.gateway import (
    BREAKER_STATE,
    EJECTED,
    RETRIES,
    TARGET_UP,
    UPSTREAM_CONNECTS,
    UPSTREAM_REQUESTS,
    UPSTREAM_WAITING,
)
from exporters.promql import Matching, Selector, Vector, aggregate, increase, over_time, rate, select, total

MINUTE = 60.0
FEWEST = 10
"""Failures below which a share of them says nothing."""


def alerts(upstream: str, team: str, scale: float = 1.0) -> tuple[Alert, ...]:
    """Return the alerts of one upstream."""
    owner = Owner(team, dashboard(upstream))
    return (*_targets(upstream, owner, scale), *_calls(upstream, owner, scale))


def _targets(upstream: str, owner: Owner, scale: float) -> tuple[Alert, ...]:
    minute, here = MINUTE * scale, {"upstream": upstream}
    place = ("upstream", "version", "target")
    up = over_time("max", select(TARGET_UP, here), 2 * minute)
    ejected = over_time("max", select(EJECTED, here), 5 * minute)
    breaker = over_time("max", select(BREAKER_STATE, here), 5 * minute)
    waiting = over_time("avg", select(UPSTREAM_WAITING, here), 5 * minute)
    return (
        owner.page(
            name="GatewayUpstreamDown",
            expr=aggregate("max", select(TARGET_UP, here), by=("upstream",)).op("==", 0),
            for_seconds=minute,
            summary="No target of an upstream takes traffic.",
            description="All targets of {{ $labels.upstream }} fail their health check, or their names have no address.",
        ),
        owner.ticket(
            name="GatewayTargetDown",
            expr=aggregate("max", up, by=place).op("==", 0),
            for_seconds=5 * minute,
            summary="A target takes no traffic.",
            description="{{ $labels.target }} ({{ $labels.upstream }} {{ $labels.version }}) is out by its health check.",
        ),
        owner.ticket(
            name="GatewayTargetEjected",
            expr=aggregate("max", ejected, by=place) > 0,
            for_seconds=10 * minute,
            summary="A target is ejected again and again.",
            description="Requests to {{ $labels.target }} ({{ $labels.upstream }} {{ $labels.version }}) keep failing.",
        ),
        owner.ticket(
            name="GatewayBreakerOpen",
            expr=aggregate("max", breaker, by=("upstream", "version")).op("==", 2),
            for_seconds=10 * minute,
            summary="A breaker opens again and again.",
            description="The breaker of {{ $labels.upstream }} {{ $labels.version }} was open within each five minutes.",
        ),
        owner.ticket(
            name="GatewayUpstreamSaturated",
            expr=total(waiting, "upstream") > 1,
            for_seconds=5 * minute,
            summary="Requests wait for a connection to an upstream.",
            description="{{ $value | humanize }} requests wait for {{ $labels.upstream }} on average: its pool is full.",
        ),
    )


def _calls(upstream: str, owner: Owner, scale: float) -> tuple[Alert, ...]:
    minute, here = MINUTE * scale, {"upstream": upstream}
    calls = select(UPSTREAM_REQUESTS, {**here, "outcome": Matching("success|failure")})
    failed = select(UPSTREAM_REQUESTS, {**here, "outcome": "failure"})
    connects = select(UPSTREAM_CONNECTS, here)
    unconnected = select(UPSTREAM_CONNECTS, {**here, "result": Matching("refused|timeout|tls")})
    retries = select(RETRIES, {**here, "result": "allowed"})

    def share(part: Selector, whole: Selector) -> Vector:
        of, all_of = (total(rate(series, 5 * minute), "upstream") for series in (part, whole))
        return of / (all_of > 0)

    def many(series: Selector) -> Vector:
        return total(increase(series, 5 * minute), "upstream") >= FEWEST

    return (
        owner.ticket(
            name="GatewayUpstreamFailures",
            expr=(share(failed, calls) > 0.05) & many(failed),
            for_seconds=10 * minute,
            summary="Calls to an upstream fail.",
            description="{{ $value | humanizePercentage }} of calls to {{ $labels.upstream }} fail, retries not counted out.",
        ),
        owner.ticket(
            name="GatewayUpstreamConnectFailures",
            expr=(share(unconnected, connects) > 0.05) & many(unconnected),
            for_seconds=10 * minute,
            summary="Connections to an upstream fail.",
            description="{{ $value | humanizePercentage }} of connections to {{ $labels.upstream }} fail to open.",
        ),
        owner.ticket(
            name="GatewayRetryStorm",
            expr=(share(retries, calls) > 0.1) & many(retries),
            for_seconds=10 * minute,
            summary="Many calls to an upstream are retries.",
            description="{{ $value | humanizePercentage }} of calls to {{ $labels.upstream }} are second tries.",
        ),
    )


def dashboard(upstream: str) -> str:
    """Return where Grafana shows an upstream."""
    return f"/d/casino-upstream?var-upstream={upstream}"
