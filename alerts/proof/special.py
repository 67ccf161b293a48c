"""Tests that no table fits: series that vanish, a number of series, times of a calendar, and the week before."""

from typing import Any

from alerts.proof.case import AT, SAMPLE_SECONDS
from alerts.proof.timeline import Phase, Series, state, test
from gateway.spec.model import Spec

DAY, HOUR, MINUTE = 86_400.0, 3_600.0, 60.0


def watchers(team: str) -> list[dict[str, Any]]:
    """The dead man's switch fires from the first evaluation on, whatever there is."""
    asked = (state("Watchdog", 60, {"severity": "none", "team": team}),)
    return [test("Watchdog: always", SAMPLE_SECONDS, (_gauge(f"up{{{AT}}}", (120, 1)),), asked)]


def gateway(team: str) -> list[dict[str, Any]]:
    """Vanished targets, and workers that do not agree."""
    gone = _gauge(f"up{{{AT}}}", (120, 1))
    down = (state("GatewayDown", 120, None), state("GatewayDown", 600, {"severity": "critical", "team": team}))
    config = 'gateway_config_info{worker="%s",hash="%s",' + AT + "}"
    one, other = (_gauge(config % each, (1800, 1)) for each in (("1", "x"), ("2", "y")))
    drift = (
        state("GatewayConfigDrift", 20 * MINUTE - 60, None),
        state("GatewayConfigDrift", 20 * MINUTE + 60, {"severity": "warning", "team": team}),
    )
    same = _gauge(config % ("2", "x"), (1800, 1))
    return [
        test("GatewayDown: nothing is scraped any more", SAMPLE_SECONDS, (gone,), down),
        test("GatewayConfigDrift: two specs", SAMPLE_SECONDS, (one, other), drift),
        test("GatewayConfigDrift: one spec", SAMPLE_SECONDS, (one, same), (state("GatewayConfigDrift", 1500, None),)),
    ]


def credentials(spec: Spec, team: str) -> list[dict[str, Any]]:
    """A certificate in its last days (promtool's clock begins at 0)."""
    found = []
    if any(listener.tls is not None for listener in spec.listen.public):
        found += [_certificate("GatewayCertificateEnds", "warning", team, 21 * DAY, HOUR)]
        found += [_certificate("GatewayCertificateEndsSoon", "critical", team, 3 * DAY, 5 * MINUTE), *_unknown(team)]
    return found


def _certificate(alert: str, severity: str, team: str, left: float, wait: float) -> dict[str, Any]:
    """It ends so long after a moment half an hour from the start."""
    half = HOUR / 2
    series = 'gateway_certificate_expiry_timestamp_seconds{certificate="/c.pem",worker="%s",' + AT + "}"
    asked = (
        state(alert, half + wait - 60, None),
        state(alert, half + wait + 60, {"certificate": "/c.pem", "severity": severity, "team": team}),
        state(alert, half + wait + 600, None),
    )
    phases = (_round(half + wait + 300), left + half), (600, left + 30 * DAY)
    other = _gauge(series % "2", (_round(half + wait + 300) + 600, left + 30 * DAY))
    return test(f"{alert}: just before, after, renewed", SAMPLE_SECONDS, (_gauge(series % "1", *phases), other), asked)


def _unknown(team: str) -> list[dict[str, Any]]:
    labels = {"certificate": "/c.pem", "severity": "warning", "team": team}
    reloads = 'gateway_certificate_reloads_total{certificate="/c.pem",result="refused",part="%s",' + AT + "}"
    one, other = (Series(reloads % part, (Phase(600, 0), Phase(15, 0.25 / 15), Phase(1200, 0))) for part in "12")
    unknown = {name: labels[name] for name in ("severity", "team")}
    return [
        test(
            "GatewayCertificateRefused", 15, (one, other),
            (
                state("GatewayCertificateRefused", 600, None), state("GatewayCertificateRefused", 660, labels),
                state("GatewayCertificateRefused", 1800, None),
            ),
        ),
        test(
            "GatewayCertificateUnknown", 15, (one, other),
            (state("GatewayCertificateUnknown", 540, None), state("GatewayCertificateUnknown", 660, unknown)),
        ),
    ]  # fmt: skip


def _gauge(series: str, *phases: tuple[float, float]) -> Series:
    return Series(series, tuple(Phase(seconds, value) for seconds, value in phases), counts=False)


def _round(seconds: float) -> float:
    return seconds - seconds % SAMPLE_SECONDS
