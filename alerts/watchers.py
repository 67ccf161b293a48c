"""Who watches the watchers: Prometheus, Alertmanager, and the dead man's switch whose silence is the alarm."""

from alerts.gateway import MINUTE
from alerts.rule import Alert, Owner, Severity
from exporters.catalog.prometheus import (
    ALERTMANAGER_FAILED,
    ALERTMANAGER_NOTIFIED,
    ALERTMANAGER_RELOADED,
    ALERTMANAGERS,
    NOTIFICATION_ERRORS,
    NOTIFICATIONS_DROPPED,
    NOTIFICATIONS_SENT,
    RELOADED,
    RULE_FAILURES,
    RULES_MISSED,
    SAMPLE_LIMIT,
    UP,
)
from exporters.promql import absent, aggregate, constant, increase, over_time, rate, select, total

DASHBOARD = "/d/casino-watchers"


def alerts(team: str, scale: float = 1.0) -> tuple[Alert, ...]:
    """Return the alerts of the supervision itself."""
    owner = Owner(team, DASHBOARD)
    return (
        Alert(
            name="Watchdog",
            expr=constant(1),
            severity=Severity.NONE,
            team=team,
            summary="The way from rule to pager is whole.",
            description="This alert always fires. Whoever expects it pages when it stops.",
            dashboard=DASHBOARD,
        ),
        *_prometheus(owner, MINUTE * scale),
        *_senders(owner, MINUTE * scale),
        *_alertmanager(owner, MINUTE * scale),
    )


def _prometheus(owner: Owner, minute: float) -> tuple[Alert, ...]:
    return (
        owner.ticket(
            name="PrometheusBadConfig",
            expr=aggregate("max", over_time("max", select(RELOADED), 5 * minute), by=("instance",)).op("==", 0),
            for_seconds=5 * minute,
            summary="Prometheus refused its configuration.",
            description="{{ $labels.instance }} runs the configuration before its last one.",
        ),
        owner.page(
            name="PrometheusRuleFailures",
            expr=total(increase(select(RULE_FAILURES), 5 * minute), "instance", "rule_group") > 0,
            for_seconds=5 * minute,
            summary="Rules fail, so alerts may be missing.",
            description="Rules of {{ $labels.rule_group }} on {{ $labels.instance }} fail.",
        ),
        owner.ticket(
            name="PrometheusRulesMissed",
            expr=total(increase(select(RULES_MISSED), 5 * minute), "instance", "rule_group") > 0,
            for_seconds=10 * minute,
            summary="Rules take longer than their interval.",
            description="{{ $labels.rule_group }} on {{ $labels.instance }} is evaluated less often than it should be.",
        ),
    )


def _senders(owner: Owner, minute: float) -> tuple[Alert, ...]:
    errors = total(rate(select(NOTIFICATION_ERRORS), 5 * minute), "instance", "alertmanager")
    sent = total(rate(select(NOTIFICATIONS_SENT), 5 * minute), "instance", "alertmanager")
    return (
        owner.page(
            name="PrometheusWithoutAlertmanager",
            expr=aggregate("max", over_time("max", select(ALERTMANAGERS), 5 * minute), by=("instance",)) < 1,
            for_seconds=5 * minute,
            summary="Prometheus knows no Alertmanager.",
            description="Alerts of {{ $labels.instance }} go nowhere.",
        ),
        owner.page(
            name="PrometheusAlertsUndelivered",
            expr=errors / (sent > 0) > 0.01,
            for_seconds=10 * minute,
            summary="Alerts do not reach an Alertmanager.",
            description="{{ $value | humanizePercentage }} of alerts do not reach {{ $labels.alertmanager }}.",
        ),
        owner.page(
            name="PrometheusAlertsDropped",
            expr=total(increase(select(NOTIFICATIONS_DROPPED), 5 * minute), "instance") > 0,
            summary="Prometheus gave up alerts.",
            description="{{ $labels.instance }} dropped {{ $value | humanize }} alerts in five minutes.",
        ),
        owner.ticket(
            name="PrometheusSampleLimit",
            expr=total(increase(select(SAMPLE_LIMIT), 5 * minute), "instance") > 0,
            for_seconds=10 * minute,
            summary="A target has more series than Prometheus takes.",
            description="{{ $labels.instance }} refuses scrapes: nothing is known of those targets.",
        ),
    )


def _alertmanager(owner: Owner, minute: float) -> tuple[Alert, ...]:
    failed = total(rate(select(ALERTMANAGER_FAILED), 15 * minute), "instance", "integration")
    tried = total(rate(select(ALERTMANAGER_NOTIFIED), 15 * minute), "instance", "integration")
    return (
        owner.page(
            name="AlertmanagerDown",
            expr=absent(select(UP, {"job": "alertmanager"}).op("==", 1)),
            for_seconds=5 * minute,
            summary="No Alertmanager answers.",
            description="No target of job alertmanager was scraped for five minutes: nobody can be told of anything.",
        ),
        owner.ticket(
            name="AlertmanagerBadConfig",
            expr=aggregate("max", over_time("max", select(ALERTMANAGER_RELOADED), 5 * minute), by=("instance",)).op(
                "==", 0
            ),
            for_seconds=5 * minute,
            summary="Alertmanager refused its configuration.",
            description="{{ $labels.instance }} runs the configuration before its last one.",
        ),
        owner.page(
            name="AlertmanagerUndelivered",
            expr=failed / (tried > 0) > 0.01,
            for_seconds=5 * minute,
            summary="Alertmanager cannot tell anybody.",
            description="{{ $value | humanizePercentage }} of notifications over {{ $labels.integration }} fail.",
        ),
    )
