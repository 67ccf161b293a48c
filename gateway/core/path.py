"""The one normal form of a path: matching, rewriting and the service behind all see this text and no other.

What two servers could read in two ways is refused, never guessed at. docs/routing.md says why, character by character.
"""

import re
import string
from typing import Final
from urllib.parse import unquote_to_bytes

from gateway.core.failure import Failure, Refused

_PLAIN: Final = string.ascii_letters + string.digits + "-._~" + "!$&'()*,=:@"
"""What a segment may hold as it is (RFC 3986 `pchar`), and what is therefore decoded. Not `;`, and not `+` (below)."""
_DIVIDING: Final = "/\\;?#%"
"""Some server takes these, encoded or not, for the end of a segment, of the path, or for one more encoding."""

_already_normal: Final = re.compile(r"(?:/[A-Za-z0-9_~!$&'()*+,=:@-][A-Za-z0-9._~!$&'()*+,=:@-]*+)*+/?+").fullmatch
_UNUSUAL: Final = re.compile(r"%.{0,2}|[^A-Za-z0-9._~!$&'()*+,=:@/-]", re.DOTALL)


def _canonical_spellings() -> dict[str, str]:
    """Map each character or triplet that may stand in a path but is not plain to its one spelling."""
    spellings = {}
    for byte in range(256):
        character, triplet = chr(byte), f"%{byte:02X}"
        if byte < 0x20 or byte == 0x7F or character in _DIVIDING:
            continue
        canonical = character if character in _PLAIN else triplet
        for first, second in ((first, second) for first in _cases(triplet[1]) for second in _cases(triplet[2])):
            spellings[f"%{first}{second}"] = canonical
        if 0x20 < byte < 0x7F:
            spellings[character] = canonical
    return spellings


def _cases(digit: str) -> tuple[str, str]:
    return digit, digit.lower()


_CANONICAL: Final = _canonical_spellings()


def normalise(path: str) -> str:
    """Give a path's normal form, which is its own normal form.

    Plain characters are decoded, other triplets written in capitals, `//` merged, dot segments resolved
    (RFC 3986 sections 5.2.4 and 6.2.2).

    Raises:
        Refused: `BAD_PATH`, for whatever is ambiguous or climbs above the root.

    """
    if path and _already_normal(path):
        return path
    if not path.startswith("/"):
        raise Refused(Failure.BAD_PATH)
    return _resolve(_decode(path))


def _decode(path: str) -> str:
    try:
        decoded = _UNUSUAL.sub(lambda found: _CANONICAL[found[0]], path)
        # Overlong forms (%C0%AF) are a second spelling of `/` for careless decoders.
        unquote_to_bytes(decoded).decode()
    except (KeyError, UnicodeDecodeError):
        raise Refused(Failure.BAD_PATH) from None
    return decoded


def _resolve(path: str) -> str:
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if not kept:
                raise Refused(Failure.BAD_PATH)
            kept.pop()
        elif segment not in ("", "."):
            kept.append(segment)
    if not kept:
        return "/"
    closing = "/" if path.endswith(("/", "/.", "/..")) else ""
    return "/" + "/".join(kept) + closing
