"""What the supervisor and the writer say about themselves: one JSON line per event on stderr, in ECS names.

Never waits for whoever reads stderr: an event that does not fit is lost, since a supervisor that waits supervises nothing.
"""

import os
import select
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

_STDERR = 2
_ENCODER = msgspec.json.Encoder()


class Event(StrEnum):
    """Every event there is; the field `event.action`."""

    LISTENING = "listening"
    LISTENER_UNUSED = "listener_unused"
    ADOPTED = "adopted"
    READY = "ready"
    PROCESS_STARTED = "process_started"
    PROCESS_ENDED = "process_ended"
    PROCESS_HUNG = "process_hung"
    PROCESS_CRASHED = "process_crashed"
    RELOAD_ASKED = "reload_asked"
    REOPEN_ASKED = "reopen_asked"
    UPGRADE_ASKED = "upgrade_asked"
    UPGRADE_BEGUN = "upgrade_begun"
    UPGRADE_ABANDONED = "upgrade_abandoned"
    UPGRADE_DONE = "upgrade_done"
    UPGRADE_UNAVAILABLE = "upgrade_unavailable"
    UPGRADE_WITHOUT_OLD = "upgrade_without_old"
    DRAINING = "draining"
    STOPPED = "stopped"
    LOG_SINK_FAILED = "log_sink_failed"
    LOG_SINK_RECOVERED = "log_sink_recovered"
    LOG_REOPENED = "log_reopened"


def emit(event: Event, level: str = "info", fields: dict[str, object] | None = None) -> None:
    """Write one event; `fields` are ECS names and their values."""
    line = {
        "@timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "log.level": level,
        "event.action": event.value,
        "event.dataset": "casino.supervisor",
        **(fields or {}),
    }
    poll = select.poll()
    poll.register(_STDERR, select.POLLOUT)
    if any(mask & select.POLLOUT for _, mask in poll.poll(0)):
        _write(_ENCODER.encode(line))


def emit_crash(name: str, crash: BaseException) -> None:
    """Write the traceback that ended the calling process."""
    import traceback  # noqa: PLC0415 - needed once in the life of a process, and not in most

    trace = "".join(traceback.format_exception(crash))[-2000:]
    fields = {"process.name": name, "process.pid": os.getpid(), "error.type": type(crash).__name__}
    emit(Event.PROCESS_CRASHED, "error", {**fields, "error.message": str(crash)[:500], "error.stack_trace": trace})


def _write(line: bytes) -> None:
    try:
        os.write(_STDERR, line + b"\n")
    except OSError:
        return  # nobody is left to tell
