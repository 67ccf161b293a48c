"""Who watches the watchers: Prometheus, Alertmanager, and the dead man's switch whose silence is the alarm."""

from alerts.gateway import MINUTE
from alerts.rule import Alert, Severity
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
        *_prometheus(team, MINUTE * scale),
        *_alertmanager(team, MINUTE * scale),
    )


def _prometheus(team: str, minute: float) -> tuple[Alert, ...]:
    errors = total(rate(select(NOTIFICATION_ERRORS), 5 * minute), "instance", "alertmanager")
    sent = total(rate(select(NOTIFICATIONS_SENT), 5 * minute), "instance", "alertmanager")
    return (
        Alert(
            name="PrometheusBadConfig",
            expr=aggregate("max", over_time("max", select(RELOADED), 5 * minute), by=("instance",)).op("==", 0),
            for_seconds=5 * minute,
            severity=Severity.WARNING,
            team=team,
            summary="Prometheus refused its configuration.",
            description="{{ $labels.instance }} runs the configuration before its last one.",
            dashboard=DASHBOARD,
        ),
        Alert(
            name="PrometheusRuleFailures",
            expr=total(increase(select(RULE_FAILURES), 5 * minute), "instance", "rule_group") > 0,
            for_seconds=5 * minute,
            severity=Severity.CRITICAL,
            team=team,
            summary="Rules fail, so alerts may be missing.",
            description="Rules of {{ $labels.rule_group }} on {{ $labels.instance }} fail.",
            dashboard=DASHBOARD,
        ),
        Alert(
            name="PrometheusRulesMissed",
            expr=total(increase(select(RULES_MISSED), 5 * minute), "instance", "rule_group") > 0,
            for_seconds=10 * minute,
            severity=Severity.WARNING,
            team=team,
            summary="Rules take longer than their interval.",
            description="{{ $labels.rule_group }} on {{ $labels.instance }} is evaluated less often than it should be.",
            dashboard=DASHBOARD,
        ),
        Alert(
            name="PrometheusWithoutAlertmanager",
            expr=aggregate("max", over_time("max", select(ALERTMANAGERS), 5 * minute), by=("instance",)) < 1,
            for_seconds=5 * minute,
            severity=Severity.CRITICAL,
            team=team,
            summary="Prometheus knows no Alertmanager.",
            description="Alerts of {{ $labels.instance }} go nowhere.",
            dashboard=DASHBOARD,
        ),
        Alert(
            name="PrometheusAlertsUndelivered",
            expr=errors / (sent > 0) > 0.01,
            for_seconds=10 * minute,
            severity=Severity.CRITICAL,
            team=team,
            summary="Alerts do not reach an Alertmanager.",
            description="{{ $value | humanizePercentage }} of alerts do not reach {{ $labels.alertmanager }}.",
            dashboard=DASHBOARD,
        ),
        Alert(
            name="PrometheusAlertsDropped",
            expr=total(increase(select(NOTIFICATIONS_DROPPED), 5 * minute), "instance") > 0,
            severity=Severity.CRITICAL,
            team=team,
            summary="Prometheus gave up alerts.",
            description="{{ $labels.instance }} dropped {{ $value | humanize }} alerts in five minutes.",
            dashboard=DASHBOARD,
        ),
        Alert(
            name="PrometheusSampleLimit",
            expr=total(increase(select(SAMPLE_LIMIT), 5 * minute), "instance") > 0,
            for_seconds=10 * minute,
            severity=Severity.WARNING,
            team=team,
            summary="A target has more series than Prometheus takes.",
            description="{{ $labels.instance }} refuses scrapes: nothing is known of those targets.",
            dashboard=DASHBOARD,
        ),
    )


def _alertmanager(team: str, minute: float) -> tuple[Alert, ...]:
    failed = total(rate(select(ALERTMANAGER_FAILED), 15 * minute), "instance", "integration")
    tried = total(rate(select(ALERTMANAGER_NOTIFIED), 15 * minute), "instance", "integration")
    return (
        Alert(
            name="AlertmanagerDown",
            expr=absent(select(UP, {"job": "alertmanager"}).op("==", 1)),
            for_seconds=5 * minute,
            severity=Severity.CRITICAL,
            team=team,
            summary="No Alertmanager answers.",
            description="No target of job alertmanager was scraped for five minutes: nobody can be told of anything.",
            dashboard=DASHBOARD,
        ),
        Alert(
            name="AlertmanagerBadConfig",
            expr=aggregate("max", over_time("max", select(ALERTMANAGER_RELOADED), 5 * minute), by=("instance",)).op(
                "==", 0
            ),
            for_seconds=5 * minute,
            severity=Severity.WARNING,
            team=team,
            summary="Alertmanager refused its configuration.",
            description="{{ $labels.instance }} runs the configuration before its last one.",
            dashboard=DASHBOARD,
        ),
        Alert(
            name="AlertmanagerUndelivered",
            expr=failed / (tried > 0) > 0.01,
            for_seconds=5 * minute,
            severity=Severity.CRITICAL,
            team=team,
            summary="Alertmanager cannot tell anybody.",
            description="{{ $value | humanizePercentage }} of notifications over {{ $labels.integration }} fail.",
            dashboard=DASHBOARD,
        ),
    )
