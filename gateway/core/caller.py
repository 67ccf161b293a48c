"""Who calls, as far as a credential proves it: what limits count by, what services and the log are told."""

from msgspec import Struct


class Caller(Struct, frozen=True):
    """A caller whose credential was found good."""

    consumer: str
    """The consumer's name in the spec; empty for a good token or certificate that is no consumer's."""
    subject: str
    """The token's subject, the certificate's name or the user; empty for an API key."""
    means: str
    """By what: `key`, `jwt`, `basic` or `certificate`."""
    lines: bytes = b""
    """Header lines for the upstream, ready to send: consumer, subject and what the route makes of claims."""
    issuer: str = ""
    """The token's issuer, as the spec calls it: subjects are only its own to tell apart."""

    @property
    def key(self) -> str:
        """What limits by consumer count: the consumer, or who it is without being one."""
        if self.issuer and not self.consumer:
            return f"{self.means}:{self.issuer}:{self.subject}"
        return self.consumer or f"{self.means}:{self.subject}"
