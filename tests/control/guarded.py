"""A control port with tokens and an audit log, and how a test calls it: byte for byte."""

import itertools
import json
import socket
from collections.abc import Iterable
from contextlib import closing
from http.client import HTTPResponse
from pathlib import Path

from exporters.catalog.gateway import CONTROL_REQUESTS
from tests.totals import read_totals
from tests.waiting import until

READ, OPERATE, NEXT = "read-" + "r" * 40, "operate-" + "o" * 40, "next-" + "n" * 40
CONTROL = """
control:
  tokens:
    prometheus: {{token: {{file: {place}/read}}}}
    deploy: {{token: {{file: {place}/operate}}, role: operate}}
    broken: {{token: {{file: {place}/missing}}, role: operate}}
    short: {{token: {{file: {place}/short}}, role: operate}}
  hosts: [ops.casino.example, "*.gateways.example"]
  audit: {audit}
"""
RELAYED = "Via: 1.1 proxy"
"""Whoever calls through a proxy is not of this machine, wherever the proxy is."""


class Answer:
    def __init__(self, connected: socket.socket, method: str) -> None:
        response = HTTPResponse(connected, method=method)
        response.begin()
        self.status = response.status
        self.challenge = response.headers.get("WWW-Authenticate")
        self.headers = response.headers
        self.body = response.read()

    @property
    def detail(self) -> str:
        return json.loads(self.body)["detail"]


class Place:
    """A control port with tokens, and its audit log."""

    def __init__(self, rig, base: str, folder: Path, sources: Iterable[str] | None = None) -> None:
        """`base` is a spec without `control`; `sources` are the addresses calls come from, one after the other."""
        self.base = base
        self.folder = folder
        self.sources = iter(sources or itertools.repeat("127.0.0.1"))
        self.audit_log = folder / "audit.log"
        self.write("read", READ)
        self.write("operate", OPERATE)
        self.write("short", "s" * 31)
        self.rig = rig(self.spec()).start()
        until(lambda: self.rig.ask("GET", "/ready").status == 200)

    def spec(self, audit: str = "") -> str:
        return self.base + CONTROL.format(place=self.folder, audit=audit or self.audit_log)

    def write(self, name: str, value: str) -> None:
        unnamed = self.folder / f"{name}.new"
        unnamed.write_text(value)
        unnamed.rename(self.folder / name)

    def ask(self, start: str, *lines: str, host: str = "127.0.0.1", body: str = "") -> Answer:
        head = [f"{start} HTTP/1.1", *([f"Host: {host}"] if host else []), "Connection: close", *lines]
        if body:
            head.append(f"Content-Length: {len(body)}")
        here = (next(self.sources), 0)
        with closing(socket.create_connection(("127.0.0.1", self.rig.port), 10, source_address=here)) as connected:
            connected.sendall("\r\n".join([*head, "", body]).encode("latin-1"))
            return Answer(connected, start.partition(" ")[0])

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.audit_log.read_text().splitlines()] if self.audit_log.exists() else []

    def total(self, metric=CONTROL_REQUESTS, **labels: str) -> int:
        counters = read_totals([self.rig.control]).counters
        return sum(
            value for (name, pairs), value in counters.items()
            if name == metric.name and labels.items() <= dict(pairs).items()
        )  # fmt: skip


def bearer(token: str) -> str:
    return f"Authorization: Bearer {token}"
