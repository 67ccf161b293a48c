"""Ports for servers that cannot be handed a socket."""

import socket
from contextlib import suppress
from pathlib import Path
from random import SystemRandom

LOWEST = 10_000
KERNELS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """Choose a port below those that the kernel gives to callers: there a caller could take it before the server does.

    The choice follows no seed, as tests that run side by side with the same one would meet.
    """
    below = int(KERNELS.read_text().split()[0])
    while True:
        port = SystemRandom().randrange(LOWEST, below)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
