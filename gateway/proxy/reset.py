"""Ends a connection so that its other end cannot take it for a proper end."""

from __future__ import annotations

import socket
import struct
from typing import Any, Final

_AT_ONCE: Final = struct.pack("ii", 1, 0)
"""struct linger of socket(7): on, for no time."""


def reset(transport: Any) -> None:
    """Abort a transport with a reset, which leaves nothing in the kernel that nobody reads."""
    held = transport.get_extra_info("socket")
    if held is not None:  # uvloop gives none for a connection that has ended
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    transport.abort()
