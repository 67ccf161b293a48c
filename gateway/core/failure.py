"""Every way a request can fail: one name, one status, one sentence. The same word in metric, log and header."""

from enum import StrEnum


class Failure(StrEnum):
    """Who is to blame stands in the status: 4xx the client, 502 and 504 the upstream, 503 the gateway's own protection."""

    BAD_REQUEST = "bad_request"
    BAD_HOST = "bad_host"
    BAD_PATH = "bad_path"
    UNAUTHENTICATED = "unauthenticated"
    ADDRESS_DENIED = "address_denied"
    FORBIDDEN = "forbidden"
    NO_ROUTE = "no_route"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    HEAD_TIMEOUT = "head_timeout"
    BODY_TIMEOUT = "body_timeout"
    BODY_TOO_SLOW = "body_too_slow"
    BODY_TOO_LARGE = "body_too_large"
    TARGET_TOO_LONG = "target_too_long"
    EXPECTATION = "expectation"
    MISDIRECTED = "misdirected"
    RATE_LIMITED = "rate_limited"
    CONCURRENCY_LIMITED = "concurrency_limited"
    QUOTA_EXCEEDED = "quota_exceeded"
    TOO_MANY_TOKENS = "too_many_tokens"
    HEAD_TOO_LARGE = "head_too_large"
    CLIENT_CLOSED = "client_closed"
    INTERNAL = "internal"
    NOT_IMPLEMENTED = "not_implemented"
    HTTP_VERSION = "http_version"
    CONNECT_REFUSED = "connect_refused"
    TLS = "tls"
    UPSTREAM_RESET = "upstream_reset"
    UPSTREAM_PROTOCOL = "upstream_protocol"
    ANSWER_TOO_LARGE = "answer_too_large"
    NO_TARGET = "no_target"
    BREAKER_OPEN = "breaker_open"
    POOL_FULL = "pool_full"
    OVERLOAD = "overload"
    NOT_READY = "not_ready"
    CONNECT_TIMEOUT = "connect_timeout"
    FIRST_BYTE_TIMEOUT = "first_byte_timeout"
    IDLE_TIMEOUT = "idle_timeout"
    TOTAL_TIMEOUT = "total_timeout"


STATUS: dict[Failure, int] = {
    Failure.BAD_REQUEST: 400,
    Failure.BAD_HOST: 400,
    Failure.BAD_PATH: 400,
    Failure.UNAUTHENTICATED: 401,
    Failure.ADDRESS_DENIED: 403,
    Failure.FORBIDDEN: 403,
    Failure.NO_ROUTE: 404,
    Failure.METHOD_NOT_ALLOWED: 405,
    Failure.HEAD_TIMEOUT: 408,
    Failure.BODY_TIMEOUT: 408,
    Failure.BODY_TOO_SLOW: 408,
    Failure.BODY_TOO_LARGE: 413,
    Failure.TARGET_TOO_LONG: 414,
    Failure.EXPECTATION: 417,
    Failure.MISDIRECTED: 421,
    Failure.RATE_LIMITED: 429,
    Failure.CONCURRENCY_LIMITED: 429,
    Failure.QUOTA_EXCEEDED: 429,
    Failure.TOO_MANY_TOKENS: 429,
    Failure.HEAD_TOO_LARGE: 431,
    Failure.CLIENT_CLOSED: 499,
    Failure.INTERNAL: 500,
    Failure.NOT_IMPLEMENTED: 501,
    Failure.HTTP_VERSION: 505,
    Failure.CONNECT_REFUSED: 502,
    Failure.TLS: 502,
    Failure.UPSTREAM_RESET: 502,
    Failure.UPSTREAM_PROTOCOL: 502,
    Failure.ANSWER_TOO_LARGE: 502,
    Failure.NO_TARGET: 503,
    Failure.BREAKER_OPEN: 503,
    Failure.POOL_FULL: 503,
    Failure.OVERLOAD: 503,
    Failure.NOT_READY: 503,
    Failure.CONNECT_TIMEOUT: 504,
    Failure.FIRST_BYTE_TIMEOUT: 504,
    Failure.IDLE_TIMEOUT: 504,
    Failure.TOTAL_TIMEOUT: 504,
}

MEANING: dict[Failure, str] = {
    Failure.BAD_REQUEST: "The request is not valid HTTP/1.1, or could be read in two ways.",
    Failure.BAD_HOST: "The request needs exactly one valid Host.",
    Failure.BAD_PATH: "The path holds characters or encodings that are not accepted.",
    Failure.UNAUTHENTICATED: "This needs a valid credential.",
    Failure.ADDRESS_DENIED: "This is not served to your address.",
    Failure.FORBIDDEN: "Your credential does not allow this.",
    Failure.NO_ROUTE: "Nothing is served here.",
    Failure.METHOD_NOT_ALLOWED: "This method is not served here; Allow lists those that are.",
    Failure.HEAD_TIMEOUT: "The request head took too long.",
    Failure.BODY_TIMEOUT: "The request body took too long.",
    Failure.BODY_TOO_SLOW: "The request body came too slowly.",
    Failure.BODY_TOO_LARGE: "The request body is larger than accepted here.",
    Failure.TARGET_TOO_LONG: "The request target is longer than accepted.",
    Failure.EXPECTATION: "Only `Expect: 100-continue` is understood.",
    Failure.MISDIRECTED: "The host asked for is not the one this connection was made to.",
    Failure.RATE_LIMITED: "Too many requests; Retry-After says when there is room again.",
    Failure.CONCURRENCY_LIMITED: "Too many requests at the same time; try again when one of yours is answered.",
    Failure.QUOTA_EXCEEDED: "The quota of this period is used up; Retry-After says when the next begins.",
    Failure.TOO_MANY_TOKENS: "Too many unknown tokens from here; try again in a moment.",
    Failure.HEAD_TOO_LARGE: "The request head is larger than accepted.",
    Failure.CLIENT_CLOSED: "The client went away before the answer was complete.",
    Failure.INTERNAL: "The gateway failed to handle the request.",
    Failure.NOT_IMPLEMENTED: "This method or protocol is not offered.",
    Failure.HTTP_VERSION: "Only HTTP/1.0 and HTTP/1.1 are spoken here.",
    Failure.CONNECT_REFUSED: "The service could not be reached.",
    Failure.TLS: "The service could not be reached securely.",
    Failure.UPSTREAM_RESET: "The service closed the connection before its answer was complete.",
    Failure.UPSTREAM_PROTOCOL: "The service's answer is not valid HTTP.",
    Failure.ANSWER_TOO_LARGE: "The service's answer is larger than accepted here.",
    Failure.NO_TARGET: "The service has no healthy instance.",
    Failure.BREAKER_OPEN: "The service fails too often and is left alone for a moment.",
    Failure.POOL_FULL: "The service has too many requests waiting.",
    Failure.OVERLOAD: "The gateway is overloaded; try again in a moment.",
    Failure.NOT_READY: "The gateway has no configuration yet.",
    Failure.CONNECT_TIMEOUT: "The service did not accept the connection in time.",
    Failure.FIRST_BYTE_TIMEOUT: "The service did not begin to answer in time.",
    Failure.IDLE_TIMEOUT: "The service stopped in the middle of its answer.",
    Failure.TOTAL_TIMEOUT: "The service did not finish its answer in time.",
}


class Refused(Exception):  # noqa: N818 - it names the verdict, as `Failure` names the reason
    """The request is answered by the gateway itself, with this failure."""

    def __init__(self, failure: Failure, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(failure)
        self.failure = failure
        self.headers = headers
        """What the answer says beyond the failure: a challenge, when to come back."""
