"""What each alert of Prometheus and Alertmanager is expected to do, written by hand."""

from alerts.proof.case import Case, Feed, counter

PROMETHEUS = 'job="prometheus",instance="p:9090"'
ALERTMANAGER = 'job="alertmanager",instance="m:9093"'


def watchers(team: str) -> tuple[Case, ...]:
    """Return the cases of Prometheus and Alertmanager."""
    return (*_prometheus(team), *_undelivered(team), *_alertmanager(team))


def _prometheus(team: str) -> tuple[Case, ...]:
    page, ticket = ({"severity": severity, "team": team} for severity in ("critical", "warning"))
    prometheus = {"instance": "p:9090"}
    group = f'{PROMETHEUS},rule_group="g"'
    return (
        Case(
            alert="PrometheusBadConfig",
            labels={**ticket, **prometheus},
            feeds=(
                Feed(f"prometheus_config_last_reload_successful{{{PROMETHEUS}}}", 1, 0, 0),
                Feed(f'prometheus_config_last_reload_successful{{{PROMETHEUS},part="2"}}', 1, 1, 0),
            ),
            wait_minutes=5,
            range_minutes=5,
            sees_minutes=5,
        ),
        Case(
            alert="PrometheusRuleFailures",
            labels={**page, **prometheus, "rule_group": "g"},
            feeds=(counter(f"prometheus_rule_evaluation_failures_total{{{group}}}", 0, 0, 0.05),),
            wait_minutes=5,
            range_minutes=5,
            sees_minutes=0,
        ),
        Case(
            alert="PrometheusRulesMissed",
            labels={**ticket, **prometheus, "rule_group": "g"},
            feeds=(counter(f"prometheus_rule_group_iterations_missed_total{{{group}}}", 0, 0, 0.05),),
            wait_minutes=10,
            range_minutes=5,
            sees_minutes=0,
        ),
        Case(
            alert="PrometheusWithoutAlertmanager",
            labels={**page, **prometheus},
            feeds=(
                Feed(f"prometheus_notifications_alertmanagers_discovered{{{PROMETHEUS}}}", 2, 0, 0),
                Feed(f'prometheus_notifications_alertmanagers_discovered{{{PROMETHEUS},part="2"}}', 2, 1, 0),
            ),
            wait_minutes=5,
            range_minutes=5,
            sees_minutes=5,
        ),
    )


def _undelivered(team: str) -> tuple[Case, ...]:
    page, ticket = ({"severity": severity, "team": team} for severity in ("critical", "warning"))
    prometheus, to = {"instance": "p:9090"}, f'{PROMETHEUS},alertmanager="m"'
    return (
        Case(
            alert="PrometheusAlertsUndelivered",
            labels={**page, **prometheus, "alertmanager": "m"},
            feeds=(
                counter(f"prometheus_notifications_errors_total{{{to}}}", 0, 56, 64),
                counter(f"prometheus_notifications_sent_total{{{to}}}", 6000, 6000, 6000),
            ),
            wait_minutes=10,
            range_minutes=5,
        ),
        Case(
            alert="PrometheusAlertsUndelivered",
            labels={**page, **prometheus, "alertmanager": "m"},
            feeds=(
                counter(f"prometheus_notifications_errors_total{{{to}}}", 0, 2, 10),
                counter(f"prometheus_notifications_sent_total{{{to}}}", 10_000, 10_000, 10),
            ),
            wait_minutes=10,
            range_minutes=5,
            sees_minutes=4.54,  # 2 (5 - T) + 10 T is a hundredth of 10,000 (5 - T) + 10 T
        ),
        Case(
            alert="PrometheusAlertsDropped",
            labels={**page, **prometheus},
            feeds=(counter(f"prometheus_notifications_dropped_total{{{PROMETHEUS}}}", 0, 0, 0.05),),
            range_minutes=5,
            sees_minutes=0,
        ),
        Case(
            alert="PrometheusSampleLimit",
            labels={**ticket, **prometheus},
            feeds=(counter(f"prometheus_target_scrapes_exceeded_sample_limit_total{{{PROMETHEUS}}}", 0, 0, 0.05),),
            wait_minutes=10,
            range_minutes=5,
            sees_minutes=0,
        ),
    )


def _alertmanager(team: str) -> tuple[Case, ...]:
    page, ticket = ({"severity": severity, "team": team} for severity in ("critical", "warning"))
    alertmanager = {"instance": "m:9093"}
    by = f'{ALERTMANAGER},integration="webhook"'
    return (
        Case(alert="AlertmanagerDown", labels=page, feeds=(Feed(f"up{{{ALERTMANAGER}}}", 1, 1, 0),), wait_minutes=5),
        Case(
            alert="AlertmanagerBadConfig",
            labels={**ticket, **alertmanager},
            feeds=(
                Feed(f"alertmanager_config_last_reload_successful{{{ALERTMANAGER}}}", 1, 0, 0),
                Feed(f'alertmanager_config_last_reload_successful{{{ALERTMANAGER},part="2"}}', 1, 1, 0),
            ),
            wait_minutes=5,
            range_minutes=5,
            sees_minutes=5,
        ),
        Case(
            alert="AlertmanagerUndelivered",
            labels={**page, **alertmanager, "integration": "webhook"},
            feeds=(
                counter(f"alertmanager_notifications_failed_total{{{by}}}", 0, 56, 64),
                counter(f"alertmanager_notifications_total{{{by}}}", 6000, 6000, 6000),
            ),
            wait_minutes=5,
            range_minutes=15,
        ),
        Case(
            alert="AlertmanagerUndelivered",
            labels={**page, **alertmanager, "integration": "webhook"},
            feeds=(
                counter(f"alertmanager_notifications_failed_total{{{by}}}", 0, 8, 10),
                counter(f"alertmanager_notifications_total{{{by}}}", 1000, 1000, 10),
            ),
            wait_minutes=5,
            range_minutes=15,
            sees_minutes=2.52,  # 8 (15 - T) + 10 T is a hundredth of 1000 (15 - T) + 10 T
        ),
    )
