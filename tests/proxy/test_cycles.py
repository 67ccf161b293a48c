"""What an exchange took is given back when its books are closed, and not by the collector, which comes by once in 20,000."""

import gc

import pytest

from gateway.proxy.call import Call
from gateway.proxy.exchange import Exchange
from gateway.proxy.tunnel import Tunnel
from tests.proxy.laboratory import Laboratory
from tests.proxy.wire import GET, OK

POST = b"POST /any HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
UPGRADE = b"GET /socket/a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory):
    laboratory = Laboratory(tmp_path_factory.mktemp("cycles"))
    yield laboratory
    laboratory.close()


@pytest.fixture
def collected():
    """Give what the collector finds from now on."""

    def collect():
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        return list(gc.garbage)

    gc.collect()
    gc.disable()
    yield collect
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


@pytest.mark.parametrize(
    ("asked", "answer", "status"),
    [
        pytest.param(GET, OK, b"200", id="an answer"),
        pytest.param(POST, OK, b"200", id="a body, kept for another try"),
        pytest.param(UPGRADE, SWITCH, b"101", id="a tunnel"),
        pytest.param(GET, b"nonsense\r\n\r\n", b"502", id="nonsense"),
    ],
)
def test_an_exchange_leaves_nothing_to_the_collector(asked, answer, status, laboratory, collected):
    statuses, passed = laboratory.play([asked], answer)
    assert (statuses, len(passed)) == ([status], 1)
    assert [each for each in collected() if isinstance(each, Exchange | Call | Tunnel)] == []
