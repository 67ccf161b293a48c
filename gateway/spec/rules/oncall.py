"""Contradictions within PagerDuty's set-up: names that lead nowhere, zones that do not exist, odd times."""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.spec.model import Spec
from gateway.spec.nodes import Path
from gateway.spec.pagerduty import Layer, Level, PagedService, Policy, Schedule
from gateway.spec.problem import Fault
from gateway.spec.rules.report import Report


def check(spec: Spec, report: Report) -> None:
    here: Path = ("pagerduty",)
    for name, schedule in spec.pagerduty.schedules.items():
        _schedule(schedule, (*here, "schedules", name), report)
    for name, policy in spec.pagerduty.policies.items():
        for place, level in enumerate(policy.levels):
            _level(level, (*here, "policies", name, "levels", place), report)
    for name, service in spec.pagerduty.services.items():
        path = (*here, "services", name)
        known = report.tree.names((*here, "policies"))
        if service.policy not in known:
            report.unknown((*path, "policy"), "policy", service.policy, known)
    _teams(spec, report)


def _schedule(schedule: Schedule, path: Path, report: Report) -> None:
    try:
        ZoneInfo(schedule.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        _refuse((*path, "time_zone"), f"there is no time zone `{schedule.time_zone}`", report)
    for name, layer in schedule.layers.items():
        _layer(layer, (*path, "layers", name), report)


def _layer(layer: Layer, path: Path, report: Report) -> None:
    try:
        datetime.fromisoformat(layer.begins)
    except ValueError:
        _refuse((*path, "begins"), f"there is no day `{layer.begins}`", report)


def _level(level: Level, path: Path, report: Report) -> None:
    if level.after_seconds < 60 or level.after_seconds % 60:
        _refuse((*path, "after"), "PagerDuty counts whole minutes, at least one", report)
    known = report.tree.names(("pagerduty", "schedules"))
    for place, name in enumerate(level.tell):
        if "@" not in name and name not in known:
            report.unknown((*path, "tell", place), "schedule", name, known)


def _teams(spec: Spec, report: Report) -> None:
    parts: dict[str, dict[str, Schedule] | dict[str, Policy] | dict[str, PagedService]] = {
        "schedules": spec.pagerduty.schedules,
        "policies": spec.pagerduty.policies,
        "services": spec.pagerduty.services,
    }
    known = report.tree.names(("teams",))
    for key, part in parts.items():
        for name, each in part.items():
            if each.team is not None and each.team not in known:
                report.unknown(("pagerduty", key, name, "team"), "team", each.team, known)


def _refuse(path: Path, message: str, report: Report) -> None:
    if report.sound(path):
        report.refuse(path, Fault.BAD_VALUE, message, place=report.tree.value_place(path))
