"""Which ports a local stack will have, told to every other one on this machine before anything listens there.

A server that cannot be handed a socket listens seconds after its port was chosen. Until then the port is free for whoever
looks: two stacks started together would choose the same.
"""

import socket
from types import TracebackType
from typing import Self


class Claims:
    """Ports that this process will use. They end with it, however it ends."""

    def __init__(self) -> None:
        self._held: dict[int, socket.socket] = {}

    def take(self, port: int) -> bool:
        """Claim a port; false while another stack has it.

        The claim is the name of a socket, unix(7), "abstract": it leaves no file, belongs to one network namespace as
        ports do, and the kernel drops it with its process.
        """
        if port in self._held:
            return True
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0casino-up-{port}")
        except OSError:
            claim.close()
            return False
        self._held[port] = claim
        return True

    def close(self) -> None:
        """Give all of them up."""
        for claim in self._held.values():
            claim.close()
        self._held.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
