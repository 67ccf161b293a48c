"""Makes PagerDuty's stand-in what a spec says of PagerDuty: its people, its set-up, and keys that lead there."""

import os
import secrets
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
from msgspec.structs import replace

from alerts.pagerduty.provision.api import TIMEOUT_SECONDS, PdpyrasApi
from alerts.pagerduty.provision.apply import carry_out, integration_keys
from alerts.pagerduty.provision.found import read
from alerts.pagerduty.provision.plan import make_plan
from alerts.pagerduty.provision.wanted import wanted
from gateway.spec.model import Spec
from gateway.spec.secret import Secret

TOKEN_BYTES, KEY_BYTES = 16, 16
FIRST = "casino"
"""The routing key of a spec that names none."""


def set_up(spec: Spec, url: str, folder: Path) -> tuple[Spec, tuple[str, ...]]:
    """Carry out the spec's set-up at an empty stand-in; return the spec with keys and a token for it, kept in a folder.

    The routing key of a service's name leads to that service; any other one is adopted by the stand-in, and so are all
    where the set-up is refused: why, is returned, too. Raises ApiError or httpx.HTTPError when
    the stand-in does not take it.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    api = PdpyrasApi(token, url)
    _join([*dict.fromkeys(_people(spec))], token, url)
    shapes = wanted(spec)
    account = read(api, shapes, spec.pagerduty.owner)
    plan = make_plan(spec, shapes, account, (), adopt=False, delete=False)
    keys: dict[str, str] = {}
    if not plan.refused:
        deque(carry_out(plan, shapes, account, api, datetime.now(UTC)), maxlen=0)
        keys = integration_keys(shapes, read(api, shapes, spec.pagerduty.owner), api)
    return _leading_to(spec, keys, token, folder), plan.refused


def _join(mails: list[str], token: str, url: str) -> None:
    """Make a user of everybody. PagerDuty wants each made in the name of one that is there, but for the first."""
    headers = {"Authorization": f"Token token={token}", "From": next(iter(mails), "")}
    with httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS) as client:
        for mail in mails:
            user = {"type": "user", "name": mail.partition("@")[0].replace(".", " ").title(), "email": mail}
            client.post("/users", json={"user": user}).raise_for_status()


def _leading_to(spec: Spec, keys: dict[str, str], token: str, folder: Path) -> Spec:
    names = dict.fromkeys([*spec.pagerduty.keys, *(team.pages for team in spec.teams.values() if team.pages)])
    folder.mkdir(mode=0o700)
    leading = {name: _kept(folder / name, _key(spec, name, keys)) for name in names or (FIRST,)}
    return replace(spec, pagerduty=replace(spec.pagerduty, keys=leading, api_token=_kept(folder / "api-token", token)))


def _key(spec: Spec, name: str, keys: dict[str, str]) -> str:
    service = spec.pagerduty.services.get(name)
    ways = service.integrations if service else ()
    return next((keys[way] for each in ways if (way := f"{name}.{each}") in keys), secrets.token_hex(KEY_BYTES))


def _kept(path: Path, secret: str) -> Secret:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{secret}\n")
    return Secret(file=str(path))


def _people(spec: Spec) -> Iterator[str]:
    for schedule in spec.pagerduty.schedules.values():
        for layer in schedule.layers.values():
            yield from layer.users
    for policy in spec.pagerduty.policies.values():
        for level in policy.levels:
            yield from (told for told in level.tell if "@" in told)
