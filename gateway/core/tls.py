"""How TLS to an upstream is spoken: verified, at least TLS 1.2, HTTP/1.1 only. Everybody who dials asks here."""

import ssl

from gateway.spec.upstream import UpstreamTls


def client_context(tls: UpstreamTls) -> ssl.SSLContext:
    """Build the context for connections to an upstream.

    Raises:
        OSError: a file named by the spec is missing or holds no certificate or key (ssl.SSLError is one).
    """
    context = ssl.create_default_context(cafile=tls.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.certificate:
        context.load_cert_chain(tls.certificate, tls.key)
    return context
