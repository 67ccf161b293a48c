"""Readiness for systemd, sd_notify(3): a datagram to $NOTIFY_SOCKET, and nothing when there is none."""

import contextlib
import os
import socket
import time
from collections.abc import MutableMapping


class Notifier:
    """Tells the service manager about this process; never waits for it and never fails."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._watchdog_seconds = self._watchdog(environ) / 2
        self._watchdog_due = 0.0

    def ready(self) -> None:
        """Everything serves; this process is the main one, which after an upgrade is news."""
        self._send(f"MAINPID={os.getpid()}\nREADY=1\nSTATUS=serving")

    def reloading(self) -> None:
        """A reload has begun; `ready` says that it is over."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The service ends (not: hands over)."""
        self._send("STOPPING=1\nSTATUS=draining")

    def upgrade_abandoned(self, reason: str) -> None:
        """The new build will not replace this one, which goes on."""
        self._send(f"STATUS=upgrade abandoned: {reason}")

    def alive(self, now: float) -> None:
        """Feed the watchdog, if the service manager set one, twice as often as it asks for."""
        if self._watchdog_seconds and now >= self._watchdog_due:
            self._watchdog_due = now + self._watchdog_seconds
            self._send("WATCHDOG=1")

    def _watchdog(self, environ: MutableMapping[str, str]) -> float:
        """Return the watchdog's seconds, 0 without one. $WATCHDOG_PID is not asked: an upgrade inherits its elder's."""
        microseconds = environ.get("WATCHDOG_USEC", "")
        return int(microseconds) / 1e6 if microseconds.isdigit() else 0.0

    def _send(self, message: str) -> None:
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(message.encode(), self._address)
