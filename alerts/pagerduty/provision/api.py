"""The one way to PagerDuty's REST API: a few verbs, each bounded in time and tries, over pdpyras.

pdpyras' own retries are off: it would repeat a 429 without end (notes/alerting.md, section 5). What is tried again here
is what cannot have had an effect: 429, and reads. No error holds a token, or more of an answer than PagerDuty's own words.
"""

import builtins
import time
import warnings
from collections.abc import Callable
from typing import Any, Protocol

import requests

with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # that it is deprecated is known
    import pdpyras

URL = "https://api.pagerduty.com"
TIMEOUT_SECONDS = 20.0
MOST_TRIES = 4
MOST_PAUSE_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 0.5
PER_PAGE = 100
MOST_PAGED = 10_000
ONCE = dict.fromkeys((429, 500, 502, 503, 504), -2)
"""Below -1 pdpyras takes any number of tries for too many: exactly one request (by its source)."""

Document = dict[str, Any]


class ApiError(Exception):
    """PagerDuty could not be asked, or would not. The text says what was asked and what it said."""


class Api(Protocol):
    """What the provisioner asks of PagerDuty. Paths begin with `/`; each raises ApiError."""

    def list(self, many: str, **params: object) -> list[Document]:
        """Return all objects of a collection."""

    def read(self, path: str, one: str) -> Document:
        """Return one object."""

    def make(self, path: str, one: str, body: Document) -> Document:
        """Make an object and return it."""

    def change(self, path: str, one: str, body: Document) -> Document:
        """Change an object and return it."""

    def delete(self, path: str) -> None:
        """Delete an object."""


class PdpyrasApi:
    """The REST API over pdpyras."""

    def __init__(self, token: str, url: str = URL, *, pause: Callable[[float], None] = time.sleep) -> None:
        if not (token.isascii() and token.isprintable()):
            raise ApiError("the token cannot stand in a header: it has a character that is no printable ASCII")
        self._session = pdpyras.APISession(token)
        self._token = token
        self._session.url = url
        self._session.timeout = TIMEOUT_SECONDS
        self._session.retry = dict(ONCE)
        self._session.max_network_attempts = 0
        self._session.log.disabled = True  # what it would say, ApiError says
        self._pause = pause

    def list(self, many: str, **params: object) -> list[Document]:
        found: list[Document] = []
        while True:
            page = self._ask("GET", f"/{many}", params={**params, "limit": PER_PAGE, "offset": len(found)})
            more = page.get(many)
            if not isinstance(more, builtins.list) or not all(isinstance(each, dict) and "id" in each for each in more):
                raise ApiError(f"GET /{many}: the answer holds no list of {many}: is this PagerDuty?")
            found += more
            if not page.get("more") or not more:  # a page with nothing would be followed by itself for ever
                return found
            if len(found) + PER_PAGE > MOST_PAGED:
                raise ApiError(f"GET /{many}: there are more than PagerDuty lists ({MOST_PAGED})")

    def read(self, path: str, one: str) -> Document:
        return self._one("GET", path, one)

    def make(self, path: str, one: str, body: Document) -> Document:
        return self._one("POST", path, one, json={one: body})

    def change(self, path: str, one: str, body: Document) -> Document:
        return self._one("PUT", path, one, json={one: body})

    def delete(self, path: str) -> None:
        self._ask("DELETE", path)

    def _one(self, method: str, path: str, one: str, **about: object) -> Document:
        found = self._ask(method, path, **about).get(one)
        if not isinstance(found, dict):
            raise ApiError(f"{method} {path}: the answer holds no {one}: is this PagerDuty?")
        return found

    def _ask(self, method: str, path: str, **about: object) -> Document:
        pause_seconds = FIRST_PAUSE_SECONDS
        for left in reversed(range(MOST_TRIES)):
            answer = self._call(method, path, about)
            again = answer.status_code == 429 or (method == "GET" and answer.status_code >= 500)
            if not again or not left:
                return self._read(method, path, answer)
            wait_seconds = _reset_seconds(answer) if answer.status_code == 429 else pause_seconds
            self._pause(min(wait_seconds or pause_seconds, MOST_PAUSE_SECONDS))
            pause_seconds *= 2
        raise AssertionError("unreachable")

    def _call(self, method: str, path: str, about: dict[str, object]) -> requests.Response:
        try:
            response: requests.Response = self._session.request(method, path, allow_redirects=False, **about)
        except pdpyras.PDClientError as fault:
            if fault.response is None:
                cause = type(fault.__cause__).__name__ if fault.__cause__ else "no answer"
                raise ApiError(f"{method} {path}: PagerDuty cannot be reached ({cause})") from None
            response = fault.response
        return response

    def _read(self, method: str, path: str, answer: requests.Response) -> Document:
        if answer.status_code == 204:
            return {}
        try:
            body = answer.json()
        except ValueError:
            body = None
        if answer.ok and answer.status_code < 300 and isinstance(body, dict):
            return body
        raise ApiError(
            f"{method} {path}: PagerDuty said {answer.status_code}{_words(body).replace(self._token, '***')}"
        )


def _words(body: object) -> str:
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return ""
    details = "; ".join(map(str, error.get("errors") or ()))
    return f", {error.get('message')}{f': {details}' if details else ''}"


def _reset_seconds(answer: requests.Response) -> float:
    """Return how long PagerDuty asks to wait, 0 if it does not say."""
    text = answer.headers.get("ratelimit-reset", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0
