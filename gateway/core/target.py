"""The request target (RFC 9112 section 3.2), taken apart: authority, path and query, each still as it was sent."""

import re
from typing import Final

from gateway.core.failure import Failure, Refused

_QUERY: Final = re.compile(r"[!-\"$-~]*+").fullmatch
_ABSOLUTE: Final = re.compile(r"https?://([^/?#@]++)(/[^?#]*+)?+(?:\?([^#]*+))?+", re.IGNORECASE).fullmatch


def split(target: str, method: str) -> tuple[str | None, str, str]:
    """Split a target into authority (absolute form only), path and query without its `?`.

    `OPTIONS *` gives the path `*`, which no route takes.

    Raises:
        Refused: `NOT_IMPLEMENTED` for CONNECT; `BAD_REQUEST` for what is no target, has a fragment, names a user,
            or holds anything but visible ASCII in its query.

    """
    if method == "CONNECT":
        raise Refused(Failure.NOT_IMPLEMENTED)
    if target.startswith("/"):
        path, _, query = target.partition("?")
        authority = None
    elif found := _ABSOLUTE(target):
        authority, path, query = found[1], found[2] or "/", found[3] or ""
    elif target == "*" and method == "OPTIONS":
        return None, "*", ""
    else:
        raise Refused(Failure.BAD_REQUEST)
    if query and not _QUERY(query):
        raise Refused(Failure.BAD_REQUEST)
    return authority, path, query
