"""What each alert that comes from no objective is expected to do, written by hand."""

from alerts.proof.case import Case, Feed

AT = 'job="casino",instance="a:9080"'
PROMETHEUS = 'job="prometheus",instance="p:9090"'
ALERTMANAGER = 'job="alertmanager",instance="m:9093"'


def counter(series: str, well: float, below: float, above: float) -> Feed:
    """Values are increases in a minute."""
    return Feed(series, well, below, above, counts=True)


def upstream(name: str, team: str) -> tuple[Case, ...]:
    """Return the cases of one upstream."""
    here = f'upstream="{name}"'
    version = f'{here},version="v1"'
    target = f'{version},target="http://t:1"'
    ticket = {"severity": "warning", "team": team, "upstream": name}
    place = {**ticket, "version": "v1", "target": "http://t:1"}
    calls = f"gateway_upstream_requests_total{{{target},{AT},outcome="
    connects = f"gateway_upstream_connects_total{{{target},{AT},result="
    return (
        Case(
            alert="GatewayUpstreamDown",
            labels={**ticket, "severity": "critical"},
            feeds=(
                Feed(f"gateway_target_up{{{target},{AT}}}", 1, 0, 0),
                Feed(f'gateway_target_up{{{version},target="http://t:2",{AT}}}', 1, 1, 0),
            ),
            wait_minutes=1,
        ),
        Case(
            alert="GatewayTargetDown",
            labels=place,
            feeds=(Feed(f"gateway_target_up{{{target},{AT}}}", 1, 1, 0),),
            wait_minutes=5,
            range_minutes=2,
            sees_minutes=2,
        ),
        Case(
            alert="GatewayTargetEjected",
            labels=place,
            feeds=(Feed(f"gateway_target_ejected{{{target},{AT}}}", 0, 0, 1),),
            wait_minutes=10,
            range_minutes=5,
            sees_minutes=0,
        ),
        Case(
            alert="GatewayBreakerOpen",
            labels={**ticket, "version": "v1"},
            feeds=(
                Feed(f"gateway_breaker_state{{{version},{AT}}}", 0, 1, 2),
                Feed(f'gateway_breaker_state{{{version},job="casino",instance="b:9080"}}', 0, 0, 0),
            ),
            wait_minutes=10,
            range_minutes=5,
            sees_minutes=0,
        ),
        Case(
            alert="GatewayUpstreamSaturated",
            labels=ticket,
            feeds=(Feed(f"gateway_upstream_waiting_requests{{{target},{AT}}}", 0, 0.9, 1.1),),
            wait_minutes=5,
            range_minutes=5,
        ),
        Case(
            alert="GatewayUpstreamFailures",
            labels=ticket,
            feeds=(
                counter(f'{calls}"success"}}', 6000, 5720, 5680),
                counter(f'{calls}"failure"}}', 0, 280, 320),
                counter(f'{calls}"canceled"}}', 100_000, 100_000, 100_000),
            ),
            wait_minutes=10,
            range_minutes=5,
        ),
        Case(
            alert="GatewayUpstreamConnectFailures",
            labels=ticket,
            feeds=(counter(f'{connects}"success"}}', 6000, 5720, 5680), counter(f'{connects}"tls"}}', 0, 280, 320)),
            wait_minutes=10,
            range_minutes=5,
        ),
        Case(
            alert="GatewayRetryStorm",
            labels=ticket,
            feeds=(
                counter(f'{calls}"success"}}', 6000, 6000, 6000),
                counter(f'gateway_retries_total{{{here},{AT},reason="connect",result="allowed"}}', 0, 560, 640),
                counter(f'gateway_retries_total{{{here},{AT},reason="connect",result="refused"}}', 0, 6000, 6000),
            ),
            wait_minutes=10,
            range_minutes=5,
        ),
        Case(
            alert="GatewayUpstreamFailures",
            labels=ticket,
            feeds=(counter(f'{calls}"failure"}}', 0, 1.75, 2.25),),
            wait_minutes=10,
            range_minutes=5,
        ),
        Case(
            alert="GatewayUpstreamConnectFailures",
            labels=ticket,
            feeds=(counter(f'{connects}"refused"}}', 0, 1.75, 2.25),),
            wait_minutes=10,
            range_minutes=5,
        ),
        Case(
            alert="GatewayRetryStorm",
            labels=ticket,
            feeds=(
                counter(f'{calls}"failure"}}', 3, 3, 3),
                counter(f'gateway_retries_total{{{here},{AT},reason="connect",result="allowed"}}', 0, 1.75, 2.25),
            ),
            wait_minutes=10,
            range_minutes=5,
        ),
    )


def gateway(team: str, most_connections: int) -> tuple[Case, ...]:
    """Return the cases of the gateway as a whole, but for the traffic of a week ago."""
    return (*_processes(team), *_configuration(team), *_saturation(team, most_connections), *_refusals(team))


def _processes(team: str) -> tuple[Case, ...]:
    page, ticket = ({"severity": severity, "team": team} for severity in ("critical", "warning"))
    process = {"instance": "a:9080", "process": "worker-1"}
    labels = f'{AT},process="worker-1"'
    return (
        Case(alert="GatewayDown", labels=page, feeds=(Feed(f"up{{{AT}}}", 1, 1, 0),), wait_minutes=1),
        Case(
            alert="GatewayInstanceDown",
            labels={**ticket, "instance": "a:9080"},
            feeds=(Feed(f"up{{{AT}}}", 1, 1, 0), Feed('up{job="casino",instance="b:9080"}', 1, 1, 1)),
            wait_minutes=5,
        ),
        Case(
            alert="GatewayCrashLoop",
            labels={**page, **process},
            feeds=(Feed(f"gateway_process_backoff_seconds{{{labels}}}", 0, 0.9, 1),),
            wait_minutes=5,
            range_minutes=2,
            sees_minutes=0,
        ),
        Case(
            alert="GatewayProcessDeaths",
            labels={**ticket, **process},
            feeds=(counter(f'gateway_process_deaths_total{{{labels},reason="killed"}}', 0, 0.1875, 0.2125),),
            range_minutes=15,
        ),
        Case(
            alert="GatewayProcessSilent",
            labels={**ticket, **process},
            feeds=(Feed(f"gateway_process_heartbeat_age_seconds{{{labels}}}", 0.1, 5, 5.1),),
            wait_minutes=1,
            range_minutes=1,
            sees_minutes=1,
        ),
        Case(
            alert="GatewayControlFaults",
            labels={**ticket, "instance": "a:9080", "task": "check"},
            feeds=(counter(f'gateway_control_faults_total{{{AT},task="check"}}', 0, 0.1875, 0.2125),),
            range_minutes=15,
        ),
    )


def _configuration(team: str) -> tuple[Case, ...]:
    ticket = {"severity": "warning", "team": team}
    here = {**ticket, "instance": "a:9080"}
    lookups = f"gateway_dns_lookups_total{{{AT},result="
    return (
        Case(
            alert="GatewayReloadFailed",
            labels=here,
            feeds=(Feed(f"gateway_reload_success{{{AT}}}", 1, 1, 0),),
            wait_minutes=5,
            range_minutes=5,
            sees_minutes=5,
        ),
        Case(
            alert="GatewayDnsFailures",
            labels=here,
            feeds=(counter(f'{lookups}"success"}}', 100, 52, 48), counter(f'{lookups}"failure"}}', 0, 48, 52)),
            wait_minutes=10,
            range_minutes=5,
        ),
    )


def _saturation(team: str, most_connections: int) -> tuple[Case, ...]:
    ticket = {"severity": "warning", "team": team}
    here = {**ticket, "instance": "a:9080"}
    overload = 'gateway_failures_total{route="roll",failure="overload",' + AT + "}"
    responses = 'gateway_responses_total{route="roll",method="GET",code="200",' + AT + "}"
    lag = f'gateway_loop_lag_seconds_bucket{{worker="1",{AT},le='
    near = most_connections * 0.9
    return (
        Case(
            alert="GatewayOverload",
            labels={**ticket, "severity": "critical"},
            feeds=(counter(overload, 0, 56, 64), counter(responses, 6000, 6000, 6000)),
            wait_minutes=2,
            range_minutes=5,
        ),
        Case(
            alert="GatewayLoopLag",
            labels={**here, "worker": "1"},
            feeds=(
                counter(f'{lag}"0.1"}}', 6000, 0, 0),
                counter(f'{lag}"0.25"}}', 6000, 5960, 5920),
                counter(f'{lag}"0.5"}}', 6000, 6000, 6000),
                counter(f'{lag}"+Inf"}}', 6000, 6000, 6000),
            ),
            wait_minutes=5,
            range_minutes=5,
        ),
        Case(
            alert="GatewayConnectionsNearLimit",
            labels=here,
            feeds=(Feed(f'gateway_connections{{worker="1",{AT}}}', 0, int(near), int(near) + 1),),
            wait_minutes=5,
            range_minutes=2,
            sees_minutes=0,
        ),
        Case(
            alert="GatewayConnectionsRefused",
            labels={**here, "reason": "connections"},
            feeds=(
                counter(f'gateway_connections_refused_total{{{AT},reason="connections"}}', 0, 1.9, 2.1),
                counter(f'gateway_connections_refused_total{{{AT},reason="proxy_protocol"}}', 0, 400, 400),
            ),
            wait_minutes=5,
            range_minutes=5,
        ),
        Case(
            alert="GatewayLogDropped",
            labels=here,
            feeds=(counter(f"gateway_log_dropped_total{{{AT}}}", 0, 0, 4),),
            wait_minutes=2,
            range_minutes=5,
            sees_minutes=0,
        ),
        Case(
            alert="GatewaySeriesOverflow",
            labels=here,
            feeds=(counter(f"gateway_series_overflow_total{{{AT}}}", 0, 0, 4),),
            range_minutes=60,
            sees_minutes=0,
        ),
    )


def _refusals(team: str) -> tuple[Case, ...]:
    responses = 'gateway_responses_total{route="roll",method="GET",code="200",' + AT + "}"
    limited = 'gateway_failures_total{route="roll",failure="rate_limited",' + AT + "}"
    unknown = 'gateway_failures_total{route="roll",failure="unauthenticated",' + AT + "}"
    return (
        Case(
            alert="GatewayLimitsRefuse",
            labels={"severity": "warning", "team": team, "route": "roll"},
            feeds=(counter(responses, 6000, 6000, 6000), counter(limited, 0, 280, 320)),
            wait_minutes=10,
            range_minutes=5,
        ),
        Case(
            alert="GatewayLimitsRefuse",
            labels={"severity": "warning", "team": team, "route": "roll"},
            feeds=(counter(responses, 3, 3, 3), counter(limited, 0, 1.75, 2.25)),
            wait_minutes=10,
            range_minutes=5,
        ),
        Case(
            alert="GatewayIdentityRefusals",
            labels={"severity": "info", "team": team},
            feeds=(counter(unknown, 0, 56, 64),),
            wait_minutes=10,
            range_minutes=10,
        ),
    )


def watchers(team: str) -> tuple[Case, ...]:
    """Return the cases of Prometheus and Alertmanager."""
    page, ticket = ({"severity": severity, "team": team} for severity in ("critical", "warning"))
    prometheus, alertmanager = {"instance": "p:9090"}, {"instance": "m:9093"}
    group = f'{PROMETHEUS},rule_group="g"'
    to = f'{PROMETHEUS},alertmanager="m"'
    by = f'{ALERTMANAGER},integration="webhook"'
    return (
        Case(
            alert="PrometheusBadConfig",
            labels={**ticket, **prometheus},
            feeds=(Feed(f"prometheus_config_last_reload_successful{{{PROMETHEUS}}}", 1, 1, 0),),
            wait_minutes=5,
            range_minutes=5,
            sees_minutes=5,
        ),
        Case(
            alert="PrometheusRuleFailures",
            labels={**page, **prometheus, "rule_group": "g"},
            feeds=(counter(f"prometheus_rule_evaluation_failures_total{{{group}}}", 0, 0, 4),),
            wait_minutes=5,
            range_minutes=5,
            sees_minutes=0,
        ),
        Case(
            alert="PrometheusRulesMissed",
            labels={**ticket, **prometheus, "rule_group": "g"},
            feeds=(counter(f"prometheus_rule_group_iterations_missed_total{{{group}}}", 0, 0, 4),),
            wait_minutes=10,
            range_minutes=5,
            sees_minutes=0,
        ),
        Case(
            alert="PrometheusWithoutAlertmanager",
            labels={**page, **prometheus},
            feeds=(Feed(f"prometheus_notifications_alertmanagers_discovered{{{PROMETHEUS}}}", 2, 1, 0),),
            wait_minutes=5,
            range_minutes=5,
            sees_minutes=5,
        ),
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
            alert="PrometheusAlertsDropped",
            labels={**page, **prometheus},
            feeds=(counter(f"prometheus_notifications_dropped_total{{{PROMETHEUS}}}", 0, 0, 4),),
            range_minutes=5,
            sees_minutes=0,
        ),
        Case(
            alert="PrometheusSampleLimit",
            labels={**ticket, **prometheus},
            feeds=(counter(f"prometheus_target_scrapes_exceeded_sample_limit_total{{{PROMETHEUS}}}", 0, 0, 4),),
            wait_minutes=10,
            range_minutes=5,
            sees_minutes=0,
        ),
        Case(alert="AlertmanagerDown", labels=page, feeds=(Feed(f"up{{{ALERTMANAGER}}}", 1, 1, 0),), wait_minutes=5),
        Case(
            alert="AlertmanagerBadConfig",
            labels={**ticket, **alertmanager},
            feeds=(Feed(f"alertmanager_config_last_reload_successful{{{ALERTMANAGER}}}", 1, 1, 0),),
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
    )
