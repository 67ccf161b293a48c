"""Carries out a plan, one change after the other. What was done stays done when a later change fails: apply again."""

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from alerts.pagerduty.provision.api import Api, Document
from alerts.pagerduty.provision.bodies import body, integration
from alerts.pagerduty.provision.found import Account, in_use, open_incidents, staying
from alerts.pagerduty.provision.plan import Change, Plan, Verb, missing_integrations
from alerts.pagerduty.provision.shape import Kind, Service, Shape, Shapes


class StaysError(Exception):
    """Something was to be deleted that an incident has come to lean on."""


def carry_out(plan: Plan, wanted: Shapes, account: Account, api: Api, now: datetime) -> Iterator[Change]:
    """Carry out a plan; yields each change once it is done.

    Raises ApiError or StaysError, with the rest undone.
    """
    assert not plan.refused
    for change in plan.changes:
        if change.verb is Verb.DELETE:
            _delete(change, account, api)
        else:
            account = _put(change, wanted[change.kind, change.name], account, api, now)
        yield change


def integration_keys(wanted: Shapes, account: Account, api: Api) -> dict[str, str]:
    """Return the keys that events are sent with, by `SERVICE.INTEGRATION`. They are secrets."""
    keys = {}
    for (kind, name), shape in wanted.items():
        if kind is Kind.SERVICE and isinstance(shape, Service):
            document = account.documents[kind, name]
            for each in document["integrations"]:
                if each.get("summary") in shape.integrations:
                    path = f"/services/{document['id']}/integrations/{each['id']}"
                    keys[f"{name}.{each['summary']}"] = api.read(path, "integration")["integration_key"]
    return keys


def _put(change: Change, shape: Shape, account: Account, api: Api, now: datetime) -> Account:
    kind, key = change.kind, (change.kind, change.name)
    there = account.documents.get(key)
    document = body(change.name, shape, account, now)
    if there is None:
        made = api.make(f"/{kind.many}", kind.value, document)
    else:
        made = api.change(f"/{kind.many}/{there['id']}", kind.value, document)
    if isinstance(shape, Service):
        for name in missing_integrations(shape, account.shape(key) if there else None):
            api.make(f"/services/{made['id']}/integrations", "integration", integration(name))
    return _with(account, change, made)


def _with(account: Account, change: Change, made: Document) -> Account:
    return replace(
        account,
        documents={**account.documents, (change.kind, change.name): made},
        names={**account.names, made["id"]: change.name},
    )


def _delete(change: Change, account: Account, api: Api) -> None:
    """Delete an object; incidents are asked for once more, as one may have opened since the plan was made."""
    leaning = in_use((change.kind, change.name), account, open_incidents(api))
    if leaning:
        raise StaysError(staying((change.kind, change.name), leaning))
    api.delete(f"/{change.kind.many}/{account.id_of(change.kind, change.name)}")
