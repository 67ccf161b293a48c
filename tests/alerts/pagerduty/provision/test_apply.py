"""What changes at PagerDuty between a plan and its execution."""

from datetime import UTC, datetime

import pytest

from alerts.pagerduty.provision.api import PdpyrasApi
from alerts.pagerduty.provision.apply import StaysError, carry_out, integration_keys
from alerts.pagerduty.provision.found import open_incidents, read
from alerts.pagerduty.provision.plan import make_plan
from alerts.pagerduty.provision.wanted import wanted
from gateway.spec.load import load
from tests.alerts.pagerduty.running import TOKEN


def test_an_incident_that_opens_after_the_plan_keeps_its_service(provisioner):
    provisioner.run("apply")
    api = PdpyrasApi(TOKEN, provisioner.standin.url)
    spec = load(provisioner.spec).spec
    account = read(api, wanted(spec), "casino")
    keys = integration_keys(wanted(spec), account, api)
    provisioner.spec.write_text(provisioner.spec.read_text().partition("  schedules:")[0])
    nothing = load(provisioner.spec).spec
    plan = make_plan(nothing, wanted(nothing), account, open_incidents(api), adopt=False, delete=True)
    assert [change.name for change in plan.changes][:2] == ["games", "tables"]
    provisioner.standin.send(routing_key=keys["games.casino"])
    with pytest.raises(StaysError, match="service games stays: an open incident leans on it"):
        list(carry_out(plan, {}, account, api, datetime.now(UTC)))
    assert not [call for call in provisioner.writes() if call.startswith("DELETE")]
