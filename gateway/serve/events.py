"""What the supervisor and the writer say about themselves; gateway.store.lines puts it into words."""

import os
import time
from enum import StrEnum

from gateway.store.lines import Line, put


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
    RUN_DIR_LOST = "run_dir_lost"
    STARTING_ANEW = "starting_anew"
    DRAINING = "draining"
    STOPPED = "stopped"
    LOG_SINK_FAILED = "log_sink_failed"
    LOG_SINK_RECOVERED = "log_sink_recovered"
    LOG_REOPENED = "log_reopened"


def emit(
    event: Event, level: str = "info", fields: dict[str, object] | None = None, *, fault: BaseException | None = None
) -> None:
    """Write one event; `fields` are ECS names and their values."""
    put(Line("casino.supervisor", event.value, level, time.time(), fields or {}, fault).encode())


def emit_crash(name: str, crash: BaseException) -> None:
    """Write what ended the calling process."""
    emit(Event.PROCESS_CRASHED, "error", {"process.name": name, "process.pid": os.getpid()}, fault=crash)
