"""How Alertmanager and Prometheus are let in at each bridge: the token and the certificates they show, the authority they trust.

What is written names files and never holds a secret. A token that is a variable must be put into a file beside the
configuration: neither server reads its environment.
"""

from typing import Any

from msgspec import Struct

from alerts.addresses import bridge
from gateway.spec.bridge import Callers
from gateway.spec.model import Spec
from gateway.spec.secret import Secret

TOKEN, PEER_TOKEN = "casino-bridge-token", "casino-peer-token"


class Door(Struct, frozen=True, kw_only=True):
    """One bridge, as those who call it must know it."""

    url: str
    token: Secret | None
    file: str
    """Where the token is put if it is a variable."""
    ca: str | None
    callers: Callers

    @property
    def tls(self) -> dict[str, Any]:
        """The `tls_config` of both servers; of plain HTTP, and where the system's authorities do, there is none."""
        if not self.url.startswith("https:"):
            return {}
        certificate = self.callers.certificate
        files = {
            "ca_file": self.ca,
            "cert_file": certificate,
            "key_file": certificate and (self.callers.key or certificate),
        }
        named = {name: file for name, file in files.items() if file is not None}
        return {"tls_config": named} if named else {}

    @property
    def authorization(self) -> dict[str, Any]:
        """How the webhook shows its token; metrics need none."""
        return {"authorization": {"credentials_file": self.token.file or self.file}} if self.token else {}


def doors(spec: Spec) -> tuple[Door, ...]:
    """Return the doors Alertmanager knocks at: of a pair, both."""
    own, peer = spec.bridge, spec.bridge.peer
    token = own.tokens.get("alertmanager") or next(iter(own.tokens.values()), None)
    here = Door(url=bridge(spec), token=token, file=TOKEN, ca=own.callers.ca, callers=own.callers)
    if peer is None:
        return (here,)
    return (here, Door(url=peer.url, token=peer.token, file=PEER_TOKEN, ca=peer.ca, callers=own.callers))


def put_by_hand(spec: Spec) -> dict[str, str]:
    """Return which variable's value must be put into which file beside alertmanager.yml."""
    return {door.file: door.token.env for door in doors(spec) if door.token and door.token.env}
