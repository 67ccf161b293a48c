"""What most objects of the REST API have in common: to be listed, made, read, changed and deleted.

A change is merged over what is there, and the whole is checked again; what PagerDuty fills in is not taken from anyone.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sanic import HTTPResponse, Request

from alerts.pagerduty.standin.account import Account
from alerts.pagerduty.standin.resource import Resource
from alerts.pagerduty.standin.rest.call import answered, invalid, not_found, nothing, page, requester, wrapped
from alerts.pagerduty.standin.standin import Standin

R = TypeVar("R", bound=Resource)
FILLED_IN = ("id", "summary", "self", "html_url", "created_at")


class Kind(Struct, Generic[R], frozen=True, kw_only=True):
    """What one kind of object has of its own."""

    one: str
    """Its name, and its `type`."""
    many: str
    """The name of all of them: the path, and the key in lists."""
    shape: type[R]
    held: Callable[[Account], dict[str, R]]
    missing: int = 2100
    """The code of the error when there is none with an id."""
    from_needed: bool = False
    """Whether the header From is needed to make one, once there is any user to name."""
    key: str = "name"
    """The field that no two of them may share; empty: none."""
    complete: Callable[[R, R | None], R] = lambda new, _old: new
    """Fills in what PagerDuty does; gets what was there before. Raises RestError."""
    leave: Callable[[R], None] = lambda _gone: None
    """Raises RestError when one cannot be deleted; else cleans up behind it."""
    shown: Callable[[R], dict[str, Any]] = msgspec.to_builtins
    alone: frozenset[str] = frozenset()
    """Fields that are shown of one, and not in lists."""


class Collection(Generic[R]):
    """The handlers of one kind."""

    def __init__(self, standin: Standin, kind: Kind[R]) -> None:
        self._standin = standin
        self._kind = kind

    @property
    def _account(self) -> Account:
        return self._standin.account

    @property
    def _held(self) -> dict[str, R]:
        return self._kind.held(self._account)

    def list(self, request: Request) -> HTTPResponse:
        query = request.args.get("query", "").lower()
        found = [each for each in self._held.values() if query in getattr(each, self._kind.key or "id").lower()]
        teams = request.args.getlist("team_ids[]", [])
        if teams:
            found = [each for each in found if {team.id for team in getattr(each, "teams", ())} & set(teams)]
        return page(request, self._kind.many, [self._brief(each) for each in found])

    def make(self, request: Request) -> HTTPResponse:
        if self._kind.from_needed and self._account.users:
            requester(request, self._account)
        body = self._body(request)
        if body.get("type") != self._kind.one:
            raise invalid(f"type must be {self._kind.one}")
        made = self._whole({**body, "id": self._account.new_id()}, None)
        return answered({self._kind.one: self._shown(made)}, 201)

    def read(self, _request: Request, id: str) -> HTTPResponse:  # noqa: A002 - the word of the API
        return answered({self._kind.one: self._shown(self.get(id))})

    def change(self, request: Request, id: str) -> HTTPResponse:  # noqa: A002 - the word of the API
        old = self.get(id)
        changed = self._whole({**msgspec.to_builtins(old), **self._body(request), "id": id}, old)
        return answered({self._kind.one: self._shown(changed)})

    def delete(self, _request: Request, id: str) -> HTTPResponse:  # noqa: A002 - the word of the API
        self._kind.leave(self.get(id))
        self._held.pop(id, None)
        return nothing()

    def get(self, id: str) -> R:  # noqa: A002 - the word of the API
        found = self._held.get(id)
        if found is None:
            raise not_found(self._kind.one.replace("_", " ").title(), self._kind.missing)
        return found

    def _body(self, request: Request) -> dict[str, Any]:
        body = wrapped(request, self._kind.one)
        if not isinstance(body, dict):
            raise invalid(f"{self._kind.one} is not an object")
        return {name: value for name, value in body.items() if name not in FILLED_IN}

    def _whole(self, body: dict[str, Any], old: R | None) -> R:
        """Check an object as a whole, and keep it."""
        try:
            new = msgspec.convert(body, self._kind.shape, strict=True)
        except msgspec.ValidationError as error:
            raise invalid(str(error)) from None
        self._check_key(new)
        kept = self._kind.complete(replace(new, type=self._kind.one), old)
        self._held[kept.id] = kept
        return kept

    def _check_key(self, new: R) -> None:
        key = self._kind.key
        taken = key and any(
            getattr(each, key) == getattr(new, key) and each.id != new.id for each in self._held.values()
        )
        if taken:
            raise invalid(f"{key.title()} has already been taken")

    def _brief(self, each: R) -> dict[str, Any]:
        return {name: value for name, value in self._shown(each).items() if name not in self._kind.alone}

    def _shown(self, each: R) -> dict[str, Any]:
        shown = self._kind.shown(each)
        path = f"/{self._kind.many}/{each.id}"
        return {**shown, "summary": getattr(each, "name", shown.get("description")), "self": path, "html_url": path}
