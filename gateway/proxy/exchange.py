"""One request and its answer, from the head to the access log. It knows codecs by what they do, not what they speak.

Client codec -> `begin`, `request_body`, `client_gone`, `refused`. Its call to the upstream -> `interim`, `response`,
`response_body`, `refused`. Whatever happens, `_finish` runs once and accounts for it.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Final

from gateway.core.failure import STATUS, Failure, Refused
from gateway.core.headers import join
from gateway.proxy.admission import admit, identify, proceed
from gateway.proxy.answers import STATUS_LINES, problem
from gateway.proxy.call import Call
from gateway.proxy.entrance import HSTS
from gateway.proxy.framing import CHUNKED
from gateway.proxy.tunnel import Tunnel

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.caller import Caller
    from gateway.core.forwarded import Origin
    from gateway.core.plan import Plan
    from gateway.core.request import Header, Request
    from gateway.proxy.answer import AnswerHead
    from gateway.proxy.client import ClientConnection
    from gateway.proxy.head import RequestHead
    from gateway.proxy.service import Service
    from gateway.proxy.worker import Worker
    from gateway.store.limits import Bucket

_NO_CONTENT: Final = 204
_BODILESS: Final = frozenset((_NO_CONTENT, 304))


class Exchange:
    """One request on its way."""

    __slots__ = (
        "arm", "begun", "call", "caller", "chunked", "client", "counted", "ended", "expects", "failure", "first_byte", "head",
        "held", "keep", "lane", "limit", "notes", "origin", "over", "places", "plan", "received", "request", "request_done", "request_id",
        "sent", "service", "source", "started", "status", "target", "trace_id", "traceparent", "tunnel", "upgrade",
        "waiting", "worker",
    )  # fmt: skip

    def __init__(self, worker: Worker, client: ClientConnection, head: RequestHead, started: float) -> None:
        """`started` is when the head was complete, in seconds of `perf_counter`."""
        self.worker = worker
        self.client = client
        self.head = head
        self.lane = worker.unrouted
        self.plan: Plan | None = None
        self.request: Request | None = None
        self.origin: Origin | None = None
        self.target = b""
        """What the upstream is asked for."""
        self.arm = ""
        self.caller: Caller | None = None
        """Who calls, once that is known."""
        self.notes = client.entrance.hsts
        """Header lines for whatever is answered: what a limit leaves, which pages may read."""
        self.limit = ""
        """The limit that refused."""
        self.places: tuple[Bucket, ...] = ()
        """Where it counts as under way."""
        self.waiting = False
        """Admission goes on later; what comes of the body meanwhile is held."""
        self.held = b""
        self.request_id = self.trace_id = ""
        self.traceparent = b""
        self.service: Service | None = None
        self.call: Call | None = None
        self.tunnel: Tunnel | None = None
        self.upgrade = b""
        self.status = 0
        self.source = "gateway"
        self.failure: Failure | None = None
        self.received = self.sent = 0
        self.request_done = head.length == 0
        self.expects = head.expect
        """The client waits for a 100 before it sends its body."""
        self.begun = self.chunked = self.keep = self.over = False
        self.counted = True
        self.started = started
        self.ended = 0.0
        self.first_byte = 0.0

    # ---- from the client

    def begin(self) -> None:
        """Admit the request and answer it or call its upstream."""
        self._advance(admit)
        self.worker.overload.admitted()

    def wait(self) -> None:
        """Let admission go on later, with `resume`; the client's connection may end before that."""
        self.waiting = True
        if not self.request_done:
            self.client.pause_reading()

    def resume(self, refused: Refused | None = None) -> None:
        """Go on with admission behind what it waited for, or refuse."""
        self.waiting = False
        if self.over:
            return
        self.client.resume_reading()
        if refused:
            self.refused(refused.failure, refused.headers)
        else:
            self._advance(proceed)

    def _advance(self, step: Callable[[Exchange], bool]) -> None:
        try:
            if step(self):
                self._begin_call()
        except Refused as refused:
            self.refused(refused.failure, refused.headers)

    def _begin_call(self) -> None:
        service, plan, request = self.service, self.plan, self.request
        assert service is not None
        assert plan is not None
        assert request is not None
        self.call = call = Call(self, service, plan, request)
        if self.expects and not self.request_done:
            self.client.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.expects = False
        call.begin()
        if self.held:
            held, self.held = self.held, b""
            call.body(held, done=self.request_done)

    def request_body(self, data: bytes, *, done: bool) -> None:
        """Pass a piece of the body on, or keep it until there is a connection."""
        self.received += len(data)
        self.request_done = done
        self.worker.overload.moved(len(data))
        if self.over:
            return
        if self.plan and self.received > self.plan.body_bytes:
            self.refused(Failure.BODY_TOO_LARGE)
            return
        if self.head.length == CHUNKED:
            data = (b"%x\r\n%b\r\n" % (len(data), data) if data else b"") + (b"0\r\n\r\n" if done else b"")
        if self.call:
            self.call.body(data, done=done)
        elif self.waiting:
            self.held += data

    def client_gone(self) -> None:
        """Cancel everything: nobody waits for the answer any more."""
        if self.tunnel:
            self.tunnel_closed()
        elif not self.over:
            self.failure = Failure.CLIENT_CLOSED
            self.source = "client"
            self.status = STATUS[Failure.CLIENT_CLOSED]
            self._leave("canceled")
            self._finish()

    def turn_away(self, failure: Failure) -> None:
        """Refuse what never became a request."""
        identify(self)
        self.refused(failure)

    def refused(self, failure: Failure, headers: tuple[Header, ...] = ()) -> None:
        """Answer with a failure and headers of its own, or break off an answer that has begun."""
        if self.over:
            return
        if failure in (Failure.BODY_TIMEOUT, Failure.BODY_TOO_SLOW, Failure.HEAD_TIMEOUT):
            self.source = "client"
        self._leave("canceled")
        self.failure = failure
        if self.begun:
            self.keep = False
            self.client.abort()
            self._finish()
        else:
            self.answer(*problem(self, failure, headers))

    def _leave(self, outcome: str) -> None:
        if self.call:
            self.call.leave(outcome)

    # ---- from the upstream

    def bodiless(self, status: int) -> bool:
        """Say whether an answer of this status to this request has no body, whatever its headers say."""
        return status in _BODILESS or self.head.method == b"HEAD"

    def interim(self, status: int, headers: list[Header]) -> None:
        """Pass a 1xx on (RFC 9110 section 15.2), save the 100 that the gateway itself gives."""
        if status != 100 and self.head.http11:
            assert self.plan is not None
            passed = self.plan.response_headers.passed(headers)
            self.client.write(b"%b%b\r\n" % (STATUS_LINES[status], join(passed)))

    def response(self, head: AnswerHead, body: bytes, *, done: bool) -> None:
        """Begin the answer with what there is of its body."""
        status = head.status
        self.first_byte = perf_counter()
        plan = self.plan
        assert plan is not None
        if (head.length or 0) > plan.answer_bytes and not self.bodiless(status):
            self.refused(Failure.ANSWER_TOO_LARGE)
            return
        self.status = status
        self.source = "upstream"
        lines = plan.response_headers.lines(head.headers, head.lines)
        if self.client.entrance.hsts and HSTS in lines:  # the service says it, and it may be said once
            self.notes = self.notes.replace(self.client.entrance.hsts, b"")
        wire = b"%b%b%b%b" % (
            STATUS_LINES[status],
            lines,
            b"" if head.dated else self.worker.date,
            self._framing(status, head.length),
        )
        self.begun = True
        if done:
            self.sent = len(body)
            self.client.write(wire + body)
            self._complete()
        else:
            self.client.write(wire)
            self.response_body(body, done=False)

    def _framing(self, status: int, length: int | None) -> bytes:
        """Say how the client finds the end of the answer, whether the connection lives on, and the request's id."""
        keep = self.head.keep_alive and not self.expects and self.client.persistent and not self.worker.closing
        framing = b""
        if length is not None and length >= 0:
            if status != _NO_CONTENT:
                framing = b"content-length: %d\r\n" % length
        elif not self.bodiless(status):
            if self.head.http11:
                self.chunked = True
                framing = b"transfer-encoding: chunked\r\n"
            else:
                keep = False
        self.keep = keep
        if not keep:
            framing += b"connection: close\r\n"
        elif not self.head.http11:
            framing += b"connection: keep-alive\r\n"
        return b"x-request-id: %b\r\n%b%b\r\n" % (self.request_id.encode(), self.notes, framing)

    def response_body(self, data: bytes, *, done: bool) -> None:
        """Pass a piece of the answer on."""
        if data:
            assert self.plan is not None
            if self.sent + len(data) > self.plan.answer_bytes:
                self.refused(Failure.ANSWER_TOO_LARGE)
                return
            self.sent += len(data)
            self.worker.overload.moved(len(data))
            self.client.write(b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data)
        if done:
            if self.chunked:
                self.client.write(b"0\r\n\r\n")
            self._complete()
        elif self.call:
            self.call.progress()

    def _complete(self) -> None:
        if self.call:
            self.call.complete(whole=self.request_done, success=self.status < 500)
        self._finish()

    # ---- answers of the gateway itself

    def answer(self, status: int, headers: list[Header], body: bytes) -> None:
        """Give an answer made here."""
        self.status = status
        self.first_byte = perf_counter()
        self.begun = True
        framing = self._framing(status, len(body))
        if self.bodiless(status):
            body = b""
        self.sent = len(body)
        self.client.write(b"%b%b%b%b%b" % (STATUS_LINES[status], join(headers), self.worker.date, framing, body))
        self._finish()

    # ---- tunnels

    def switched(self, headers: list[Header]) -> None:
        """Turn the exchange into a pipe: the upstream said 101 to the protocol the client asked for."""
        plan, call = self.plan, self.call
        assert plan is not None
        assert call is not None
        call.switched()
        self.status = 101
        self.source = "upstream"
        self.counted = False
        self.begun = True
        self.first_byte = perf_counter()
        self.client.write(
            b"%b%bconnection: upgrade\r\nupgrade: %b\r\nx-request-id: %b\r\n%b\r\n"
            % (
                STATUS_LINES[101],
                join(plan.response_headers.apply(headers)),
                self.upgrade,
                self.request_id.encode(),
                self.notes,
            )
        )
        self.tunnel = Tunnel(self)
        self.tunnel.open()

    def tunnel_closed(self) -> None:
        """End a pipe whose other end is gone, or that rested too long."""
        self.keep = False
        self._leave("success")
        self._finish()

    # ---- back-pressure

    def pause_response(self) -> None:
        if self.call and self.call.connection:
            self.call.connection.pause_reading()

    def resume_response(self) -> None:
        if self.call and self.call.connection:
            self.call.connection.resume_reading()

    def _finish(self) -> None:
        if self.over:
            return
        self.over = True
        if self.places:
            self.worker.limits.give_back(self.places)
        self.worker.account.finished(self)
        if self.failure is not Failure.CLIENT_CLOSED:
            self.client.answered(keep=self.keep)
