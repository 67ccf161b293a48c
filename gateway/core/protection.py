"""Headers that protect browsers, for routes with `security_headers`: strict where a service can loosen them itself.

After the OWASP Secure Headers Project and the Mozilla web security guidelines. HSTS is the listener's (`hsts`), for it
is about the connection; Cross-Origin-Embedder-Policy and a Content-Security-Policy need to know the page.
"""

from typing import Final

from gateway.core.request import Header

PRESET: Final[list[Header]] = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),  # a service's own frame-ancestors goes before it (CSP level 3, section 6.4.2.2)
    # `no-referrer` would make browsers send `Origin: null` to the site's own forms (Fetch standard, section 3.1)
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),  # not asked for CORS requests (Fetch standard, section 4.3)
    (b"permissions-policy", b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
]
TELLTALE: Final = ("server", "x-powered-by", "x-aspnet-version", "x-aspnetmvc-version")
"""What a service says of what it runs on: of use to attackers alone."""
