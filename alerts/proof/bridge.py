"""What each alert of the bridge is expected to do, written by hand."""

from typing import Any

from alerts.proof.case import SAMPLE_SECONDS, Case, Feed, counter, twin
from alerts.proof.timeline import Phase, Series, state, test

HERE = 'job="bridge",instance="b:9082"'
THERE = 'job="bridge",instance="c:9082"'
MINUTE = 60.0


def bridge(team: str, watchdog_seconds: float, *, is_pair: bool) -> tuple[Case, ...]:
    """Return the cases of a bridge that expects the Watchdog so often (0: not at all)."""
    return (
        *_processes(team),
        *_deliveries(team),
        *_store(team),
        *_webhooks(team),
        *_comparison(team),
        *(_watchdog(team, watchdog_seconds) if watchdog_seconds else ()),
        *(_pair(team) if is_pair else ()),
    )


def more(team: str) -> list[dict[str, Any]]:
    """Vanished targets; a dead letter that was told an hour ago."""
    up = Series(f"up{{{HERE}}}", (Phase(120, 1),), counts=False)
    down = (state("BridgeDown", 120, None), state("BridgeDown", 600, {"severity": "critical", "team": team}))
    letters = Series(
        f'bridge_dead_letters{{{HERE},reason="refused"}}', (Phase(600, 4), Phase(80 * MINUTE, 5)), counts=False
    )
    labels = {"instance": "b:9082", "reason": "refused", "severity": "warning", "team": team}
    told = (
        state("BridgeDeadLetters", 570, None),
        state("BridgeDeadLetters", 660, labels),
        state("BridgeDeadLetters", 600 + 59 * MINUTE, labels),
        state("BridgeDeadLetters", 600 + 62 * MINUTE, None),
    )
    return [
        test("BridgeDown: nothing is scraped any more", SAMPLE_SECONDS, (up,), down),
        test("BridgeDeadLetters: one more, for an hour", SAMPLE_SECONDS, (letters,), told),
    ]


def _labels(team: str, severity: str, **more: str) -> dict[str, str]:
    return {"severity": severity, "team": team, **more}


def _processes(team: str) -> tuple[Case, ...]:
    return (
        Case(
            alert="BridgeDown",
            labels=_labels(team, "critical"),
            feeds=(Feed(f"up{{{HERE}}}", 1, 1, 0),),
            wait_minutes=1,
        ),
        Case(
            alert="BridgeInstanceDown",
            labels=_labels(team, "warning", instance="b:9082"),
            feeds=(Feed(f"up{{{HERE}}}", 1, 0, 0), twin(Feed(f"up{{{HERE}}}", 1, 1, 0), 1, 1, 0), Feed(f"up{{{THERE}}}", 1, 1, 1)),
            wait_minutes=5,
        ),
        Case(
            alert="BridgeWithoutSender",
            labels=_labels(team, "critical"),
            feeds=(Feed(f"bridge_sending{{{HERE}}}", 1, 0, 0), Feed(f"bridge_sending{{{THERE}}}", 0, 1, 0)),
            wait_minutes=1,
            range_minutes=1,
            sees_minutes=1,
        ),
        Case(
            alert="BridgeFaults",
            labels=_labels(team, "warning", instance="b:9082", task="tidy"),
            feeds=(counter(f'bridge_faults_total{{{HERE},task="tidy"}}', 0, 0.1875, 0.2125),),
            range_minutes=15,
        ),
    )  # fmt: skip


def _deliveries(team: str) -> tuple[Case, ...]:
    oldest = f'bridge_queue_oldest_seconds{{{HERE},key="games"'
    late = _labels(team, "critical", instance="b:9082", key="games")
    letters = Feed(f'bridge_dead_letters{{{HERE},reason="refused"}}', 2, 2, 3)
    return (
        Case(
            alert="BridgeQueueAge",
            labels=late,
            feeds=(Feed(f"{oldest}}}", 0, 120, 121), Feed(f'{oldest},part="2"}}', 0, 0, 0)),
            wait_minutes=1,
            range_minutes=1,
            sees_minutes=0,
        ),
        Case(
            alert="BridgeQueueAge",
            labels=late,
            feeds=(
                Feed(f"{oldest}}}", 0, 500, 500),
                Feed(f'bridge_storm{{{HERE},key="games"}}', 0, 1, 0),
                Feed(f'bridge_storm{{{HERE},key="games",part="2"}}', 0, 0, 0),
                Feed(f'bridge_storm{{{HERE},key="tables"}}', 1, 1, 1),
                Feed(f'bridge_storm{{{THERE},key="games"}}', 1, 1, 1),
            ),
            wait_minutes=1,
            range_minutes=5,
            sees_minutes=5,
        ),
        Case(
            alert="BridgeCallsFail",
            labels=_labels(team, "warning", instance="b:9082", key="games", reason="429"),
            feeds=(counter(f'bridge_failed_calls_total{{{HERE},key="games",reason="429"}}', 0, 0.3125, 0.3542),),
            range_minutes=15,
        ),
        Case(
            alert="BridgeDeadLetters",
            labels=_labels(team, "warning", instance="b:9082", reason="refused"),
            feeds=(letters, twin(letters, 1, 1, 1)),
            range_minutes=1,
            sees_minutes=0,
        ),
    )


def _store(team: str) -> tuple[Case, ...]:
    up = Feed(f"bridge_store_up{{{HERE}}}", 1, 0, 0)
    buckets = f"bridge_webhook_seconds_bucket{{{HERE},le="
    return (
        Case(
            alert="BridgeStoreDown",
            labels=_labels(team, "critical", instance="b:9082"),
            feeds=(up, twin(up, 1, 1, 0), Feed(f"bridge_store_up{{{THERE}}}", 1, 1, 1)),
            wait_minutes=1,
            range_minutes=1,
            sees_minutes=1,
        ),
        Case(
            alert="BridgeWebhooksSlow",
            labels=_labels(team, "warning", instance="b:9082"),
            feeds=(
                *(counter(f'{buckets}"{le}",part="1"}}', 6000, 6000, 6000) for le in ("0.5", "1.0", "2.5", "+Inf")),
                counter(f'{buckets}"0.5",part="2"}}', 6000, 0, 0),
                counter(f'{buckets}"1.0",part="2"}}', 6000, 5890, 5870),
                counter(f'{buckets}"2.5",part="2"}}', 6000, 6000, 6000),
                counter(f'{buckets}"+Inf",part="2"}}', 6000, 6000, 6000),
            ),
            wait_minutes=10,
            range_minutes=5,
        ),
    )


def _webhooks(team: str) -> tuple[Case, ...]:
    answered = f"bridge_webhooks_total{{{HERE},code="
    return (
        *(
            Case(
                alert="BridgeWebhooksRefused",
                labels=_labels(team, "warning", instance="b:9082", code=code),
                feeds=(counter(f'{answered}"{code}"}}', 0, 0, 0.05), counter(f'{answered}"200"}}', 60, 60, 60)),
                wait_minutes=5,
                range_minutes=5,
                sees_minutes=0,
            )
            for code in ("503", "401")
        ),
        Case(
            alert="BridgeTruncates",
            labels=_labels(team, "warning", instance="b:9082"),
            feeds=(counter(f"bridge_truncated_alerts_total{{{HERE}}}", 0, 0, 0.05),),
            range_minutes=15,
            sees_minutes=0,
        ),
    )


def _comparison(team: str) -> tuple[Case, ...]:
    up = Feed(f'bridge_alertmanager_up{{{HERE},alertmanager="http://m:9093"}}', 1, 0, 0)
    silent = _labels(team, "warning", instance="b:9082", alertmanager="http://m:9093")
    differs = Feed(f"bridge_mismatches{{{HERE}}}", 0, 0, 1)
    mismatch = _labels(team, "warning", instance="b:9082")
    return (
        Case(
            alert="BridgeAlertmanagerSilent",
            labels=silent,
            feeds=(up, twin(up, 1, 1, 0), *_sending(1)),
            wait_minutes=5,
            range_minutes=5,
            sees_minutes=5,
        ),
        _of_the_sender("BridgeAlertmanagerSilent", silent, Feed(up.series, 0, 0, 0), wait_minutes=5),
        Case(
            alert="BridgeMismatches",
            labels=mismatch,
            feeds=(differs, twin(differs, 0, 0, 0), *_sending(1)),
            wait_minutes=15,
            range_minutes=1,
            sees_minutes=0,
        ),
        _of_the_sender("BridgeMismatches", mismatch, Feed(differs.series, 1, 1, 1), wait_minutes=15),
    )


def _of_the_sender(alert: str, labels: dict[str, str], bad: Feed, *, wait_minutes: float) -> Case:
    """What is bad all the time is told while the bridge sends."""
    return Case(
        alert=alert,
        labels=labels,
        feeds=(bad, *_sending(0)),
        wait_minutes=wait_minutes,
        range_minutes=1,
        sees_minutes=0,
    )


def _sending(well: float) -> tuple[Feed, ...]:
    """The bridge sends in the end, and perhaps before; another one does when this one does not."""
    sends = Feed(f"bridge_sending{{{HERE}}}", well, well, 1)
    return sends, twin(sends, 0, 0, 0), Feed(f"bridge_sending{{{THERE}}}", 1 - well, 1 - well, 0)


def _watchdog(team: str, seconds: float) -> tuple[Case, ...]:
    age = Feed(f"bridge_watchdog_age_seconds{{{HERE}}}", 1, seconds, seconds + 1)
    return (
        Case(
            alert="BridgeWatchdogMissing",
            labels=_labels(team, "warning", instance="b:9082"),
            feeds=(age, twin(age, 1, 1, 1)),
            wait_minutes=1,
            range_minutes=1,
            sees_minutes=0,
        ),
    )


def _pair(team: str) -> tuple[Case, ...]:
    up = Feed(f"bridge_peer_up{{{HERE}}}", 1, 0, 0)
    labels = _labels(team, "warning", instance="b:9082")
    return (
        Case(
            alert="BridgePeerSilent",
            labels=labels,
            feeds=(up, twin(up, 1, 1, 0), *_sending(1)),
            wait_minutes=5,
            range_minutes=2,
            sees_minutes=2,
        ),
        _of_the_sender("BridgePeerSilent", labels, Feed(up.series, 0, 0, 0), wait_minutes=5),
    )
