"""What the upstream is asked for: path, query and host after the route's rewriting.

A rewritten path is normalised again, so that no rewriting can build what a client could not have asked for.
"""

from collections.abc import Mapping

from gateway.core.path import normalise
from gateway.core.request import Request
from gateway.spec.route import Rewrite as RewriteSpec
from gateway.spec.template import REST, Field, parse_template


class Rewrite:
    """A route's compiled rewriting."""

    __slots__ = ("_path", "_stripped", "host", "is_identity")

    def __init__(self, spec: RewriteSpec) -> None:
        self.host = None if spec.host is None else spec.host.encode()
        """The Host the upstream sees; None leaves it to the upstream's own setting."""
        self._path = None if spec.path is None else _format(spec.path)
        self._stripped = None if spec.strip_prefix is None else spec.strip_prefix.rstrip("/")
        self.is_identity = self._path is None and self._stripped is None
        """The path goes on as the client asked for it."""

    def target(self, request: Request, fields: Mapping[str, str]) -> bytes:
        """Give the origin-form target to send: path and, if there is one, query.

        `fields` holds the segments the route's path caught by their names, and under `**` what its prefix left over:
        empty, or beginning with `/`.

        Raises:
            Refused: `BAD_PATH`, if the rewritten path climbs above the root.

        """
        path = request.path
        if self._path is not None:
            path = normalise(self._path.format_map(fields) or "/")
        elif self._stripped is not None:
            path = self._strip(path)
        return (f"{path}?{request.query}" if request.query else path).encode()

    def _strip(self, path: str) -> str:
        """Take the prefix away if it is whole segments of the path: `/api` is none of `/api../admin`."""
        stripped = self._stripped
        if stripped is None or not path.startswith(stripped):
            return path
        rest = path[len(stripped) :]
        return normalise(rest or "/") if rest[:1] in ("", "/") else path


def _format(path: str) -> str:
    """Turn `/dice/{sides}` and `/new/**` into format strings over the fields of a match."""
    template = parse_template(path)
    segments = (f"{{{each.name}}}" if isinstance(each, Field) else each for each in template.segments)
    return "".join(f"/{segment}" for segment in segments) + (f"{{{REST}}}" if template.rest else "")
