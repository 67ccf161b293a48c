"""What every call of the REST API has in common: token, limit, errors, pages, and an entry in the timeline."""

import functools
import math
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from sanic import HTTPResponse, Request

from alerts.pagerduty.standin.account import Account
from alerts.pagerduty.standin.faults import Door, Fault, Kind
from alerts.pagerduty.standin.resource import User
from alerts.pagerduty.standin.standin import Standin
from alerts.pagerduty.standin.timeline import What
from alerts.pagerduty.standin.wire import spoil

MOST_PER_PAGE = 100
PER_PAGE = 25
MOST_PAGED = 10_000
TOKEN = re.compile(r"Token token=(?P<token>[A-Za-z0-9_+-]{16,})")

Handler = Callable[..., HTTPResponse]


class RestError(Exception):
    """A call that is refused, with PagerDuty's own code (its page "Errors")."""

    def __init__(self, status: int, code: int, message: str, *errors: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def answer(self) -> HTTPResponse:
        error: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.errors:
            error["errors"] = self.errors
        return answered({"error": error}, self.status)


def invalid(*errors: str) -> RestError:
    return RestError(400, 2001, "Invalid Input Provided", *errors)


def not_found(what: str, code: int = 2100) -> RestError:
    return RestError(404, code, f"{what} Not Found")


def answered(body: object, status: int = 200) -> HTTPResponse:
    return HTTPResponse(msgspec.json.encode(body), status, content_type="application/json")


def nothing() -> HTTPResponse:
    return HTTPResponse(b"", 204)


TOO_MANY = RestError(429, 2020, "Rate Limit Exceeded")


class Calls:
    """Makes doors of handlers."""

    def __init__(self, standin: Standin) -> None:
        self._standin = standin

    def door(self, handler: Handler) -> Callable[..., Awaitable[HTTPResponse | None]]:
        """Put what every call has in common around a handler."""

        @functools.wraps(handler)
        async def called(request: Request, **names: str) -> HTTPResponse | None:
            now = self._standin.now()
            fault = self._standin.faults.next(Door.REST, None)
            if fault is not None and not fault.is_taken and fault.kind is not Kind.LOST:
                self._write(request, now, 500, fault)
                return await spoil(request, fault, answered({}))
            response = self._handled(handler, request, names, now)
            self._write(request, now, response.status, fault)
            return response if fault is None else await spoil(request, fault, response)

        return called

    def _handled(self, handler: Handler, request: Request, names: dict[str, str], now: float) -> HTTPResponse:
        try:
            token = self._token(request)
        except RestError as refusal:
            return refusal.answer()
        taken = self._standin.rest.take(token, now)
        headers = self._limits(token, now)
        response = _answer(handler, request, names) if taken else TOO_MANY.answer()
        response.headers.update(headers)
        return response

    def _token(self, request: Request) -> str:
        found = TOKEN.fullmatch(request.headers.get("authorization", ""))
        wanted = self._standin.settings.token
        if found is None or (wanted is not None and found["token"] != wanted):
            raise RestError(401, 2006, "Authentication failed")
        return found["token"]

    def _limits(self, token: str, now: float) -> dict[str, str]:
        limit = self._standin.rest
        return {
            "ratelimit-limit": str(limit.most),
            "ratelimit-remaining": str(limit.left(token, now)),
            "ratelimit-reset": str(math.ceil(limit.reset_seconds(token, now) / self._standin.clock.scale)),
        }

    def _write(self, request: Request, now: float, usual: int, fault: Fault | None) -> None:
        self._standin.timeline.add(
            now,
            What.REST,
            action=f"{request.method} {request.path}",
            status=usual if fault is None else fault.status(usual),
            fault=None if fault is None else fault.kind.value,
        )


def _answer(handler: Handler, request: Request, names: dict[str, str]) -> HTTPResponse:
    try:
        return handler(request, **names)
    except RestError as refusal:
        return refusal.answer()


def page(request: Request, name: str, found: Sequence[object]) -> HTTPResponse:
    """Answer with the part of a collection that was asked for (classic pagination)."""
    offset = _whole(request, "offset", 0)
    limit = min(_whole(request, "limit", PER_PAGE), MOST_PER_PAGE)
    if offset + limit > MOST_PAGED:
        raise invalid("Offset + Limit must not exceed 10000")
    return answered(
        {
            name: found[offset : offset + limit],
            "limit": limit,
            "offset": offset,
            "more": offset + limit < len(found),
            "total": len(found) if request.args.get("total") == "true" else None,
        }
    )


def wrapped(request: Request, name: str) -> Any:
    """Return what stands under the one key a body has."""
    try:
        body = msgspec.json.decode(request.body)
    except msgspec.DecodeError:
        raise RestError(400, 2001, "Invalid Input Provided", "Body is not valid JSON") from None
    if not isinstance(body, dict) or name not in body:
        raise RestError(400, 2003, "Missing Arguments", f"{name} is missing")
    return body[name]


def requester(request: Request, account: Account) -> User:
    """Return the user in whose name a call is made: the header From."""
    email = request.headers.get("from", "")
    user = next((each for each in account.users.values() if each.email == email), None)
    if user is None:
        raise RestError(400, 1008, "Requester User Not Found")
    return user


def _whole(request: Request, name: str, default: int) -> int:
    text = request.args.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise invalid(f"{name} is not a whole number")
    return int(text)
