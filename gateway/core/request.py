"""The facts of one request head that decisions are made from; what is rarely asked for is worked out when asked."""

from urllib.parse import unquote_plus

Header = tuple[bytes, bytes]
"""A header field: its name in lower case, its value as received."""


class Request:
    """One request head. Text that is not valid UTF-8 is read with replacement characters."""

    __slots__ = ("_cookies", "_fields", "_parameters", "client", "headers", "host", "method", "path", "query")

    def __init__(  # noqa: PLR0917 - built once for each request, where keywords cost
        self, method: str, host: str, path: str, query: str, headers: list[Header], client: str
    ) -> None:
        self.method = method
        self.host = host
        """In lower case, without port or trailing dot."""
        self.path = path
        """The normal form."""
        self.query = query
        """As sent, without `?`."""
        self.headers = headers
        self.client = client
        """The client's address."""
        self._fields: dict[str, str] | None = None
        self._cookies: dict[str, str] | None = None
        self._parameters: dict[str, str] | None = None

    def header(self, name: str) -> str | None:
        """Give a header's value by its lower-case name; values of repeated fields are joined by `, `."""
        if self._fields is None:
            self._fields = self._read_fields()
        return self._fields.get(name)

    def cookie(self, name: str) -> str | None:
        """Give a cookie's value as sent; the first one of that name."""
        if self._cookies is None:
            self._cookies = self._read_cookies()
        return self._cookies.get(name)

    def query_value(self, name: str) -> str | None:
        """Give a query parameter's decoded value (`+` is a space); the first one of that name."""
        if self._parameters is None:
            self._parameters = self._read_parameters()
        return self._parameters.get(name)

    def _read_fields(self) -> dict[str, str]:
        fields: dict[bytes, bytes] = {}
        for name, value in self.headers:
            fields[name] = fields[name] + b", " + value if name in fields else value
        return {name.decode(errors="replace"): value.decode(errors="replace") for name, value in fields.items()}

    def _read_cookies(self) -> dict[str, str]:
        cookies: dict[str, str] = {}
        for name, value in self.headers:
            if name == b"cookie":
                for pair in value.decode(errors="replace").split(";"):
                    key, _, content = pair.strip().partition("=")
                    cookies.setdefault(key, content)
        return cookies

    def _read_parameters(self) -> dict[str, str]:
        parameters: dict[str, str] = {}
        for pair in self.query.split("&"):
            name, _, value = pair.partition("=")
            parameters.setdefault(unquote_plus(name), unquote_plus(value))
        return parameters
