"""One child process of the local stack: it ends with its parent whatever happens, and its last words can be read.

It leads a process group of its own, so that Ctrl-C in a terminal reaches only the parent, who stops all in order.
"""

import contextlib
import os
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Callable
from pathlib import Path

from gateway.serve.orphan import die_with

LAST_LINES = 15


class Child:
    """A process that was started; its output goes to a file."""

    def __init__(self, name: str, words: tuple[str, ...], output: Path, listener: socket.socket | None = None) -> None:
        """Start it. The number of the listening socket handed down is its last argument."""
        self.name = name
        self.output = output
        handed = () if listener is None else (listener.fileno(),)
        with output.open("wb") as file:
            self._process = subprocess.Popen(  # noqa: S603 - our own programs
                [*words, *map(str, handed)],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                pass_fds=handed,
                process_group=0,
                preexec_fn=_follow(os.getpid()),  # noqa: PLW1509 - the parent has one thread
            )
        if listener is not None:
            # Else the port of a dead child would still take connections, and nobody would answer them.
            listener.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ending(self) -> str | None:
        """How it ended, in words; None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def tell(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it and what it left behind. Returns when it is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def last_words(self) -> str:
        with self.output.open(errors="replace") as lines:
            return "".join(deque(lines, LAST_LINES))


def _follow(parent: int) -> Callable[[], None]:
    """What the child does before it becomes its program."""

    def follow() -> None:
        die_with(parent)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    return follow
