"""Names each alert of a spec apart from all others: by its name, and by the labels that tell alerts of one name apart."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from alerts.promise import promises
from alerts.render import bundle
from alerts.rule import Alert, Group
from gateway.spec.model import Spec


class Key(Struct, frozen=True, order=True):
    """One alert of the bundle."""

    name: str
    where: tuple[tuple[str, str], ...] = ()
    """Labels, in the order in which people name them."""

    def __str__(self) -> str:
        return " ".join((self.name, *(value for _, value in self.where)))

    def is_of(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert that fires with these labels is this one."""
        return labels.get("alertname") == self.name and all(labels.get(name) == value for name, value in self.where)


class Listed(Struct, frozen=True):
    """An alert with its key."""

    key: Key
    alert: Alert


class File(Struct, frozen=True):
    """One file of rules."""

    name: str
    groups: tuple[Group, ...]
    where: tuple[tuple[str, str], ...]
    """Labels that all its alerts have."""

    def key(self, alert: Alert) -> Key:
        return Key(alert.name, self.where + tuple(alert.labels.items()))


def files(spec: Spec, *, time_scale: float = 1.0) -> Iterator[File]:
    """Yield the bundle's files."""
    subjects: dict[str, tuple[tuple[str, str], ...]] = {
        f"objective-{each.route}-{each.kind}": (("route", each.route), ("objective", each.kind))
        for each in promises(spec)
    }
    subjects |= {f"upstream-{name}": (("upstream", name),) for name in spec.upstreams}
    return (File(name, groups, subjects.get(name, ())) for name, groups in bundle(spec, time_scale=time_scale).items())


def listed(spec: Spec) -> tuple[Listed, ...]:
    """Return every alert of the bundle, in its order."""
    return tuple(
        Listed(file.key(rule), rule)
        for file in files(spec)
        for group in file.groups
        for rule in group.rules
        if isinstance(rule, Alert)
    )
