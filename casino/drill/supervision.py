"""Faults of the supervision itself: on a ground with Prometheus, two Alertmanagers and the bridge, and no gateway."""

from collections.abc import Iterator

from casino.drill.fault import Fault, Ground, Told, Trial
from casino.drill.key import Key

MINUTE = 60.0


def faults() -> Iterator[Fault]:
    """Yield what can be broken between a rule and a pager."""

    def fault(name: str, what: str, *trials: Trial, touches: tuple[str, ...]) -> Fault:
        return Fault(name=name, what=what, ground=Ground.WATCHERS, touches=touches, trials=trials)

    yield fault(
        "prometheus-dead", "Prometheus is killed",
        Trial(key=Key("Watchdog"), window_seconds=5 * MINUTE, effect_seconds=2, told=Told.BRIDGE),
        touches=("prometheus", "alertmanager", "bridge"),
    )  # fmt: skip
    yield fault(
        "alertmanagers-dead", "both Alertmanagers are killed",
        Trial(key=Key("AlertmanagerDown"), told=Told.BRIDGE),
        Trial(key=Key("PrometheusAlertsDropped"), window_seconds=MINUTE, clears_seconds=5 * MINUTE, told=Told.AFTERWARDS),
        touches=("prometheus", "alertmanager", "bridge"),
    )  # fmt: skip
    yield fault(
        "alertmanager-dead", "one of two Alertmanagers is killed",
        Trial(key=Key("PrometheusAlertsUndelivered"), window_seconds=MINUTE, clears_seconds=5 * MINUTE),
        touches=("alertmanager",),
    )  # fmt: skip
    yield fault(
        "no-alertmanager", "Prometheus' configuration names no Alertmanager",
        Trial(key=Key("PrometheusWithoutAlertmanager"), window_seconds=5 * MINUTE, told=Told.BRIDGE),
        touches=("prometheus", "alertmanager", "bridge"),
    )  # fmt: skip
    yield fault(
        "alertmanager-misread", "one Alertmanager gets a configuration with a mistake",
        Trial(key=Key("AlertmanagerBadConfig"), window_seconds=5 * MINUTE),
        touches=("alertmanager",),
    )  # fmt: skip
    yield fault(
        "bridge-dead", "the bridge is killed",
        Trial(key=Key("AlertmanagerUndelivered"), effect_seconds=10, clears_seconds=15 * MINUTE, told=Told.AFTERWARDS),
        touches=("prometheus", "alertmanager", "bridge"),
    )  # fmt: skip
    yield fault(
        "prometheus-misread", "Prometheus gets a configuration with a mistake",
        Trial(key=Key("PrometheusBadConfig"), window_seconds=5 * MINUTE),
        touches=("prometheus",),
    )  # fmt: skip
    yield fault(
        "rules-at-odds", "a rule that cannot be evaluated, one too slow for its interval, and a target with too many series",
        Trial(key=Key("PrometheusRuleFailures"), effect_seconds=1, clears_seconds=5 * MINUTE),
        Trial(key=Key("PrometheusRulesMissed"), effect_seconds=2, clears_seconds=5 * MINUTE),
        Trial(key=Key("PrometheusSampleLimit"), effect_seconds=1, clears_seconds=5 * MINUTE),
        touches=("prometheus",),
    )  # fmt: skip
