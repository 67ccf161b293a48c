"""The log's sink as the spec names it: opened when there is something to write, opened again when asked or broken.

A broken sink (no space, no reader) is tried again and again; meanwhile nothing is given up.
"""

import time
from pathlib import Path

from gateway.serve.events import Event, emit
from gateway.serve.outlets import LogFile, Sent, Stream, open_path
from gateway.spec.listen import Log

PATIENCE_SECONDS = 0.05
"""How long one write may wait for a slow reader."""
BROKEN_PAUSE_SECONDS = 0.5


class Sink:
    """The sink the spec names, opened again when asked or broken."""

    def __init__(self, log: Log) -> None:
        self._path = None if log.to == "stdout" else Path(log.to)
        self._open: Stream | LogFile | None = None
        self._is_broken = False
        self._retry_at = 0.0
        self._reopen_at: float | None = None
        """When a file that could not be opened anew is tried again; None while none is wanted."""

    def write(self, lines: bytes) -> int:
        """Write whole lines from the front; return how many bytes, 0 when the sink takes none now."""
        now = time.monotonic()
        if self._reopen_at is not None and now >= self._reopen_at:
            self.reopen()
        if now < self._retry_at or not (sink := self._opened()):
            return 0
        sent = sink.write(lines, PATIENCE_SECONDS)
        if sent is Sent.FAILED:
            self._break("cannot write")
        if isinstance(sent, Sent):
            return 0
        if self._is_broken and self._reopen_at is None:
            self._is_broken = False
            emit(Event.LOG_SINK_RECOVERED, fields=self._fields())
        return sent

    def reopen(self) -> None:
        """Follow a file that was moved away. The old one stays in use until the new one is open, which is tried again."""
        if self._path is None:
            return
        before, self._open = self._open, None
        self._reopen_at = None
        if self._opened() is None:
            if before:
                self._open, self._reopen_at, self._retry_at = before, self._retry_at, 0.0
            return
        if before:
            before.close()
        emit(Event.LOG_REOPENED, fields=self._fields())

    def _opened(self) -> Stream | LogFile | None:
        if self._open is None:
            try:
                self._open = open_path(self._path) if self._path else Stream()
            except OSError as refused:
                self._break(str(refused.strerror))
        return self._open

    def _break(self, reason: str) -> None:
        self._retry_at = time.monotonic() + BROKEN_PAUSE_SECONDS
        if not self._is_broken:
            self._is_broken = True
            emit(Event.LOG_SINK_FAILED, "error", {**self._fields(), "error.message": reason})

    def _fields(self) -> dict[str, object]:
        return {"log.file.path": str(self._path) if self._path else "stdout"}
