"""What a child process is given: who it is, what it shares, where it listens."""

import socket
from enum import IntEnum
from pathlib import Path

import msgspec

from gateway.spec.listen import Listener
from gateway.store.keyring import Keyring
from gateway.store.rundir import Build, RunDir
from gateway.store.slot import Slot


class Phase(IntEnum):
    """Where a build is in its life; the word PHASE of the supervisor's slot. It only ascends."""

    SERVING = 0
    LAME = 1
    """Readiness fails; everything is still served."""
    CLOSING = 2
    """No new connections; answers say `Connection: close`."""
    STOP = 3
    """End now."""


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """One child of the supervisor. Its main never returns to the supervisor's code."""

    name: str
    """`worker-1`, `control`, `writer`: the slot's name."""
    number: int
    """1.. for workers, 0 for the others."""
    build: Build
    """Its `documents` hold snapshot and endpoints. Its `id`, the worker's number and the sequence name a log line for ever."""
    run: RunDir
    slot: Slot
    """Its own, already taken over."""
    supervisor: Slot
    """Read-only: PHASE, RELOADS, REOPENS."""
    control: Slot
    """Read-only: GENERATION, EDITION."""
    workers: tuple[Path, ...]
    """The slots of the workers of this build."""
    listeners: tuple[tuple[Listener, socket.socket], ...]
    keyrings: dict[str, Keyring] = {}
    """The certificates of each listener with TLS, by its address. The front of each was made before the fork."""
    control_socket: socket.socket
    spec_path: Path
    stage: str | None
