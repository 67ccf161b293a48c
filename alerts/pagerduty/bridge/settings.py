"""What one bridge is told: the spec's word, and what the command line says instead."""

from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from alerts.pagerduty.bridge.ledger import Directory
from alerts.pagerduty.core.links import Targets
from alerts.pagerduty.core.standing import Caution
from gateway.spec.address import host_port, parse_address
from gateway.spec.bridge import Bridge, HttpUrl
from gateway.spec.model import Spec
from gateway.spec.secret import Secret

EVENTS_URL = "https://events.pagerduty.com"
REST_URL = "https://api.pagerduty.com"
DAY_SECONDS = 86_400.0


class UnusableError(Exception):
    """With this spec no bridge can run."""


class Flags(Struct, frozen=True, kw_only=True):
    """What the command line may say instead of the spec."""

    listen: str | None = None
    state: Path | None = None
    events_url: str | None = None
    alertmanager_url: str | None = None


class Settings(Struct, frozen=True, kw_only=True):
    """One bridge."""

    bridge: Bridge
    state: Path
    alertmanagers: tuple[str, ...]
    """Who is asked whether an alert still fires."""
    events_url: str
    rest_url: str
    keys: dict[str, Secret]
    directory: Directory
    per_minute: int
    api_token: Secret | None
    targets: Targets
    control: str | None
    """Where the gateway's control port answers on this machine."""

    @property
    def caution(self) -> Caution:
        return Caution(warm_up_seconds=self.bridge.warm_up_seconds, expects_watchdog=self.bridge.watchdog_seconds > 0)

    @property
    def retention_seconds(self) -> float:
        return self.bridge.retention_days * DAY_SECONDS


def settings_of(spec: Spec, flags: Flags) -> Settings:
    """Put both together.

    Raises:
        UnusableError: no routing key is named, or a flag says what no spec may say.
    """
    keys = dict(spec.pagerduty.keys)
    if not keys:
        raise UnusableError("`pagerduty.keys` names no routing key: nobody could be told of anything")
    bridge = spec.bridge
    if flags.listen is not None:
        bridge = replace(bridge, listen=_listen(flags.listen, bridge))
    for flag, url in (("--events-url", flags.events_url), ("--alertmanager-url", flags.alertmanager_url)):
        _check_url(flag, url)
    pages = {name: team.pages for name, team in spec.teams.items() if team.pages in keys}
    return Settings(
        bridge=bridge,
        state=flags.state or Path(bridge.state),
        alertmanagers=(flags.alertmanager_url.rstrip("/"),) if flags.alertmanager_url else spec.alerts.alertmanagers,
        events_url=(flags.events_url or EVENTS_URL).rstrip("/"),
        rest_url=(flags.events_url or REST_URL).rstrip("/"),  # a stand-in has both doors
        keys=keys,
        directory=Directory(
            {team: key for team, key in pages.items() if key}, spec.pagerduty.default or next(iter(keys))
        ),
        per_minute=spec.pagerduty.per_minute,
        api_token=spec.pagerduty.api_token,
        targets=Targets(logs=spec.alerts.logs, alertmanager=spec.alerts.alertmanager),
        control=_control(spec),
    )


def _listen(text: str, bridge: Bridge) -> str:
    """Hold a flag to what the spec's rules say of `bridge.listen`."""
    try:
        address = parse_address(text)
    except ValueError as fault:
        raise UnusableError(f"--listen {text}: an address is written like 127.0.0.1:9082, {fault}") from None
    if not (bridge.is_guarded or address.is_loopback):
        raise UnusableError(
            f"--listen {text}: whoever reaches this address could page people, or keep a page from them; give"
            " `bridge.tokens` or `bridge.tls.clients`, or listen on 127.0.0.1"
        )
    return text


def _check_url(flag: str, url: str | None) -> None:
    try:
        _ = urlsplit(msgspec.convert((url or "http://none").rstrip("/"), HttpUrl)).port
    except ValueError:  # no URL, or one whose port does not exist
        raise UnusableError(f"{flag} {url}: a URL is written like http://127.0.0.1:9093") from None


def _control(spec: Spec) -> str | None:
    address = parse_address(spec.listen.control)
    if address.family == "unix" or not address.is_loopback:
        return None
    return f"http://{host_port(address.host, address.port)}"
