"""The grammar of paths in a spec: `/roll`, `/roll/{sides}`, `/admin/**`. What a request's path becomes is core's matter.

A literal must already be in the normal form requests are brought into (RFC 3986 section 6.2.2), or it could never match.
"""

import re
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from msgspec import Struct

FIELD = re.compile(r"\{([a-z][a-z0-9_]{0,30})\}")
LITERAL = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-F]{2})+")
REST = "**"
DECODED = re.compile(r"%(2[146-9ACDE]|3[0-9AD]|4[0-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])")
FORBIDDEN = re.compile(r"[;\\]|%(2F|5C|3B|3F|23|25|[01][0-9A-F]|7F)")
"""What core's normal form refuses: some server reads it as the end of a segment or of the path."""


class TemplateError(ValueError):
    """The text is no path template; the argument says why."""


class Field(Struct, frozen=True):
    """A segment that takes any text."""

    name: str


class Template(Struct, frozen=True):
    """A path cut at its slashes. `rest` says that `**` ends it: the path itself and everything below."""

    segments: tuple[str | Field, ...]
    rest: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.segments if isinstance(each, Field))


@lru_cache(maxsize=16_384)
def parse_template(text: str) -> Template:
    """Cut a template into literals and fields.

    Raises:
        TemplateError: the text is no path template.
    """
    *parts, last = _parts(text)
    rest = last == REST
    segments = tuple(_segment(part) for part in (parts if rest else [*parts, last]))
    template = Template(segments, rest)
    if len(set(template.fields)) < len(template.fields):
        raise TemplateError("a field's name may be used once")
    return template


def parse_path(text: str) -> str:
    """Check a path without fields or a query.

    Raises:
        TemplateError: the text is no path, or a template.
    """
    if "{" in text or REST in text:
        raise TemplateError("fields and `**` have no meaning here")
    for part in _parts(text):
        _segment(part)
    return text


def parse_target(text: str) -> str:
    """Check a path that may have a query.

    Raises:
        TemplateError: the text is no such request target.
    """
    path, _, query = text.partition("?")
    if re.search(r"[^\x21-\x7e]|#", query):
        raise TemplateError("the query holds characters that must be encoded")
    parse_path(path)
    return text


def _parts(text: str) -> list[str]:
    if not text.startswith("/"):
        raise TemplateError(f"it begins with `/`: `/{text}`")
    if found := re.search(r"[?#]", text):
        raise TemplateError(f"without `{found[0]}`: the query is matched by `when: {{query: ...}}`")
    parts = text[1:].split("/")
    if "" in parts[:-1]:
        raise TemplateError("without `//`: repeated slashes are merged before matching")
    return parts


def _segment(part: str) -> str | Field:
    if found := FIELD.fullmatch(part):
        return Field(found[1])
    if "{" in part or "}" in part:
        raise TemplateError("a field is a whole segment, named in lower case: `/{sides}`")
    if part in {".", ".."}:
        raise TemplateError("without dot segments: they are resolved before matching")
    if "**" in part:
        raise TemplateError("`**` is the whole last segment: `/admin/**`")
    if found := FORBIDDEN.search(part):
        raise TemplateError(f"`{found[0]}` is refused in every request")
    if part and not LITERAL.fullmatch(part):
        raise TemplateError(f"did you mean `{quote(part, safe=SAFE)}`?" if quote(part, safe=SAFE) != part else "")
    if found := DECODED.search(part):
        raise TemplateError(f"`{found[0]}` is written `{chr(int(found[1], 16))}`")
    if not _is_utf8(part):
        raise TemplateError("what is encoded must be UTF-8")
    return part


def _is_utf8(part: str) -> bool:
    try:
        unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        return False
    return True


SAFE = "!$&'()*+,=:@~%"
