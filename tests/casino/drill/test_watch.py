"""What a drill sees of incidents, at the stand-in itself."""

import asyncio

import httpx
import pytest

from casino.drill.key import Key
from casino.drill.watch import Lookout
from tests.alerts.pagerduty.running import running

DOWN = "casino/1/BridgeDown/0123456789abcdef"


@pytest.fixture(scope="module")
def standin():
    with running("--adopt") as process:
        yield process


@pytest.fixture
def is_open(standin):
    """Look, and say whether an alert's last incident is open."""

    def looked(key: Key) -> bool:
        async def look() -> bool:
            async with httpx.AsyncClient() as client:
                lookout = Lookout(client, prometheus="127.0.0.1:1", standin=standin.url.removeprefix("http://"))
                await lookout.look()
                return lookout.is_open(key)

        return asyncio.run(look())

    standin.clear()
    return looked


def test_an_alert_of_whose_end_nobody_was_told_is_an_open_incident(standin, is_open):
    assert not is_open(Key("BridgeDown"))
    standin.send(dedup_key=DOWN)
    assert is_open(Key("BridgeDown"))
    assert not is_open(Key("BridgeStoreDown"))
    standin.send(dedup_key=DOWN, event_action="resolve")
    assert not is_open(Key("BridgeDown"))


def test_an_incident_does_not_say_which_of_several_alerts_of_a_name_it_is(standin, is_open):
    standin.send(dedup_key=DOWN)
    assert not is_open(Key("BridgeDown", (("key", "games"),)))
