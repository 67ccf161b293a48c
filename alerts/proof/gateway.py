"""What each alert of the gateway itself is expected to do, written by hand."""

from alerts.proof.case import AT, Case, Feed, counter


def gateway(team: str, most_connections: int, drain_seconds: float) -> tuple[Case, ...]:
    """Return the cases of the gateway as a whole, but for the traffic of a week ago."""
    return (
        *_processes(team),
        *_ground(team, drain_seconds),
        *_configuration(team),
        *_load(team),
        *_bounds(team, most_connections),
        *_refusals(team),
        *_quiet(team),
    )


def identity(team: str) -> tuple[Case, ...]:
    """Return the case of refused callers when nothing is known of a week ago."""
    of = f"gateway_identity_total{{{AT},route="
    return (
        Case(
            alert="GatewayIdentityRefusals",
            labels={"severity": "info", "team": team},
            feeds=(
                counter(f'{of}"roll",means="jwt",result="bad"}}', 0, 56, 64),
                counter(f'{of}"roll",means="jwt",result="good"}}', 6000, 6000, 6000),
                counter(f'{of}"roll",means="-",result="anonymous"}}', 6000, 6000, 6000),
            ),
            wait_minutes=10,
            range_minutes=10,
        ),
    )


def issuers(team: str) -> tuple[Case, ...]:
    """Return the case of an issuer without keys."""
    keys = f'gateway_issuer_keys{{issuer="i",{AT}'
    return (
        Case(
            alert="GatewayIssuerWithoutKeys",
            labels={"issuer": "i", "severity": "critical", "team": team},
            feeds=(Feed(f"{keys}}}", 1, 0, 0), Feed(f'{keys},part="2"}}', 1, 1, 0)),
            wait_minutes=5,
            range_minutes=5,
            sees_minutes=5,
        ),
    )


def store(team: str) -> tuple[Case, ...]:
    """Return the cases of the store."""
    here = {"severity": "warning", "team": team, "instance": "a:9080"}
    return (
        Case(
            alert="GatewayStoreDown",
            labels=here,
            feeds=(
                Feed(f"gateway_store_up{{{AT}}}", 1, 0, 0),
                Feed(f'gateway_store_up{{{AT},part="2"}}', 1, 1, 0),
                Feed('gateway_store_up{job="casino",instance="b:9080"}', 1, 1, 1),
            ),
            wait_minutes=5,
            range_minutes=2,
            sees_minutes=2,
        ),
        Case(
            alert="GatewayDebitsDropped",
            labels=here,
            feeds=(counter(f"gateway_debits_dropped_total{{{AT}}}", 0, 0, 0.05),),
            range_minutes=15,
            sees_minutes=0,
        ),
    )


def _processes(team: str) -> tuple[Case, ...]:
    page, ticket = ({"severity": severity, "team": team} for severity in ("critical", "warning"))
    process, labels = {"instance": "a:9080", "process": "worker-1"}, f'{AT},process="worker-1"'
    return (
        Case(alert="GatewayDown", labels=page, feeds=(Feed(f"up{{{AT}}}", 1, 1, 0),), wait_minutes=1),
        Case(
            alert="GatewayInstanceDown",
            labels={**ticket, "instance": "a:9080"},
            feeds=(
                Feed(f"up{{{AT}}}", 1, 0, 0),
                Feed(f'up{{{AT},part="2"}}', 1, 1, 0),
                Feed('up{job="casino",instance="b:9080"}', 1, 1, 1),
            ),
            wait_minutes=5,
        ),
        Case(
            alert="GatewayCrashLoop",
            labels={**page, **process},
            feeds=(
                Feed(f"gateway_process_backoff_seconds{{{labels}}}", 0, 0.9, 1),
                Feed(f'gateway_process_backoff_seconds{{{labels},part="2"}}', 0, 0, 0),
            ),
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
            feeds=(
                Feed(f"gateway_process_heartbeat_age_seconds{{{labels}}}", 0.1, 5, 5.1),
                Feed(f'gateway_process_heartbeat_age_seconds{{{labels},part="2"}}', 0.1, 5.1, 5.1),
            ),
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


def _ground(team: str, drain_seconds: float) -> tuple[Case, ...]:
    whole_minutes, more = divmod(drain_seconds, 60)
    return (
        Case(
            alert="GatewayRunDirectoryLost",
            labels={"severity": "warning", "team": team, "instance": "a:9080"},
            feeds=(
                Feed(f"gateway_run_directory_lost{{{AT}}}", 0, 0, 1),
                Feed(f'gateway_run_directory_lost{{{AT},part="2"}}', 0, 0, 0),
                Feed('gateway_run_directory_lost{job="casino",instance="b:9080"}', 0, 0, 0),
            ),
            wait_minutes=max(5, int(whole_minutes) + (more > 0) + 1),
            range_minutes=2,
            sees_minutes=0,
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
            feeds=(
                Feed(f"gateway_reload_success{{{AT}}}", 1, 0, 0),
                Feed(f'gateway_reload_success{{{AT},part="2"}}', 1, 1, 0),
            ),
            wait_minutes=5,
            range_minutes=5,
            sees_minutes=5,
        ),
        Case(
            alert="GatewayDocumentNotApplied",
            labels={**here, "document": "snapshot"},
            feeds=(counter(f'gateway_documents_not_applied_total{{{AT},document="snapshot"}}', 0, 0, 0.05),),
            range_minutes=15,
            sees_minutes=0,
        ),
        Case(
            alert="GatewayDnsFailures",
            labels=here,
            feeds=(counter(f'{lookups}"success"}}', 100, 52, 48), counter(f'{lookups}"failure"}}', 0, 48, 52)),
            wait_minutes=10,
            range_minutes=5,
        ),
    )


def _load(team: str) -> tuple[Case, ...]:
    ticket = {"severity": "warning", "team": team}
    here = {**ticket, "instance": "a:9080"}
    overload = 'gateway_failures_total{route="roll",failure="overload",' + AT + "}"
    responses = 'gateway_responses_total{route="roll",method="GET",code="200",' + AT + "}"
    lag = f'gateway_loop_lag_seconds_bucket{{worker="1",{AT},le='
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
                *(counter(f'{lag}"{le}",part="1"}}', 6000, 6000, 6000) for le in ("0.1", "0.25", "0.5", "+Inf")),
                counter(f'{lag}"0.1",part="2"}}', 6000, 0, 0),
                counter(f'{lag}"0.25",part="2"}}', 6000, 5890, 5870),
                counter(f'{lag}"0.5",part="2"}}', 6000, 6000, 6000),
                counter(f'{lag}"+Inf",part="2"}}', 6000, 6000, 6000),
            ),
            wait_minutes=5,
            range_minutes=5,
        ),
    )


def _bounds(team: str, most_connections: int) -> tuple[Case, ...]:
    here = {"severity": "warning", "team": team, "instance": "a:9080"}
    near = most_connections * 0.9
    return (
        Case(
            alert="GatewayConnectionsNearLimit",
            labels=here,
            feeds=(
                Feed(f'gateway_connections{{worker="1",{AT}}}', 0, int(near) - 100, int(near) - 100),
                Feed(f'gateway_connections{{worker="2",{AT}}}', 0, 100, 101),
            ),
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
            feeds=(counter(f"gateway_log_dropped_total{{{AT}}}", 0, 0, 0.05),),
            wait_minutes=2,
            range_minutes=5,
            sees_minutes=0,
        ),
        Case(
            alert="GatewaySeriesOverflow",
            labels=here,
            feeds=(counter(f"gateway_series_overflow_total{{{AT}}}", 0, 0, 0.01),),
            range_minutes=60,
            sees_minutes=0,
        ),
    )


def _refusals(team: str) -> tuple[Case, ...]:
    responses = 'gateway_responses_total{route="roll",method="GET",code="200",' + AT + "}"
    limited = 'gateway_failures_total{route="roll",failure="rate_limited",' + AT + "}"
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
    )


def _quiet(team: str) -> tuple[Case, ...]:
    """Much traffic of which a little is bad, then little of which all is: the share is of the same minutes.

    T minutes after the change, of the last five: look-ups 400 (5 - T) + 10 T of 1000 (5 - T) + 10 T, half at 4.76
    minutes; overload 2 (5 - T) + 10 T of 10 times as many, a hundredth at 4.54; limits 40 (5 - T) + 10 T, a twentieth at 2.56.
    """
    ticket = {"severity": "warning", "team": team}
    lookups = f"gateway_dns_lookups_total{{{AT},result="
    responses = 'gateway_responses_total{route="roll",method="GET",code="200",' + AT + "}"
    failures = 'gateway_failures_total{route="roll",failure="%s",' + AT + "}"
    return (
        Case(
            alert="GatewayDnsFailures",
            labels={**ticket, "instance": "a:9080"},
            feeds=(counter(f'{lookups}"success"}}', 1000, 600, 0), counter(f'{lookups}"failure"}}', 0, 400, 10)),
            wait_minutes=10,
            range_minutes=5,
            sees_minutes=4.76,
        ),
        Case(
            alert="GatewayOverload",
            labels={**ticket, "severity": "critical"},
            feeds=(counter(responses, 10_000, 10_000, 10), counter(failures % "overload", 0, 2, 10)),
            wait_minutes=2,
            range_minutes=5,
            sees_minutes=4.54,
        ),
        Case(
            alert="GatewayLimitsRefuse",
            labels={**ticket, "route": "roll"},
            feeds=(counter(responses, 1000, 1000, 10), counter(failures % "quota_exceeded", 0, 40, 10)),
            wait_minutes=10,
            range_minutes=5,
            sees_minutes=2.56,
        ),
    )
