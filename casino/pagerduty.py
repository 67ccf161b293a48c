"""`casino pagerduty`: makes PagerDuty what the spec says, tells where it is not, and serves a stand-in for it.

Exit codes: 0 fine, 1 a finding (refused, something stays, something differs, PagerDuty would not), 2 unusable input.
No secret is printed; keys of integrations go into files that only their owner may read.
"""

import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from alerts.pagerduty.provision.api import Api, ApiError, PdpyrasApi
from alerts.pagerduty.provision.apply import StaysError, carry_out, integration_keys
from alerts.pagerduty.provision.found import Account, open_incidents, read
from alerts.pagerduty.provision.plan import Change, Plan, make_plan
from alerts.pagerduty.provision.shape import Shapes
from alerts.pagerduty.provision.text import as_data, readable, told
from alerts.pagerduty.provision.wanted import wanted
from casino.exits import FINDING, FINE, UNUSABLE, refuse
from gateway.spec.load import load
from gateway.spec.model import Spec
from gateway.spec.problem import SpecErrors
from gateway.store.secrets import SecretError, Secrets


class Wish(Struct, frozen=True, kw_only=True):
    """What was asked for on the command line."""

    action: str
    path: Path
    stage: str | None
    url: str
    as_json: bool = False
    adopt: bool = False
    """Take over objects of the same name that others made."""
    delete: bool = False
    """Delete what the spec made once and no longer has."""
    keys: Path | None = None
    """A folder for the keys of integrations."""


def provision(wish: Wish) -> int:
    """Carry out one action (plan, apply, drift) and return the exit code."""
    try:
        spec = load(wish.path, wish.stage).spec
        api = _api(spec, wish.url)
    except SpecErrors as refused:
        return refuse(refused.problems)
    except (SecretError, ApiError) as fault:
        print(f"casino pagerduty: {fault}", file=sys.stderr)
        return UNUSABLE
    try:
        return _act(wish, spec, api)
    except OSError as fault:
        return refuse([f"casino pagerduty: the keys cannot be written: {fault.filename}: {fault.strerror}"])
    except (ApiError, StaysError) as fault:
        print(f"casino pagerduty: {fault}", file=sys.stderr)
        return FINDING


def _api(spec: Spec, url: str) -> PdpyrasApi:
    if spec.pagerduty.api_token is None:
        raise SecretError("the spec names no `pagerduty.api_token`")
    return PdpyrasApi(Secrets().get(spec.pagerduty.api_token), url)


def _act(wish: Wish, spec: Spec, api: Api) -> int:
    shapes = wanted(spec)
    account = read(api, shapes, spec.pagerduty.owner)
    is_drift = wish.action == "drift"
    plan = make_plan(
        spec, shapes, account, open_incidents(api), adopt=wish.adopt or is_drift, delete=wish.delete or is_drift
    )
    if wish.action == "apply" and not plan.refused:
        code = _apply(wish, plan, shapes, account, api)
        if wish.keys is not None:
            _write_keys(wish.keys, integration_keys(shapes, read(api, shapes, spec.pagerduty.owner), api))
        return code
    print(as_data(plan) if wish.as_json else "\n".join(readable(plan)))
    if is_drift:
        return FINDING if plan.changes or plan.kept or plan.refused else FINE
    return FINDING if plan.refused else FINE


def _apply(wish: Wish, plan: Plan, shapes: Shapes, account: Account, api: Api) -> int:
    done = carry_out(plan, shapes, account, api, datetime.now(UTC))
    if wish.as_json:
        print(json.dumps({"done": msgspec.to_builtins([*done]), "kept": plan.kept}, indent=2))
    else:
        _tell(done)
        print(*readable(Plan(changes=(), refused=(), kept=plan.kept)), sep="\n")
    return FINDING if plan.kept else FINE


def _tell(done: Iterator[Change]) -> None:
    for change in done:
        print(*told(change), sep="\n", flush=True)


def _write_keys(folder: Path, keys: dict[str, str]) -> None:
    """Write one file for each key, for `{file: ...}` in a spec."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, key in sorted(keys.items()):
        path = folder / name
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(f"{key}\n")
        print(f"key of {name}: {path}", file=sys.stderr)
