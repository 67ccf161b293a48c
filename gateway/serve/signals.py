"""Signals of the supervisor as a queue it reads in its loop; nothing happens inside a handler."""

import os
import select
import signal
from types import FrameType

ASKING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""What someone may ask for. Children ignore them: they often reach the whole process group, and PHASE tells children."""


class SignalQueue:
    """Takes over ASKING and SIGCHLD for this process."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in (*ASKING, signal.SIGCHLD):
            signal.signal(number, _woken)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (*ASKING, signal.SIGCHLD))
        self._poll = select.poll()
        self._poll.register(self._read, select.POLLIN)

    def wait(self, seconds: float) -> list[signal.Signals]:
        """Return what came, after at most `seconds`."""
        if not self._poll.poll(seconds * 1000):
            return []
        return [signal.Signals(number) for number in os.read(self._read, 4096)]

    def leave_to_child(self) -> None:
        """In a child: give the signals up and the queue back."""
        signal.set_wakeup_fd(-1)
        for number in ASKING:
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(self._read)
        os.close(self._write)


def _woken(_number: int, _frame: FrameType | None) -> None:
    """Exist: only a signal with a handler is written to the queue."""
