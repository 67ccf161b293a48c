"""The bundle of a spec: every file that Prometheus reads, by its path."""

from alerts.objectives import groups
from alerts.promise import promises
from alerts.rule import Group
from alerts.text import rules_file
from gateway.spec.model import Spec


def bundle(spec: Spec, *, time_scale: float = 1.0) -> dict[str, tuple[Group, ...]]:
    """Return all groups by the name of their file, without its ending."""
    files: dict[str, tuple[Group, ...]] = {}
    for promise in promises(spec):
        name = f"route-{promise.route}"
        files[name] = (*files.get(name, ()), *groups(promise, time_scale=time_scale))
    return files


def render(spec: Spec, *, time_scale: float = 1.0) -> dict[str, str]:
    """Return the text of every file by its path below the build's folder."""
    files = bundle(spec, time_scale=time_scale)
    return {f"prometheus/rules/{name}.yaml": rules_file(each, spec.alerts) for name, each in files.items()}
