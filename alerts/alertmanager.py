"""Alertmanager's configuration: who is told over which way, what waits, what is left out because something says it better.

An inhibited alert's end is not told either (notes: Alertmanager mutes before it notifies), so only tickets are inhibited:
the bridge closes those by comparing, and a page always ends by itself.
"""

from collections.abc import Iterator
from typing import Any

from alerts.addresses import WEBHOOK
from alerts.doors import Door, doors
from alerts.promise import owner
from alerts.text import document
from exporters.duration import duration
from gateway.spec.alerting import Mute
from gateway.spec.model import Spec

PATH = "alertmanager/alertmanager.yml"
PAGE_WAIT_SECONDS, TICKET_WAIT_SECONDS = 3.0, 60.0
"""How long a group waits for more of its kind before it is told."""
INTERVAL_SECONDS = 30.0

_TICKET = 'severity="warning"'
_CAUSES = {
    "GatewayUpstreamDown": (
        "GatewayTargetDown|GatewayTargetEjected|GatewayBreakerOpen|GatewayUpstream(Saturated|Failures|ConnectFailures)|GatewayRetryStorm",
        "upstream",
    ),
    "GatewayCrashLoop": ("GatewayProcessDeaths|GatewayProcessSilent", "instance", "process"),
    "GatewayCertificateEndsSoon": ("GatewayCertificateEnds", "certificate"),
    "BridgeDown": ("BridgeInstanceDown|BridgePeerSilent",),
    "BridgeStoreDown": ("BridgeWebhooks(Refused|Slow)", "instance"),
    "BridgeQueueAge": ("BridgeCallsFail", "instance", "key"),
    "GatewayDown": ("GatewayInstanceDown|GatewayCertificateUnknown|GatewayTrafficDrop",),
}
"""By cause: its symptoms, and the labels in which they must agree."""

_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def render(spec: Spec, *, time_scale: float = 1.0) -> dict[str, str]:
    """Return the file by its path below the build's folder. `time_scale` shortens every wait alike, for a drill."""
    return {PATH: document(configuration(spec, time_scale))}


def configuration(spec: Spec, time_scale: float = 1.0) -> dict[str, Any]:
    """Return the whole configuration."""
    config = {
        "route": _route(spec, time_scale),
        "inhibit_rules": list(_inhibitions(spec)),
        "receivers": _receivers(spec),
    }
    times = [{"name": name, "time_intervals": [_interval(mute)]} for name, mute in spec.alerts.mute.items()]
    return config | ({"time_intervals": times} if times else {})


def _route(spec: Spec, scale: float) -> dict[str, Any]:
    teams = dict.fromkeys([*spec.teams, owner(spec)])
    return {
        "receiver": "bridge",
        # What joins a group that was told of waits for group_interval: of two tiers the slow page may come first.
        "group_by": ["alertname", "team", "severity", "tier", "route", "upstream"],
        "group_wait": duration(PAGE_WAIT_SECONDS * scale),
        "group_interval": duration(INTERVAL_SECONDS * scale),
        "repeat_interval": duration(14_400 * scale),
        "routes": [
            {
                "receiver": "heartbeat",
                "matchers": ['severity="none"'],
                "group_wait": "0s",
                "group_interval": duration(INTERVAL_SECONDS * scale),
                # Alertmanager rounds it up to a multiple of group_interval.
                "repeat_interval": duration(INTERVAL_SECONDS * scale),
            },
            {"receiver": "nobody", "matchers": ['severity="info"']},
            *(
                {"receiver": "bridge", "matchers": [f'team="{team}"'], "routes": [*_by_severity(spec, team, scale)]}
                for team in teams
            ),
        ],
    }


def _by_severity(spec: Spec, team: str, scale: float) -> Iterator[dict[str, Any]]:
    for severity, wait in (("critical", PAGE_WAIT_SECONDS), ("warning", TICKET_WAIT_SECONDS)):
        muted = [
            name
            for name, mute in spec.alerts.mute.items()
            if severity in mute.severities and (not mute.teams or team in mute.teams)
        ]
        route = {"receiver": "bridge", "matchers": [f'severity="{severity}"'], "group_wait": duration(wait * scale)}
        yield route | ({"mute_time_intervals": muted} if muted else {})


def _inhibitions(spec: Spec) -> Iterator[dict[str, Any]]:
    # `equal` takes alerts that all lack a label for equal: matchers keep to those that have it.
    yield {
        "source_matchers": ['severity="critical"', 'tier=~"page-.*"'],
        "target_matchers": [_TICKET, 'tier=~"ticket-.*"'],
        "equal": ["alertname", "route", "objective"],
    }
    for cause, (symptoms, *equal) in _CAUSES.items():
        yield {
            "source_matchers": [f'alertname="{cause}"'],
            "target_matchers": [_TICKET, f'alertname=~"{symptoms}"'],
            "equal": equal,
        }
    for upstream in spec.upstreams:
        routes = "|".join(name for name, route in spec.routes.items() if route.to == upstream)
        if routes:
            yield {
                "source_matchers": ['alertname="GatewayUpstreamDown"', f'upstream="{upstream}"'],
                "target_matchers": [_TICKET, 'tier=~"ticket-.*"', f'route=~"{routes}"'],
                "equal": [],
            }


def _receivers(spec: Spec) -> list[dict[str, Any]]:
    hooks = [_hook(door) for door in doors(spec)]
    return [
        {"name": "bridge", "webhook_configs": [hook | {"send_resolved": True} for hook in hooks]},
        {"name": "heartbeat", "webhook_configs": [hook | {"send_resolved": False} for hook in hooks]},
        {"name": "nobody"},
    ]


def _hook(door: Door) -> dict[str, Any]:
    # max_alerts 0: a list that is cut says `resolved` of alerts that still fire (notes, E5).
    shown = door.authorization | door.tls
    return {"url": f"{door.url}{WEBHOOK}", "max_alerts": 0} | ({"http_config": shown} if shown else {})


def _interval(mute: Mute) -> dict[str, Any]:
    spans = [span for each in mute.times for span in _within_a_day(*each.split("-"))]
    times = [{"start_time": start, "end_time": end} for start, end in spans]
    interval = {"times": times, "weekdays": [day for days in mute.days for day in _each(days)]}
    return {key: value for key, value in interval.items() if value} | {"location": mute.location}


def _within_a_day(start: str, end: str) -> list[tuple[str, str]]:
    """Alertmanager knows no span over midnight."""
    return [(start, end)] if start < end else [(start, "24:00"), ("00:00", end)]


def _each(days: str) -> list[str]:
    """Alertmanager's week begins on Sunday, so it refuses `saturday:sunday`: name each day."""
    first, _, last = days.partition(":")
    start, end = _WEEK.index(first), _WEEK.index(last or first)
    return [_WEEK[day % 7] for day in range(start, end + 1 + (7 if end < start else 0))]
