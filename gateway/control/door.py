"""The door of the control port: each call is judged before anything is done, counted, and told to the audit log.

What is judged by what is in gateway.control.guard and gateway.control.access; this file applies it to Sanic's requests.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from sanic import Request
from sanic.http import Http

from exporters.catalog.gateway import CONTROL_AUDIT_LINES, CONTROL_REQUESTS
from gateway.control.access import Access, Result, Role, Verdict, needed
from gateway.control.audit import Audit, record
from gateway.control.guard import Call
from gateway.spec.access import Control
from gateway.store.process import Process
from gateway.store.secrets import Secrets
from gateway.store.slot import Word


class Door:
    """Lets calls in, or not. Every call passes `enter` first and `leave` last."""

    def __init__(self, process: Process, control: Callable[[], Control]) -> None:
        """`control` gives the rules of the spec that runs."""
        tally, words = process.slot.tally, process.supervisor.words
        self._control = control
        self._tally = tally
        self._access = Access(Secrets(), time.monotonic)
        self._audit = Audit(
            lambda: control().audit,
            lambda: int(words[Word.REOPENS]),
            lambda result: tally.add(CONTROL_AUDIT_LINES, (result,)),
        )
        for result in ("written", "lost"):
            tally.index(CONTROL_AUDIT_LINES, (result,))
        for role in Role:
            for outcome in Result:
                tally.index(CONTROL_REQUESTS, (role.value, outcome.value))

    def enter(self, request: Request) -> Verdict:
        """Judge a call."""
        call = _read(request)
        verdict = self._access.judge(call, self._control())
        self._tally.add(CONTROL_REQUESTS, (needed(call).value, verdict.result.value))
        request.ctx.call, request.ctx.verdict = call, verdict
        if verdict.result is Result.AMBIGUOUS and isinstance(request.stream, Http):
            request.stream.keep_alive = False  # what follows may be another request, or the rest of this one
        return verdict

    def leave(self, request: Request, status: int) -> None:
        """Tell the audit log of a call that has been answered, if it is one of those."""
        call: Call | None = getattr(request.ctx, "call", None)
        if call is None:  # whoever leaves before the whole request is there never comes to the door
            return
        verdict: Verdict = request.ctx.verdict
        if call.changes if verdict.result is Result.ALLOWED else verdict.told:
            self._audit.write(record(call, verdict, status, datetime.now(UTC)))

    def close(self) -> None:
        """Let go of the audit log."""
        self._audit.close()


def _read(request: Request) -> Call:
    headers = request.headers
    info = request.conn_info
    through_unix = info is not None and isinstance(info.sockname, str)
    source = info.client_ip if info is not None else ""
    return Call(
        method=request.method,
        path=request.path,
        source=None if through_unix else source,
        headers={name.lower(): tuple(headers.getall(name)) for name in headers},
    )
