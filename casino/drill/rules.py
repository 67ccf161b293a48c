"""The rule files of a ground: the alerts that are drilled there, the Watchdog, and what they are computed from. No others:
each would cost evaluations, and might inhibit what is drilled.
"""

from alerts.rule import Alert, Group, Record, Severity
from alerts.text import rules_file
from casino.drill.key import File, Key, files
from gateway.spec.model import Spec


def render(spec: Spec, keys: frozenset[Key], *, time_scale: float) -> dict[str, str]:
    """Return the text of each rule file by its name."""
    kept = {file.name: _kept(file, keys) for file in files(spec, time_scale=time_scale)}
    return {f"{name}.yaml": rules_file(groups, spec.alerts) for name, groups in kept.items() if groups}


def _kept(file: File, keys: frozenset[Key]) -> tuple[Group, ...]:
    def is_kept(rule: Alert | Record) -> bool:
        return isinstance(rule, Record) or rule.severity is Severity.NONE or file.key(rule) in keys

    if not any(isinstance(rule, Alert) and is_kept(rule) for group in file.groups for rule in group.rules):
        return ()
    groups = (
        Group(name=group.name, every_seconds=group.every_seconds, rules=tuple(filter(is_kept, group.rules)))
        for group in file.groups
    )
    return tuple(group for group in groups if group.rules)
