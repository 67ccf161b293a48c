"""The bundle of a spec: every file that Prometheus reads, by its path."""

from alerts import bridge, credentials, gateway, objectives, store, upstreams, watchers
from alerts.promise import owner, promises, team_of
from alerts.rule import Alert, Group
from alerts.text import rules_file
from gateway.spec.model import Spec

EVERY_SECONDS = 15.0

Bundle = dict[str, tuple[Group, ...]]
"""Groups by the name of their file, without its ending."""


def bundle(spec: Spec, *, time_scale: float = 1.0) -> Bundle:
    """Return every rule of a spec. `time_scale` shortens every duration alike."""
    files: Bundle = {}
    for promise in promises(spec):
        files[f"objective-{promise.route}-{promise.kind}"] = objectives.groups(promise, time_scale=time_scale)
    team = owner(spec)
    sets = {f"upstream-{name}": upstreams.alerts(name, team_of(name, spec), time_scale) for name in spec.upstreams}
    sets["gateway"] = tuple(
        alert for part in (gateway, store, credentials) for alert in part.alerts(spec, team, time_scale)
    )
    sets["gateway-week"] = gateway.week(team, time_scale)
    sets["watchers"] = watchers.alerts(team, time_scale)
    sets["bridge"] = bridge.alerts(spec, team, time_scale)
    groups = {
        name: (Group(name=name, every_seconds=EVERY_SECONDS * time_scale, rules=each),) for name, each in sets.items()
    }
    return files | groups


def every_alert(spec: Spec) -> tuple[Alert, ...]:
    """Return the alerts of a spec, in the order of their files."""
    groups = (group for each in bundle(spec).values() for group in each)
    return tuple(rule for group in groups for rule in group.rules if isinstance(rule, Alert))


def render(spec: Spec, *, time_scale: float = 1.0) -> dict[str, str]:
    """Return the text of every file by its path below the build's folder."""
    files = bundle(spec, time_scale=time_scale)
    return {f"prometheus/rules/{name}.yaml": rules_file(each, spec.alerts) for name, each in files.items()}
