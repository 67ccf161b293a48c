"""What may be wrong with the gateway itself: its processes, its configuration, its limits, what it refuses."""

import math

from alerts.rule import Alert, Owner
from exporters.catalog.gateway import (
    CONFIG_INFO,
    CONNECTIONS,
    CONTROL_FAULTS,
    CRASH_LOOP,
    DNS_LOOKUPS,
    FAILURES,
    HEARTBEAT_AGE,
    IDENTITY,
    LOG_DROPPED,
    LOOP_LAG,
    NOT_APPLIED,
    OVERFLOW,
    PROCESS_DEATHS,
    REFUSED,
    RELOAD_OK,
    RESPONSES,
    RUN_DIR_LOST,
)
from exporters.catalog.prometheus import UP
from exporters.promql import (
    Matching,
    Not,
    absent,
    aggregate,
    increase,
    or_zero,
    over_time,
    quantile,
    rate,
    select,
    total,
)
from gateway.core.failure import Failure
from gateway.spec.model import Spec

MINUTE = 60.0
DAY = 86_400.0
JOB = "casino"
"""Under which Prometheus scrapes the gateway."""
DASHBOARD = "/d/casino-gateway"
FEWEST = 10

_LIMITS = (Failure.RATE_LIMITED, Failure.CONCURRENCY_LIMITED, Failure.QUOTA_EXCEEDED, Failure.TOO_MANY_TOKENS)


def alerts(spec: Spec, team: str, scale: float = 1.0) -> tuple[Alert, ...]:
    """Return the alerts of the gateway as a whole."""
    owner = Owner(team, DASHBOARD)
    return (
        *_processes(owner, scale),
        *_ground(spec, owner, scale),
        *_configuration(owner, scale),
        *_load(owner, scale),
        *_bounds(spec, owner, scale),
        *_limits(owner, scale),
    )


def _processes(owner: Owner, scale: float) -> tuple[Alert, ...]:
    minute, place = MINUTE * scale, ("instance", "process")
    deaths = total(increase(select(PROCESS_DEATHS), 15 * minute), *place)
    return (
        owner.page(
            name="GatewayDown",
            expr=absent(select(UP, {"job": JOB}).op("==", 1)),
            for_seconds=minute,
            summary="No gateway answers Prometheus.",
            description="No target of job casino was scraped for a minute: the gateway, its host or the way there is down.",
        ),
        owner.ticket(
            name="GatewayInstanceDown",
            expr=aggregate("max", select(UP, {"job": JOB}), by=("instance",)).op("==", 0),
            for_seconds=5 * minute,
            summary="A gateway does not answer Prometheus.",
            description="{{ $labels.instance }} was not scraped for five minutes.",
        ),
        owner.page(
            name="GatewayCrashLoop",
            expr=aggregate("max", over_time("max", select(CRASH_LOOP), 2 * minute), by=place) >= 1,
            for_seconds=5 * minute,
            summary="A process of the gateway dies again and again.",
            description="{{ $labels.process }} on {{ $labels.instance }} waits {{ $value }} s before its next start.",
        ),
        owner.ticket(
            name="GatewayProcessDeaths",
            expr=deaths > 3,
            summary="A process of the gateway died several times.",
            description="{{ $labels.process }} on {{ $labels.instance }} died {{ $value | humanize }} times in 15 minutes.",
        ),
        owner.ticket(
            name="GatewayProcessSilent",
            expr=aggregate("min", over_time("min", select(HEARTBEAT_AGE), minute), by=place) > 5,
            for_seconds=minute,
            summary="A process of the gateway hangs and is not replaced.",
            description="{{ $labels.process }} on {{ $labels.instance }} gave no sign of life for {{ $value | humanize }} s.",
        ),
        owner.ticket(
            name="GatewayControlFaults",
            expr=total(increase(select(CONTROL_FAULTS), 15 * minute), "instance", "task") > 3,
            summary="Work of the control process keeps failing.",
            description="{{ $labels.task }} on {{ $labels.instance }} failed {{ $value | humanize }} times in 15 minutes.",
        ),
    )


def _ground(spec: Spec, owner: Owner, scale: float) -> tuple[Alert, ...]:
    minute, drain = MINUTE * scale, spec.drain.grace_seconds + spec.drain.deadline_seconds
    return (
        owner.ticket(
            name="GatewayRunDirectoryLost",
            expr=aggregate("max", over_time("max", select(RUN_DIR_LOST), 2 * minute), by=("instance",)).op("==", 1),
            for_seconds=max(5, 1 + math.ceil(drain / MINUTE)) * minute,  # a start anew begins with a drain
            summary="The run directory of a gateway is gone, and it cannot start anew.",
            description="{{ $labels.instance }} serves on, but can replace no process that dies and apply no new spec.",
        ),
    )


def _configuration(owner: Owner, scale: float) -> tuple[Alert, ...]:
    minute = MINUTE * scale
    # A scrape that fails must not begin the wait anew.
    specs = aggregate("count", over_time("last", select(CONFIG_INFO), 2 * minute), by=("hash",))
    not_applied = total(increase(select(NOT_APPLIED), 15 * minute), "instance", "document")
    return (
        owner.ticket(
            name="GatewayReloadFailed",
            expr=aggregate("max", over_time("max", select(RELOAD_OK), 5 * minute), by=("instance",)).op("==", 0),
            for_seconds=5 * minute,
            summary="The gateway refused its new spec.",
            description="{{ $labels.instance }} refused its last reload and runs the spec before it.",
        ),
        owner.ticket(
            name="GatewayDocumentNotApplied",
            expr=not_applied > 0,
            summary="A worker cannot apply what control tells it.",
            description="{{ $labels.instance }} serves on with an older {{ $labels.document }}: the new one has a fault.",
        ),
        owner.ticket(
            name="GatewayConfigDrift",
            expr=aggregate("count", specs) > 1,
            for_seconds=20 * minute,
            summary="Workers run different specs.",
            description="{{ $value }} different specs are applied at the same time.",
        ),
        owner.ticket(
            name="GatewayDnsFailures",
            expr=(
                total(rate(select(DNS_LOOKUPS, {"result": "failure"}), 5 * minute), "instance")
                / (total(rate(select(DNS_LOOKUPS), 5 * minute), "instance") > 0)
            )
            > 0.5,
            for_seconds=10 * minute,
            summary="Names of targets cannot be looked up.",
            description="{{ $value | humanizePercentage }} of look-ups on {{ $labels.instance }} fail; last answers are kept.",
        ),
    )


def _load(owner: Owner, scale: float) -> tuple[Alert, ...]:
    minute = MINUTE * scale
    lag = total(rate(select(LOOP_LAG, part="bucket"), 5 * minute), "instance", "worker", "le")
    return (
        owner.ticket(
            name="GatewayLoopLag",
            expr=quantile(0.99, lag) > 0.25,
            for_seconds=5 * minute,
            summary="The event loop of a worker is late.",
            description="Worker {{ $labels.worker }} on {{ $labels.instance }} is {{ $value | humanizeDuration }} late (p99).",
        ),
        owner.page(
            name="GatewayOverload",
            expr=(
                total(rate(select(FAILURES, {"failure": Failure.OVERLOAD.value}), 5 * minute))
                / (total(rate(select(RESPONSES), 5 * minute)) > 0)
            )
            > 0.01,
            for_seconds=2 * minute,
            summary="The gateway refuses requests because it cannot keep up.",
            description="{{ $value | humanizePercentage }} of requests are refused with 503 overload.",
        ),
    )


def _bounds(spec: Spec, owner: Owner, scale: float) -> tuple[Alert, ...]:
    minute, most = MINUTE * scale, spec.bounds.connections
    return (
        owner.ticket(
            name="GatewayConnectionsNearLimit",
            expr=total(over_time("max", select(CONNECTIONS), 2 * minute), "instance") > 0.9 * most,
            for_seconds=5 * minute,
            summary="Nearly as many clients are connected as may be.",
            description=f"{{{{ $value }}}} of {most} connections are open on {{{{ $labels.instance }}}}.",
        ),
        owner.ticket(
            name="GatewayConnectionsRefused",
            expr=total(
                increase(select(REFUSED, {"reason": Matching("connections|per_address")}), 5 * minute),
                "instance",
                "reason",
            )
            > FEWEST,
            for_seconds=5 * minute,
            summary="Connections of clients are closed because of a bound.",
            description="{{ $value | humanize }} connections in five minutes on {{ $labels.instance }} ({{ $labels.reason }}).",
        ),
        owner.ticket(
            name="GatewayLogDropped",
            expr=total(increase(select(LOG_DROPPED), 5 * minute), "instance") > 0,
            for_seconds=2 * minute,
            summary="Lines of the access log are lost.",
            description="{{ $value | humanize }} lines in five minutes on {{ $labels.instance }}: the sink is too slow.",
        ),
        owner.ticket(
            name="GatewaySeriesOverflow",
            expr=total(increase(select(OVERFLOW), 60 * minute), "instance") > 0,
            summary="There are more series than the spec allows.",
            description="{{ $value | humanize }} new series on {{ $labels.instance }} are counted under `__overflow__`.",
        ),
    )


def _limits(owner: Owner, scale: float) -> tuple[Alert, ...]:
    minute, refused = MINUTE * scale, select(FAILURES, {"failure": Matching("|".join(_LIMITS))})
    return (
        owner.ticket(
            name="GatewayLimitsRefuse",
            expr=(
                total(rate(refused, 5 * minute), "route") / (total(rate(select(RESPONSES), 5 * minute), "route") > 0)
                > 0.05
            )
            & (total(increase(refused, 5 * minute), "route") >= FEWEST),
            for_seconds=10 * minute,
            summary="Limits refuse many requests of a route.",
            description="{{ $value | humanizePercentage }} of requests to {{ $labels.route }} get 429.",
        ),
    )


def week(team: str, scale: float = 1.0) -> tuple[Alert, ...]:
    """Return the alerts that compare with the week before."""
    owner, minute = Owner(team, DASHBOARD), MINUTE * scale
    responses = select(RESPONSES, {"route": Not("-")})
    now = total(rate(responses, 10 * minute))
    before = total(rate(responses.ago(7 * DAY * scale), 60 * minute))
    unproven = select(IDENTITY, {"result": Matching("good|anonymous", negated=True)})
    refused = total(rate(unproven, 10 * minute))
    refused_before = total(rate(unproven.ago(7 * DAY * scale), 60 * minute))
    return (
        owner.ticket(
            name="GatewayTrafficDrop",
            expr=(or_zero(now) < 0.2 * before) & (before > 1),
            for_seconds=10 * minute,
            summary="Far fewer requests come than a week ago.",
            description="{{ $value | humanize }} requests a second, less than a fifth of the same hour last week.",
        ),
        owner.note(
            name="GatewayIdentityRefusals",
            expr=(refused > 5 * or_zero(refused_before)) & (refused > 1),
            for_seconds=10 * minute,
            summary="Far more callers than a week ago cannot prove who they are.",
            description="{{ $value | humanize }} requests a second show no credential, or one that does not hold.",
        ),
    )
