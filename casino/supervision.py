"""What watches the local stack: Prometheus, Alertmanager, the bridge, and PagerDuty's stand-in where no routing key is set.

All of it listens on this machine alone, at the spec's ports where they are free, and keeps what it knows in the stack's
folder. This file decides where each listens and what it is told; it starts nothing.
"""

import shutil
import socket
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from casino.build import generated
from casino.claims import Claims
from casino.layout import bind, unclaimed
from casino.own import own
from casino.stack import PYTHON, Part
from gateway.spec.bridge import Callers
from gateway.spec.dump import dump
from gateway.spec.model import Spec
from gateway.store.secrets import SecretError, Secrets

HOST = "127.0.0.1"
STANDIN_PORT = 9084
BRIDGE_SPEC = "bridge.yaml"


class Program(Struct, frozen=True):
    """A server that Casino does not bring along."""

    names: tuple[str, ...]
    """What it may be called; Debian renames some."""
    package: str
    """Debian's package that has it."""


PROMETHEUS = Program(("prometheus",), "prometheus")
ALERTMANAGER = Program(("prometheus-alertmanager", "alertmanager"), "prometheus-alertmanager")


class MissingError(Exception):
    """A program is not installed; the text names Debian's packages."""


class Supervision(Struct, frozen=True, kw_only=True):
    """Where everything that watches is."""

    spec: Spec
    """The spec with the addresses that are really used."""
    standin: socket.socket | None
    """The socket of PagerDuty's stand-in; None: alerts go to PagerDuty."""
    standin_url: str | None
    files: dict[str, str]
    """What Prometheus and Alertmanager read, by path."""
    prometheus: str
    """The program."""
    alertmanager: str
    """The program."""


def supervise(spec: Spec, claims: Claims, *, free_ports: bool) -> Supervision:
    """Find programs, and ports for all that watches a gateway which listens where `spec` says.

    Raises:
        MissingError: Prometheus or Alertmanager is not installed.
        OwnAlertsError: the spec's own alerts cannot be used.
    """
    prometheus, alertmanager = _programs(PROMETHEUS, ALERTMANAGER)
    url = _local(spec.alerts.alertmanagers[0], claims, free_ports=free_ports)
    alerts = replace(
        spec.alerts,
        prometheus=_local(spec.alerts.prometheus, claims, free_ports=free_ports),
        alertmanagers=(url,),
        alertmanager=url,
    )
    # Its door is on this machine alone, and nobody else's pager hears of it.
    bridge = replace(
        spec.bridge,
        listen=urlsplit(_local(f"http://{spec.bridge.listen}", claims, free_ports=free_ports)).netloc,
        url=None, tls=None, callers=Callers(), tokens={}, peer=None, ping=None,
    )  # fmt: skip
    placed = replace(spec, alerts=alerts, bridge=bridge)
    listener = None if _has_key(spec) else bind(HOST, 0 if free_ports else STANDIN_PORT)
    return Supervision(
        spec=placed,
        files=generated(placed, own(placed)),
        standin=listener,
        standin_url=None if listener is None else f"http://{HOST}:{listener.getsockname()[1]}",
        prometheus=prometheus,
        alertmanager=alertmanager,
    )


def standin(supervision: Supervision) -> list[Part]:
    """Return PagerDuty's stand-in, if alerts go there."""
    url = supervision.standin_url
    if url is None:
        return []
    words = (*PYTHON, "casino", "pagerduty", "standin", "--adopt", "--fd")
    return [
        Part(
            name="stand-in",
            words=words,
            listener=supervision.standin,
            look=(("incidents", url),),
            ready=f"{url}/standin/state",
        )
    ]


def write(supervision: Supervision, folder: Path) -> None:
    """Write what Prometheus and Alertmanager read."""
    for name, text in supervision.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def prometheus(supervision: Supervision, folder: Path) -> Part:
    """Return Prometheus, once its files are written."""
    url = supervision.spec.alerts.prometheus
    return Part(
        name="prometheus",
        words=(
            supervision.prometheus,
            f"--config.file={folder / 'prometheus' / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'prometheus' / 'data'}",
            f"--web.listen-address={urlsplit(url).netloc}",
            f"--web.external-url={url}",
        ),
        look=(("prometheus", url),),  # Debian has its pages elsewhere than others; `/` leads to each
        ready=f"{url}/-/ready",
    )


def alertmanager(supervision: Supervision, folder: Path) -> Part:
    """Return Alertmanager, once its file is written."""
    [url] = supervision.spec.alerts.alertmanagers
    return Part(
        name="alertmanager",
        words=(
            supervision.alertmanager,
            f"--config.file={folder / 'alertmanager' / 'alertmanager.yml'}",
            f"--storage.path={folder / 'alertmanager' / 'data'}",
            f"--web.listen-address={urlsplit(url).netloc}",
            f"--web.external-url={url}",
            "--cluster.listen-address=",
        ),
        look=(("alertmanager", url),),
        ready=f"{url}/-/ready",
    )


def bridge(supervision: Supervision, spec: Spec, folder: Path) -> Part:
    """Write the bridge's spec, in which its keys are, and return the bridge."""
    file = folder / BRIDGE_SPEC
    file.write_text(dump(spec))
    url = f"http://{spec.bridge.listen}"
    where = ("--events-url", supervision.standin_url) if supervision.standin_url else ()
    return Part(
        name="bridge",
        words=(*PYTHON, "casino", "bridge", "serve", str(file), "--state", str(folder / "bridge"), *where),
        look=(("bridge", f"{url}/metrics"),),
        ready=f"{url}/ready",
    )


def _programs(*wanted: Program) -> list[str]:
    found = [next(filter(None, map(shutil.which, each.names)), None) for each in wanted]
    missing = [each.package for each, path in zip(wanted, found, strict=True) if path is None]
    if missing:
        raise MissingError(", ".join(missing))
    return [path for path in found if path]


def _local(url: str, claims: Claims, *, free_ports: bool) -> str:
    wanted = 0 if free_ports else urlsplit(url).port or 0
    return f"http://{HOST}:{unclaimed(HOST, wanted, claims)}"


def _has_key(spec: Spec) -> bool:
    """Whether somebody's routing key is at hand."""
    secrets = Secrets()
    for secret in spec.pagerduty.keys.values():
        try:
            secrets.get(secret)
        except SecretError:
            continue
        return True
    return False
