"""The audit log of the control port: one JSON line for every refused and every changing call, in ECS names.

It never holds a token, a query or a body. A sink that takes nothing stops no call: the line goes to stderr instead, and
is counted as lost to the sink.
"""

import logging
import os
import stat
from collections.abc import Callable
from datetime import datetime

import msgspec

from gateway.control.access import Result, Verdict
from gateway.control.guard import Call
from gateway.store.append import append
from gateway.store.lines import put

logger = logging.getLogger("casino.control")

STDERR = "stderr"
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
_MODE = 0o600
_MOST_METHOD = 20
_MOST_PATH = 256
"""Characters; so a line is below PIPE_BUF whatever was asked for, and `put` and `append` write it whole."""


class AuditRecord(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="event.dataset", tag="casino.audit"):
    """One call. `event.action` is `refused`, or what was asked for: the method and path of an endpoint."""

    timestamp: str = msgspec.field(name="@timestamp")
    action: str = msgspec.field(name="event.action")
    outcome: str = msgspec.field(name="event.outcome")
    """`success` or `failure`."""
    method: str = msgspec.field(name="http.request.method")
    path: str = msgspec.field(name="url.path")
    status: int = msgspec.field(name="http.response.status_code")
    reason: str = msgspec.field(name="event.reason", default="")
    """Why it was refused: a word of `Result`."""
    user: str = msgspec.field(name="user.name", default="")
    """The token's name; absent for callers of this machine."""
    source: str = msgspec.field(name="source.ip", default="")
    """Absent for a UNIX socket."""
    folded: int = msgspec.field(name="casino.folded", default=0)
    """Refused calls of this address before this one that have no line: there were too many."""


def record(call: Call, verdict: Verdict, status: int, now: datetime) -> AuditRecord:
    """Put a call into words; `status` is what it was answered."""
    refused = verdict.result is not Result.ALLOWED
    method, path = _shown(call.method, _MOST_METHOD), _shown(call.path, _MOST_PATH)
    return AuditRecord(
        timestamp=now.isoformat(timespec="milliseconds"),
        action="refused" if refused else f"{method} {path}",
        outcome="success" if status < 400 else "failure",
        method=method,
        path=path,
        status=status,
        reason=verdict.result.value if refused else "",
        user=verdict.user,
        source=call.source or "",
        folded=verdict.folded,
    )


def _shown(text: str, most: int) -> str:
    """Cut what a client wrote; bytes that are no text are shown as such."""
    return text[:most].encode(errors="backslashreplace").decode()


class Audit:
    """The audit log's sink, as the spec that runs names it."""

    def __init__(self, path: Callable[[], str], reopens: Callable[[], int], count: Callable[[str], None]) -> None:
        """`path` is `stderr` or a file; `reopens` says how often it was to be reopened; `count` takes `written` or `lost`."""
        self._path = path
        self._reopens = reopens
        self._count = count
        self._opened: tuple[str, int] = (STDERR, reopens())
        self._descriptor: int | None = None
        self._is_broken = False

    def write(self, entry: AuditRecord) -> None:
        """Write one line."""
        line = msgspec.json.encode(entry) + b"\n"
        path = self._path()
        if path == STDERR:
            self._count("written" if put(line) else "lost")
            return
        fault = self._append(path, line)
        self._count("lost" if fault else "written")
        if fault:
            put(line)
            if not self._is_broken:
                logger.error("audit_failed", extra={"fields": {"log.file.path": path, "error.message": fault}})
        self._is_broken = bool(fault)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _append(self, path: str, line: bytes) -> str | None:
        """Append to the file, opened anew where that was asked for; return why that failed."""
        wanted = (path, self._reopens())
        if self._descriptor is None or wanted != self._opened:
            self.close()
            try:
                self._descriptor = os.open(path, _FLAGS, _MODE)
            except OSError as refused:
                return str(refused.strerror)
            if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                self.close()
                return "it is no regular file"
            self._opened = wanted
        return None if append(self._descriptor, line) else "it takes no line: there may be no space"
