"""Two bridges, of which one sends: the lease between them, and what the holder tells the other with each renewal."""

import logging
import sqlite3
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from uuid import uuid4

import httpx
import msgspec
from msgspec import Struct

from alerts.pagerduty.bridge import audit, ledger
from alerts.pagerduty.bridge.audit import What
from alerts.pagerduty.bridge.marks import Mark, heed, mark_of, settled, waiting_for_peer
from alerts.pagerduty.bridge.meter import Meter
from alerts.pagerduty.bridge.queue import Queued
from alerts.pagerduty.bridge.store import Store
from alerts.pagerduty.bridge.threads import Threads
from alerts.pagerduty.core.alert import Alert
from alerts.pagerduty.core.lease import RENEW_SECONDS, Lease, told, waited
from exporters.catalog import bridge as catalog
from gateway.spec.bridge import Peer
from gateway.store.secrets import SecretError, Secrets

logger = logging.getLogger("casino.bridge")

MOST_MARKS = 500
"""In one message."""
MOST_KEPT = 20_000
ANSWER_SECONDS = 3.0
PATH = "/peer"


class Word(Struct, frozen=True, kw_only=True):
    """What the holder says."""

    me: str
    holder: str
    term: int
    marks: tuple[Mark, ...] = ()


class Echo(Struct, frozen=True, kw_only=True):
    """What the other answers."""

    holder: str
    term: int
    wants_all: bool
    """It has not heard this holder before: it needs the state of every incident, not only what is new."""
    offers: tuple[Alert, ...] = ()


class Pair:
    """One bridge's side; without a peer it always sends."""

    def __init__(
        self,
        peer: Peer | None,
        store: Store,
        meter: Meter,
        *,
        verify: ssl.SSLContext,
        take: Callable[[Sequence[Alert], str], None],
    ) -> None:
        """`verify` is for a peer that speaks TLS; `take` stores alerts that only the other bridge was told of."""
        me = uuid4().hex
        now = time.monotonic()
        self._peer = peer
        self._verify = verify
        self._store = store
        self._meter = meter
        self._take = take
        self._secrets = Secrets()
        self._lock = threading.Lock()
        with store.reading() as connection:
            term = int(ledger.remembered(connection, "term") or 0)
        self._lease = Lease(me=me, holder="" if peer else me, term=term, heard=now)
        self._marks: deque[Mark] = deque(maxlen=MOST_KEPT)
        self._heard_from = ""
        self._is_heard = False
        self._offered: set[int] = set()
        self._awake = threading.Event()
        self._meter.show(catalog.SENDING, float(self._lease.is_mine))
        self.changed: Callable[[], None] = lambda: None

    @property
    def has_peer(self) -> bool:
        """Whether there is another bridge to be heard; who has none can be told by nobody that it shall not send."""
        return self._peer is not None

    def is_sending(self) -> bool:
        """Say whether this bridge sends."""
        return self._lease.is_mine

    def start(self, threads: Threads) -> None:
        """Begin to speak with the peer."""
        if self._peer is not None:
            threads.keep("pair", partial(self._speak, self._peer, threads.stopping))

    def delivered(self, queued: Queued) -> None:
        """Hear that PagerDuty has taken an event."""
        if self._peer is not None:
            self._marks.append(mark_of(queued, time.time()))
            self._awake.set()

    def hear(self, body: bytes) -> bytes:
        """Answer the other bridge. Raises StoreError if what it said could not be stored (it will say it again), and
        MsgspecError if it is no word of a bridge.
        """
        word = msgspec.json.decode(body, type=Word)
        with self._lock:
            self._move(told(self._lease, word.holder, word.term, time.monotonic()))
        if word.marks:
            self._store.write(partial(heed, marks=word.marks, now=time.time())).result()
        wants_all, self._heard_from = self._heard_from != word.me, word.me
        return msgspec.json.encode(
            Echo(holder=self._lease.holder, term=self._lease.term, wants_all=wants_all, offers=self._offers())
        )

    def _offers(self) -> tuple[Alert, ...]:
        if self._lease.is_mine:
            return ()
        with self._store.reading() as connection:
            waiting = waiting_for_peer(connection, time.time(), self._offered)
        self._offered |= {id_ for id_, _ in waiting}
        return tuple(alert for _, alert in waiting)

    def _speak(self, peer: Peer, stopping: threading.Event) -> None:
        with httpx.Client(timeout=ANSWER_SECONDS, verify=self._verify) as http:
            while not stopping.is_set():
                with self._lock:
                    self._move(waited(self._lease, time.monotonic()))
                if self._lease.is_mine:
                    self._renew(http, peer)
                self._awake.wait(0.0 if self._marks and self._lease.is_mine and self._is_heard else RENEW_SECONDS)
                self._awake.clear()

    def _renew(self, http: httpx.Client, peer: Peer) -> None:
        marks = tuple(islice(self._marks, MOST_MARKS))
        echo = self._say(http, peer, marks)
        self._is_heard = echo is not None
        self._meter.show(catalog.PEER_UP, float(self._is_heard))
        if echo is None:
            return
        is_short = len(self._marks) == MOST_KEPT
        for _ in range(min(len(marks), len(self._marks))):
            self._marks.popleft()
        with self._lock:
            self._move(told(self._lease, echo.holder, echo.term, time.monotonic()))
        if (echo.wants_all or is_short) and self._lease.is_mine:
            with self._store.reading() as connection:
                self._marks.extend(settled(connection, time.time()))
        if echo.offers:
            self._take(echo.offers, "peer")

    def _say(self, http: httpx.Client, peer: Peer, marks: tuple[Mark, ...]) -> Echo | None:
        lease = self._lease
        word = Word(me=lease.me, holder=lease.holder, term=lease.term, marks=marks)
        try:
            headers = {"Authorization": f"Bearer {self._secrets.get(peer.token)}"} if peer.token else {}
            answer = http.post(f"{peer.url}{PATH}", content=msgspec.json.encode(word), headers=headers)
            return msgspec.json.decode(answer.raise_for_status().content, type=Echo)
        except (httpx.HTTPError, msgspec.MsgspecError, SecretError) as fault:
            logger.warning("peer_silent", extra={"fields": {"error.message": str(fault)[:200]}})
            return None

    def _move(self, lease: Lease) -> None:
        """Believe something else; called with the lock held."""
        before, self._lease = self._lease, lease
        if before.is_mine == lease.is_mine:
            return
        what = What.TOOK_OVER if lease.is_mine else What.STEPPED_DOWN
        logger.warning("lease_moved", extra={"fields": {"casino.sending": lease.is_mine, "casino.term": lease.term}})
        self._meter.show(catalog.SENDING, float(lease.is_mine))
        self._marks.clear()
        self._offered.clear()
        self._store.write(partial(_note, what=what, term=lease.term))
        self.changed()


def _note(connection: sqlite3.Connection, *, what: What, term: int) -> None:
    ledger.remember(connection, "term", str(term))
    audit.add(connection, audit.Row(time.time(), "", "", what.value, f"term {term}"))
