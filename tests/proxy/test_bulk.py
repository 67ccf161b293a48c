"""Large pieces of bodies and of tunnels are no queue of the worker's: the time they take is left out of its turns."""

import pytest

from gateway.proxy.overload import BULK_BYTES
from tests.proxy.laboratory import Laboratory

ADMITTED = 7.0
"""A time no other clock of the worker shows."""
UPGRADE = b"GET /socket/a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"


def upload(size: int) -> tuple[list[bytes], bytes]:
    head = b"POST /all HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size
    return [head, b"a" * size], b"HTTP/1.1 204 No Content\r\n\r\n"


def download(size: int) -> tuple[list[bytes], bytes]:
    """A piece of an answer, of which one byte is still to come."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (size + 1)
    return [b"GET /all HTTP/1.1\r\nHost: a\r\n\r\n"], head + b"a" * size


def tunnel_up(size: int) -> tuple[list[bytes], bytes]:
    return [UPGRADE, b"a" * size], UPGRADED


def tunnel_down(size: int) -> tuple[list[bytes], bytes]:
    return [UPGRADE], UPGRADED + b"a" * size


@pytest.mark.parametrize(
    ("size", "left_out"),
    [pytest.param(BULK_BYTES - 1, False, id="small"), pytest.param(BULK_BYTES, True, id="large")],
)
@pytest.mark.parametrize("traffic", [upload, download, tunnel_up, tunnel_down])
def test_the_time_of_large_pieces_is_left_out_of_a_turn(traffic, size, left_out, tmp_path):
    laboratory = Laboratory(tmp_path)
    laboratory.begin_turn()
    before = laboratory.turn_began
    laboratory.play(*traffic(size))
    assert (laboratory.turn_began > before) is left_out
    laboratory.close()


@pytest.mark.parametrize("packets", [upload(1)[0], download(1)[0]], ids=["with a body", "without one"])
def test_what_a_request_took_so_far_is_never_left_out(packets, tmp_path):
    laboratory = Laboratory(tmp_path)
    laboratory.begin_turn(clock=lambda: ADMITTED)
    laboratory.play(packets, b"HTTP/1.1 204 No Content\r\n\r\n")
    assert laboratory.turn_seen == ADMITTED, "and not when it was read"
    laboratory.close()
