"""Where Prometheus, Alertmanager and the bridge find each other: each address is read from the one place that has it."""

from urllib.parse import urlsplit

from gateway.spec.address import PORTS, parse_address
from gateway.spec.model import Spec

WEBHOOK = "/alertmanager"
"""The bridge's path for Alertmanager."""


def bridge(spec: Spec) -> str:
    """Return where others reach the bridge. The rules see to it that `url` stands where `listen` says too little."""
    if spec.bridge.url is not None:
        return spec.bridge.url
    where = parse_address(spec.bridge.listen)
    host = f"[{where.host}]" if ":" in where.host else where.host
    return f"{'https' if spec.bridge.tls else 'http'}://{host}:{where.port}"


def authority(url: str) -> str:
    """Return host and port of a URL, as Prometheus names a target."""
    where = urlsplit(url)
    return where.netloc if where.port else f"{where.netloc}:{PORTS[where.scheme]}"
