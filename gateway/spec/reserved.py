"""The headers the gateway answers for: no rule of a spec changes them, no condition sees them, none passes as it came."""

import re
from typing import Final

HOP_BY_HOP: Final = (
    "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization",
    "proxy-authentication-info", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings",
)  # fmt: skip
"""Of one connection only (RFC 9110 section 7.6.1, RFC 7615, RFC 7540 section 3.2.1)."""

FORWARDING: Final = (
    "forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port",
)  # fmt: skip
"""Where a request came from: read from trusted proxies, written anew for the upstream."""

HEARSAY: Final = (
    "x-real-ip", "x-client-ip", "client-ip", "true-client-ip", "x-cluster-client-ip", "cf-connecting-ip",
    "fastly-client-ip", "x-envoy-external-address", "x-original-forwarded-for", "x-forwarded-prefix",
    "x-forwarded-server", "x-forwarded-by", "x-forwarded-scheme", "x-forwarded-ssl", "front-end-https",
    "x-forwarded-client-cert", "x-forwarded-uri", "x-forwarded-path", "x-forwarded-method", "x-original-url",
    "x-rewrite-url", "x-original-host",
)  # fmt: skip
"""Claims about the client, or of another path or host, that services tend to believe: passed on from trusted proxies."""

CLAIMS: Final = (*FORWARDING, *HEARSAY)
"""All that proxies say of a client."""

TRAPS: Final = ("proxy",)
"""No header of HTTP, and CGI programs take it for the variable HTTP_PROXY (httpoxy, CVE-2016-5385): passed on from nobody."""

OWN: Final = ("x-request-id", "traceparent", "casino-failure")
"""Other headers the gateway writes; what comes from outside is read by rules of its own or dropped."""

WELL_KNOWN: Final = (
    "authorization", "cookie", "content-type", "content-encoding", "origin", "referer", "date", "cache-control", "age",
    "via", "tracestate", "set-cookie",
)  # fmt: skip
"""Meant for every recipient: no client names them away (CVE-2024-45410), and no name of identity is one of them."""


def folded(name: str) -> str:
    """Give a name as the laxest server reads it: to CGI variables whatever is no letter or digit is the same."""
    return re.sub("[^a-z0-9]", "-", name.lower())
