"""What control hands down to the workers: the snapshot (spec + overrides) and the endpoints (where targets live now).

Both are documents in the run directory; workers read them between two requests when a shared word says they changed.
"""

import hashlib

import msgspec

from gateway.core.breaker import State
from gateway.spec.model import Spec

SNAPSHOT = "snapshot"
ENDPOINTS = "endpoints"
"""Names of the two documents in the build's directory."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One applied configuration. `generation` never decreases; `digest` is the content hash drift is judged by."""

    generation: int
    digest: str
    spec: Spec


def read_snapshot(document: bytes | None) -> Snapshot:
    """Read the document of a build whose supervisor has laid it out: there is one before anything else starts."""
    assert document is not None, "the supervisor writes the first snapshot before it starts anything"
    return msgspec.msgpack.decode(document, type=Snapshot)


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One address of one target, as the judge sees it now."""

    target: str
    """The target's URL as the spec writes it: the identity used in metrics."""
    host: str
    """An IP address, or the path of a UNIX socket."""
    port: int
    """0 for a UNIX socket."""
    weight: float
    """The target's weight, shared among its addresses; lowered during slow start; 0 takes no traffic."""
    up: bool = True
    """False: by its health check down, or ejected; chosen only when nothing else is left and nothing is up (panic)."""
    ejected: bool = False
    """Why it is not up, so that a restarted control process knows what to go on with."""


class VersionState(msgspec.Struct, frozen=True, kw_only=True):
    """One version of an upstream: its endpoints and its breaker.

    While the spec changes, endpoints of the old and the new targets stand here together: a worker takes those whose
    `target` its own snapshot names, so that both documents need not change in the same moment.
    """

    endpoints: tuple[Endpoint, ...]
    breaker: State = State.CLOSED
    deal: int = 0
    """While half open: serial number of the allowances. With a new one a worker forgets what it had."""
    allowances: tuple[int, ...] = ()
    """While half open: requests each worker may let through in this deal; worker n reads item n - 1, absent is 0."""

    def allowance(self, worker: int) -> int:
        """How many probes the worker of this number (from 1) may let through in this deal."""
        return self.allowances[worker - 1] if worker <= len(self.allowances) else 0


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the workers need to know of targets; `versions` is keyed by (upstream, version)."""

    edition: int
    versions: dict[tuple[str, str], VersionState]


def digest(spec: Spec) -> str:
    """Hash a spec's content, so that two processes can tell whether they run the same."""
    return hashlib.sha256(msgspec.msgpack.encode(spec, order="deterministic")).hexdigest()[:16]
