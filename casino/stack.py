"""Runs the processes of the local stack: starts them in order, waits for each, tells what happens, stops them all.

It has one thread and no event loop: it sleeps until a signal says that a child ended or that somebody wants to stop.
"""

import http.client
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from casino.child import Child
from casino.listening import listens

READY_SECONDS = 60.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.05
LINE_SECONDS = 1.0
STOPPING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
SIGNALS = {*STOPPING, signal.SIGCHLD}
CLEAR_LINE = "\r\x1b[2K"
PYTHON = (sys.executable, "-m")
"""Begins the words of a part that is ours."""


class Part(Struct, frozen=True, kw_only=True):
    """One process of the local stack."""

    name: str
    words: tuple[str, ...]
    listener: socket.socket | None = None
    look: tuple[tuple[str, str], ...] = ()
    """Where to look at it: a word and an address."""
    ready: str | None = None
    """Answers 200 once the part can be used; None: as soon as it runs."""
    token: str | None = None
    """The bearer token that `ready` asks for."""
    vital: bool = False
    """Without it the rest is of no use."""
    stop: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGTERM, STOP_SECONDS),)
    """Signals that end it, and how many seconds each is given; then it is killed."""


class Stopped(Exception):  # noqa: N818 - no error: somebody asked for it
    """A signal asks to stop."""


class Failed(Exception):  # noqa: N818 - its text says what failed
    """The stack cannot go on."""


class Stack:
    """The processes that run, in waves: each wave needs those before it, and stops before them."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="casino-up-"))
        """Each part's output, and what was written for it."""
        self._waves: list[dict[Part, Child]] = []
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)

    def start(self, parts: Sequence[Part]) -> None:
        """Start one wave and wait until all of it can be used.

        Raises:
            Failed: a part ended, or did not answer in time.
            Stopped: a signal came first.
        """
        self.launch(parts)
        deadline = time.monotonic() + READY_SECONDS
        for part in parts:
            while part.ready and not self._answers(part, part.ready):
                self.heed(POLL_SECONDS)
                if not self.runs(part) or time.monotonic() > deadline:
                    raise Failed(_silence(part.name, part.ready, part.token))

    def _answers(self, part: Part, url: str) -> bool:
        """Whether it is this part that answers, and no other program that was sooner at its port."""
        answer = fetch(url, part.token)
        return answer is not None and self.runs(part) and listens(self.child(part).pid, urlsplit(url).port or 0)

    def launch(self, parts: Sequence[Part]) -> None:
        """Start one wave, and leave it to the caller to wait for it."""
        wave: dict[Part, Child] = {}
        self._waves.append(wave)
        for part in parts:
            wave[part] = Child(part.name, part.words, self.log(part), part.listener)

    def runs(self, part: Part) -> bool:
        """Whether a part was started and has not ended, as far as was told."""
        return any(part in wave for wave in self._waves)

    def watch(self, line: Callable[[], str]) -> None:
        """Wait for ever; on a terminal, show a line that is kept up to date. Raises as `start` does."""
        while True:
            self.heed(LINE_SECONDS)
            if sys.stdout.isatty():
                print(CLEAR_LINE + line(), end="", flush=True)

    def stop(self) -> None:
        """Stop all that still runs, the last wave first. A further signal from outside kills the wave at hand."""
        for wave in reversed(self._waves):
            for number, seconds in next((part.stop for part in wave), ()):
                for child in wave.values():
                    child.tell(number)
                if self._all_end(wave, seconds):
                    break
            for child in wave.values():
                child.kill()
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def _all_end(self, wave: dict[Part, Child], seconds: float) -> bool:
        """Wait until a wave has ended; also true when somebody will not wait for it."""
        deadline = time.monotonic() + seconds
        while any(child.ending is None for child in wave.values()):
            left = deadline - time.monotonic()
            signalled = signal.sigtimedwait(SIGNALS, max(0.0, left))
            if signalled and signalled.si_signo in STOPPING:
                return True
            if left <= 0:
                return False
        return True

    def child(self, part: Part) -> Child:
        """Return the process of a part that runs."""
        return next(wave[part] for wave in self._waves if part in wave)

    def end(self, part: Part) -> None:
        """Kill a part at once, on purpose: nobody is told, and nothing fails for it."""
        for wave in self._waves:
            if part in wave:
                wave.pop(part).kill()

    def forget(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self, part: Part) -> Path:
        return self.folder / f"{part.name.replace(' ', '-')}.log"

    def heed(self, seconds: float) -> None:
        """Sleep that long, or until a signal; tell of parts that ended. Raises as `start` does."""
        signalled = signal.sigtimedwait(SIGNALS, seconds)
        if signalled and signalled.si_signo in STOPPING:
            raise Stopped
        for wave in self._waves:
            for part, child in [each for each in wave.items() if each[1].ending]:
                self._tell_of(child)
                child.kill()
                del wave[part]
                if part.vital or not any(self._waves):
                    raise Failed(f"{part.name} {child.ending}")

    def _tell_of(self, child: Child) -> None:
        start = CLEAR_LINE if sys.stdout.isatty() else ""
        words = "".join(f"    {line}\n" for line in child.last_words().splitlines())
        print(f"{start}{child.name} {child.ending}{'; its last words:' if words else ''}\n{words}", end="", flush=True)


def _silence(name: str, url: str, token: str | None) -> str:
    if fetch(url, token) is None:
        return f"{name} does not answer on {url}"
    return f"{name} has not got its port: another program answers on {url}"


def fetch(url: str, token: str | None = None, timeout_seconds: float = 1.0) -> bytes | None:
    """GET a URL of our own, with a bearer token if it asks for one; None unless the answer is 200."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=timeout_seconds)
    try:
        connection.request("GET", where.path, headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        return answer.read() if answer.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
