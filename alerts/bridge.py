"""What may be wrong with the bridge to PagerDuty.

Such an alert goes through the bridge it is about, so each is of something that leaves a way: another routing key, the
other bridge of a pair, or what still waits on its disk. Of the bridge's own death, and of a PagerDuty that takes nothing,
the second path tells (docs/bridge.md, "Signs of life").
"""

from collections.abc import Iterator

from alerts.gateway import MINUTE
from alerts.rule import Alert, Owner
from exporters.catalog.bridge import (
    ALERTMANAGER_UP,
    DEAD,
    FAILED,
    FAULTS,
    MISMATCHES,
    OLDEST,
    PEER_UP,
    SENDING,
    STORE_UP,
    STORM,
    TRUNCATED,
    WATCHDOG_AGE,
    WEBHOOK_SECONDS,
    WEBHOOKS,
)
from exporters.catalog.prometheus import UP
from exporters.promql import (
    Matching,
    Selector,
    Vector,
    absent,
    aggregate,
    increase,
    over_time,
    quantile,
    rate,
    select,
    total,
)
from gateway.spec.model import Spec

JOB = "bridge"
"""Under which Prometheus scrapes it."""
DASHBOARD = "/d/casino-bridge"


def alerts(spec: Spec, team: str, scale: float = 1.0) -> tuple[Alert, ...]:
    """Return the alerts of the bridge, or of both of a pair."""
    owner, minute = Owner(team, DASHBOARD), MINUTE * scale
    return (
        *_processes(owner, minute),
        *_deliveries(owner, minute),
        *_webhooks(owner, minute),
        *_comparison(spec, owner, minute, scale),
        *(_pair(owner, minute) if spec.bridge.peer else ()),
    )


def _processes(owner: Owner, minute: float) -> Iterator[Alert]:
    up = select(UP, {"job": JOB})
    yield owner.page(
        name="BridgeDown",
        expr=absent(up.op("==", 1)),
        for_seconds=minute,
        summary="No bridge answers, so nobody is told over PagerDuty.",
        description="No target of job bridge was scraped for a minute. Alertmanager keeps what fires and tries again.",
    )
    yield owner.ticket(
        name="BridgeInstanceDown",
        expr=aggregate("max", up, by=("instance",)).op("==", 0),
        for_seconds=5 * minute,
        summary="A bridge does not answer.",
        description="{{ $labels.instance }} was not scraped for five minutes. Of a pair the other one sends.",
    )
    yield owner.page(
        name="BridgeWithoutSender",
        expr=aggregate("max", over_time("max", select(SENDING), minute)).op("==", 0),
        for_seconds=minute,
        summary="Bridges run, and none of them sends.",
        description="Each of them waits for the other: what arrives is stored, and nobody is told.",
    )
    yield owner.ticket(
        name="BridgeFaults",
        expr=total(increase(select(FAULTS), 15 * minute), "instance", "task") > 3,
        summary="Work of a bridge fails again and again.",
        description="{{ $labels.task }} on {{ $labels.instance }} was begun anew {{ $value | humanize }} times in a quarter of an hour.",
    )


def _deliveries(owner: Owner, minute: float) -> Iterator[Alert]:
    by = ("instance", "key")
    oldest = aggregate("max", over_time("max", select(OLDEST), minute), by=by)
    storm = aggregate("max", over_time("max", select(STORM), 5 * minute), by=by)
    yield owner.page(
        name="BridgeQueueAge",
        # In a storm members wait by design, and its summary has told them.
        expr=(oldest > 2 * minute).unless(storm.op("==", 1)),
        for_seconds=minute,
        summary="Alerts wait for PagerDuty.",
        description="The oldest event of key {{ $labels.key }} on {{ $labels.instance }} waits for {{ $value | humanizeDuration }}.",
    )
    yield owner.ticket(
        name="BridgeCallsFail",
        expr=total(increase(select(FAILED), 15 * minute), "instance", "key", "reason") >= 5,
        summary="Calls to PagerDuty fail.",
        description="{{ $value | humanize }} calls with key {{ $labels.key }} failed in a quarter of an hour: {{ $labels.reason }}.",
    )
    dead = ("instance", "reason")
    yield owner.ticket(
        name="BridgeDeadLetters",
        # Letters stay until somebody sends them again, and some can never be: what is new is told, for an hour.
        expr=aggregate("max", over_time("max", select(DEAD), minute), by=dead)
        > aggregate("max", over_time("min", select(DEAD), 60 * minute), by=dead),
        summary="Events became dead letters.",
        description="{{ $value | humanize }} dead letters ({{ $labels.reason }}) on {{ $labels.instance }}, more than an hour ago.",
    )


def _webhooks(owner: Owner, minute: float) -> Iterator[Alert]:
    yield owner.page(
        name="BridgeStoreDown",
        expr=_top(select(STORE_UP), minute).op("==", 0),
        for_seconds=minute,
        summary="A bridge cannot write its queue.",
        description="{{ $labels.instance }} answers Alertmanager with 503, and takes nothing in.",
    )
    refused = select(WEBHOOKS, {"code": Matching("4..|5..")})
    yield owner.ticket(
        name="BridgeWebhooksRefused",
        expr=total(increase(refused, 5 * minute), "instance", "code") > 0,
        for_seconds=5 * minute,
        summary="A bridge refuses what Alertmanager tells.",
        description="{{ $labels.instance }} answers {{ $labels.code }}. Of these Alertmanager tries only 5xx again.",
    )
    buckets = total(rate(select(WEBHOOK_SECONDS, part="bucket"), 5 * minute), "instance", "le")
    yield owner.ticket(
        name="BridgeWebhooksSlow",
        expr=quantile(0.99, buckets) > 1,
        for_seconds=10 * minute,
        summary="A bridge takes long to store what it is told.",
        description="One webhook in a hundred takes {{ $labels.instance }} {{ $value | humanizeDuration }}: its disk is slow.",
    )
    yield owner.ticket(
        name="BridgeTruncates",
        expr=total(increase(select(TRUNCATED), 15 * minute), "instance") > 0,
        summary="Alertmanager cuts alerts off its webhooks.",
        description="{{ $value | humanize }} alerts never reached {{ $labels.instance }}: `max_alerts` of the receiver is not 0.",
    )


def _comparison(spec: Spec, owner: Owner, minute: float, scale: float) -> Iterator[Alert]:
    silent = aggregate("max", over_time("max", select(ALERTMANAGER_UP), 5 * minute), by=("instance", "alertmanager"))
    yield owner.ticket(
        name="BridgeAlertmanagerSilent",
        expr=_of_the_sender(silent.op("==", 0), minute),
        for_seconds=5 * minute,
        summary="A bridge cannot ask an Alertmanager what fires.",
        description="{{ $labels.alertmanager }} does not answer {{ $labels.instance }}: what it forgets to end stays open.",
    )
    yield owner.ticket(
        name="BridgeMismatches",
        expr=_of_the_sender(_top(select(MISMATCHES), minute) > 0, minute),
        for_seconds=15 * minute,
        summary="Incidents and Alertmanager do not agree.",
        description="For {{ $value | humanize }} alerts {{ $labels.instance }} knows something else than Alertmanager, and sets nothing right.",
    )
    expected = spec.bridge.watchdog_seconds * scale
    if expected:
        yield owner.ticket(
            name="BridgeWatchdogMissing",
            expr=_top(select(WATCHDOG_AGE), minute) > expected,
            for_seconds=minute,
            summary="A bridge does not hear the Watchdog.",
            description="{{ $labels.instance }} heard it {{ $value | humanizeDuration }} ago: alerts may not reach it either.",
        )


def _pair(owner: Owner, minute: float) -> Iterator[Alert]:
    yield owner.ticket(
        name="BridgePeerSilent",
        expr=_of_the_sender(_top(select(PEER_UP), 2 * minute).op("==", 0), minute),
        for_seconds=5 * minute,
        summary="The bridges of a pair cannot speak with each other.",
        description="{{ $labels.instance }} sends, and the other bridge does not answer it: there is none to take over, or both send.",
    )


def _top(gauge: Selector, seconds: float) -> Vector:
    return aggregate("max", over_time("max", gauge, seconds), by=("instance",))


def _of_the_sender(vector: Vector, minute: float) -> Vector:
    """The other bridge of a pair asks nobody: what it shows is of the time when it did."""
    return vector.op("and", _top(select(SENDING), minute).op("==", 1), on=("instance",))
