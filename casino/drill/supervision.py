"""Faults of the supervision itself: on a ground with Prometheus, two Alertmanagers and the bridge, and no gateway."""

from collections.abc import Iterator

from casino.drill.fault import Fault, Ground, Told, Trial
from casino.drill.key import Key

MINUTE = 60.0


def faults() -> Iterator[Fault]:
    """Yield what can be broken between a rule and a pager."""
    yield from _servers()
    yield from _bridge()


def _fault(name: str, what: str, *trials: Trial, touches: tuple[str, ...]) -> Fault:
    return Fault(name=name, what=what, ground=Ground.WATCHERS, touches=touches, trials=trials)


def _servers() -> Iterator[Fault]:
    yield _fault(
        "prometheus-dead", "Prometheus is killed",
        Trial(key=Key("Watchdog"), window_seconds=5 * MINUTE, effect_seconds=2, told=Told.BRIDGE),
        touches=("prometheus", "alertmanager", "bridge"),
    )  # fmt: skip
    yield _fault(
        "alertmanagers-dead", "both Alertmanagers are killed",
        Trial(key=Key("AlertmanagerDown"), told=Told.BRIDGE),
        Trial(key=Key("BridgeWatchdogMissing"), window_seconds=5 * MINUTE, effect_seconds=2, told=Told.BRIDGE),
        Trial(key=Key("PrometheusAlertsDropped"), window_seconds=MINUTE, clears_seconds=5 * MINUTE, told=Told.AFTERWARDS),
        touches=("prometheus", "alertmanager", "bridge"),
    )  # fmt: skip
    yield _fault(
        "alertmanager-dead", "one of two Alertmanagers is killed",
        Trial(key=Key("PrometheusAlertsUndelivered"), window_seconds=MINUTE, clears_seconds=5 * MINUTE),
        Trial(key=Key("BridgeAlertmanagerSilent"), window_seconds=5 * MINUTE),
        touches=("alertmanager",),
    )  # fmt: skip
    yield _fault(
        "no-alertmanager", "Prometheus' configuration names no Alertmanager",
        Trial(key=Key("PrometheusWithoutAlertmanager"), window_seconds=5 * MINUTE, told=Told.BRIDGE),
        touches=("prometheus", "alertmanager", "bridge"),
    )  # fmt: skip
    yield _fault(
        "alertmanager-misread", "one Alertmanager gets a configuration with a mistake",
        Trial(key=Key("AlertmanagerBadConfig"), window_seconds=5 * MINUTE),
        touches=("alertmanager",),
    )  # fmt: skip
    yield _fault(
        "bridge-dead", "the bridge is killed",
        Trial(key=Key("AlertmanagerUndelivered"), effect_seconds=10, clears_seconds=15 * MINUTE, told=Told.AFTERWARDS),
        touches=("prometheus", "alertmanager", "bridge"),
    )  # fmt: skip
    yield _fault(
        "prometheus-misread", "Prometheus gets a configuration with a mistake",
        Trial(key=Key("PrometheusBadConfig"), window_seconds=5 * MINUTE),
        touches=("prometheus",),
    )  # fmt: skip
    yield _fault(
        "rules-at-odds", "a rule that cannot be evaluated, one too slow for its interval, and a target with too many series",
        Trial(key=Key("PrometheusRuleFailures"), effect_seconds=1, clears_seconds=5 * MINUTE),
        Trial(key=Key("PrometheusRulesMissed"), effect_seconds=2, clears_seconds=5 * MINUTE),
        Trial(key=Key("PrometheusSampleLimit"), effect_seconds=1, clears_seconds=5 * MINUTE),
        touches=("prometheus",),
    )  # fmt: skip


def _bridge() -> Iterator[Fault]:
    yield _fault(
        # Where nothing gets through, BridgeQueueAge says it better, and nobody is told of this.
        "pager-stumbles", "PagerDuty answers 503 to the first try of each page of one team",
        Trial(key=Key("BridgeCallsFail"), effect_seconds=20, clears_seconds=15 * MINUTE),
        touches=("standin",),
    )  # fmt: skip
    yield _fault(
        "pager-refuses", "PagerDuty answers 503 to one team's key while a page of that team waits",
        Trial(key=Key("BridgeQueueAge"), effect_seconds=2, window_seconds=2 * MINUTE, clears_seconds=20 * MINUTE),
        touches=("standin",),
    )  # fmt: skip
    yield _fault(
        "no-webhooks", "somebody posts what is no webhook",
        Trial(key=Key("BridgeWebhooksRefused"), effect_seconds=1, clears_seconds=5 * MINUTE),
        Trial(key=Key("BridgeDeadLetters"), effect_seconds=1, clears_seconds=60 * MINUTE),
        touches=("bridge/unreadable",),
    )  # fmt: skip
    yield _fault(
        "webhooks-cut", "webhooks come from which alerts were cut",
        Trial(key=Key("BridgeTruncates"), effect_seconds=1, clears_seconds=15 * MINUTE),
        touches=("bridge/cut",),
    )  # fmt: skip
    yield _fault(
        "disk-slow", "the bridge's disk takes a second and a half for each change",
        Trial(key=Key("BridgeWebhooksSlow"), effect_seconds=2, window_seconds=5 * MINUTE, clears_seconds=5 * MINUTE),
        touches=("bridge", "alertmanager", "prometheus", "standin"),
    )  # fmt: skip
    yield _fault(
        "disk-locked", "the bridge's disk takes nothing",
        # A commit gives up after five seconds; after ten the bridge pages by itself.
        Trial(key=Key("BridgeStoreDown"), effect_seconds=10, window_seconds=MINUTE, told=Told.BRIDGE, own="store"),
        touches=("bridge", "alertmanager", "prometheus", "standin"),
    )  # fmt: skip
