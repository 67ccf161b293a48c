"""A gateway whose workers and control are as small as can be, under the real supervisor and the real writer.

    python fake_gateway.py SPEC RUN_DIR [--upgrade] [--successor-seconds SECONDS]

What a process shall do wrong is written into the file `misdeed` beside the spec: `worker-1 spin`.
"""

import argparse
import json
import os
import selectors
import socket
import sys
import threading
import time
from pathlib import Path

from exporters.catalog.gateway import LOG_DROPPED, RESPONSES
from gateway.core.snapshot import SNAPSHOT
from gateway.serve import writer
from gateway.serve.supervisor import Mains, serve
from gateway.store.ledger import Ledger
from gateway.store.process import Phase, Process
from gateway.store.slot import Word

TURN_SECONDS = 0.03
TOIL_SECONDS = 3.5


class Misdeed:
    """Reads what to do wrong; done once, by removing the file."""

    def __init__(self, process: Process) -> None:
        self._path = process.spec_path.with_name("misdeed")
        self._name = process.name
        self._words = process.slot.words

    def commit(self) -> None:
        try:
            name, deed = self._path.read_text().split()
        except (FileNotFoundError, ValueError):
            return
        if name != self._name:
            return
        if deed != "always-exit":
            self._path.unlink()
        match deed:
            case "spin":
                while True:
                    pass
            case "toil":
                self._toil()
            case "deadlock":
                lock = threading.Lock()
                lock.acquire()
                lock.acquire()
            case "raise":
                raise RuntimeError("a misdeed")
            case "exit" | "always-exit":
                sys.exit(3)

    def _toil(self) -> None:
        """Answer and answer, with no end to the turn."""
        end = time.monotonic() + TOIL_SECONDS
        while time.monotonic() < end:
            self._words[Word.SEQUENCE] += 1


class Worker:
    def __init__(self, process: Process) -> None:
        self.process = process
        self.selector = selectors.DefaultSelector()
        self.connections: set[socket.socket] = set()
        self.accepting = True
        self.misdeed = Misdeed(process)
        tally = process.slot.tally
        self.values = tally.values
        self.responses = tally.index(RESPONSES, ("roll", "GET", "200"))
        self.dropped = tally.index(LOG_DROPPED, ("sink",))
        for _, listener in process.listeners:
            self.selector.register(listener, selectors.EVENT_READ, self.accept)

    def run(self) -> None:
        words = self.process.slot.words
        while not self.is_done():
            self.misdeed.commit()
            for key, _ in self.selector.select(TURN_SECONDS):
                key.data(key.fileobj)
            words[Word.GENERATION] = self.process.control.words[Word.GENERATION]
            words[Word.CONNECTIONS] = len(self.connections)
            self.process.slot.beat()

    def is_done(self) -> bool:
        phase = self.process.supervisor.words[Word.PHASE]
        if phase >= Phase.CLOSING and self.accepting:
            self.accepting = False
            for _, listener in self.process.listeners:
                self.selector.unregister(listener)
        return phase >= Phase.STOP or (phase == Phase.CLOSING and not self.connections)

    def accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            return
        self.connections.add(connection)
        self.selector.register(connection, selectors.EVENT_READ, self.answer)

    def answer(self, connection: socket.socket) -> None:
        try:
            asked = connection.recv(65536)
        except ConnectionError:
            asked = b""
        if not asked:
            self.close(connection)
            return
        self.account()
        closing = not self.accepting or b"Connection: close" in asked
        body = f"{self.process.build.id} {self.process.name} {os.getpid()}".encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{'Connection: close' if closing else 'X: y'}\r\n\r\n"
        connection.sendall(head.encode() + body)
        if closing:
            self.close(connection)

    def account(self) -> None:
        words = self.process.slot.words
        assert self.process.slot.ring
        words[Word.SEQUENCE] = sequence = words[Word.SEQUENCE] + 1
        line = {"build": self.process.build.id, "worker": self.process.number, "sequence": sequence, "fill": "x" * 300}
        if not self.process.slot.ring.put(json.dumps(line).encode() + b"\n"):
            self.values[self.dropped] += 1
        self.values[self.responses] += 1

    def close(self, connection: socket.socket) -> None:
        self.selector.unregister(connection)
        self.connections.discard(connection)
        connection.close()


def work(process: Process) -> None:
    assert process.build.documents.read(SNAPSHOT)
    Worker(process).run()


def control(process: Process) -> None:
    """Answers each connection to the control socket with all totals."""
    misdeed = Misdeed(process)
    ledger = Ledger(process.run, process.build.id)
    selector = selectors.DefaultSelector()
    selector.register(process.control_socket, selectors.EVENT_READ)
    while process.supervisor.words[Word.PHASE] < Phase.STOP:
        misdeed.commit()
        if selector.select(TURN_SECONDS):
            try:
                connection, _ = process.control_socket.accept()
            except BlockingIOError:
                continue
            totals = ledger.totals()
            found = {**totals.counters, **totals.gauges}
            with connection:
                connection.sendall(
                    json.dumps([[name, dict(labels), found[name, labels]] for name, labels in found]).encode()
                )
        process.slot.words[Word.RELOADS] = process.supervisor.words[Word.RELOADS]
        process.slot.beat()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--upgrade", action="store_true")
    parser.add_argument("--successor-seconds", type=float, default=argparse.SUPPRESS)
    sys.exit(serve(mains=Mains(work, control, writer.main), **vars(parser.parse_args())))
