"""One ground: a whole local stack with ports, folders and configurations of its own, whose parts can be killed and begun again."""

import asyncio
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import yaml
from msgspec import Struct
from msgspec.structs import replace

from alerts import alertmanager, prometheus
from alerts.gateway import JOB
from casino import parts, supervision
from casino.claims import Claims
from casino.drill import history, overlay, pem, rules
from casino.drill.budgets import LOAD_PER_SECOND, met
from casino.drill.fault import SCALES, Ground
from casino.drill.key import Key
from casino.drill.overlay import Places
from casino.layout import arrange, bind, unclaimed
from casino.stack import Failed, Part, Stack
from casino.supervision import ALERTMANAGER, PROMETHEUS, Supervision
from exporters.duration import duration
from gateway.spec.address import parse_address
from gateway.spec.dump import dump
from gateway.spec.model import Spec

PYTHON = (sys.executable, "-m")
HOST = "127.0.0.1"
RESEND_SECONDS = 60.0
LOOKBACK_SECONDS = 300.0
"""Prometheus' own durations, by its flags."""
YEAR_DAYS = 365.0
READY_SECONDS = 90.0
"""Several stacks start on one machine, perhaps beside other work."""
POLL_SECONDS = 0.1
GATEWAYS = {Ground.SERVICES: ("a", "b"), Ground.BUDGETS: ("a", "b"), Ground.WATCHERS: (), Ground.CLOCK: ("a",)}
LATE = {Ground.BUDGETS: frozenset({"b"})}
"""Those that Prometheus looks for, and that are begun by a fault alone."""
ENDING = ((signal.SIGTERM, 2.0),)


class Gateway(Struct, frozen=True):
    """One gateway of a ground."""

    name: str
    spec: Spec
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "casino.yaml"

    @property
    def run_dir(self) -> Path:
        return self.folder / "run"

    @property
    def public(self) -> tuple[str, int]:
        """Where it speaks plain HTTP."""
        return next(_where(each.address) for each in self.spec.listen.public if each.tls is None)

    def write(self, spec: Spec) -> None:
        """Put a spec in the place of the one it reads, at once."""
        self.write_text(dump(spec))

    def write_text(self, text: str) -> None:
        """Put any text there, at once."""
        unnamed = self.file.with_suffix(".new")
        unnamed.write_text(text)
        unnamed.rename(self.file)


class Site:
    """The stack of one ground. `parts` are known by name; what was killed can be begun again."""

    def __init__(self, ground: Ground, spec: Spec, *, scale: float, stack: Stack, keys: frozenset[Key]) -> None:
        """`keys` are the alerts that are drilled on it. Nothing runs yet.

        Raises:
            PortlessError: the spec has no address that a gateway can have on this machine.
            SeatError: this machine has not the address of a game.
        """
        self.ground, self.scale, self._stack, self._keys = ground, scale, stack, keys
        self.folder = stack.folder / ground.value
        self.folder.mkdir()
        routing = self.folder / "keys"
        routing.mkdir()
        for name in overlay.key_names(spec):
            (routing / name).write_text(overlay.routing_key(name))
        self._claims = Claims()
        self.places = Places(
            prometheus=self._free(),
            alertmanagers=tuple(self._free() for _ in range(2 if ground is Ground.WATCHERS else 1)),
            bridge=self._free(),
            keys=routing,
        )
        self.standin = bind(HOST, 0)
        self.standin_address = f"{HOST}:{self.standin.getsockname()[1]}"
        # Elsewhere a service that is slow must not fail for want of connections, too.
        pool = overlay.POOL if ground is Ground.SERVICES else None
        self.layout = arrange(
            overlay.breakable(spec, pool=pool), self._claims, free_ports=True, seats=bool(GATEWAYS[ground])
        )
        self.spec = overlay.supervised(self.layout.spec, self.places, scale)
        # Rules are made shorter by `time_scale`, and what they take from the spec with them: not twice.
        self._ruled = replace(self.spec, bridge=spec.bridge)
        self.gateways = {name: self._gateway(name) for name in GATEWAYS[ground]}
        self.parts: dict[str, Part] = {}
        self.switches: dict[str, dict[str, str]] = {}
        """Those of games that are on, by the part."""

    async def start(self) -> None:
        """Start everything, in the order in which one needs the other. Raises Failed."""
        self._configure()
        for wave in self._waves():
            self.parts |= {part.name: part for part in wave}
            late = LATE.get(self.ground, frozenset())
            await self._launch([self._known(part.name) for part in wave if part.name not in late])

    def stop(self) -> None:
        """End everything at once: nothing of it is of use any more."""
        for name in reversed(self.parts):
            self.kill(name)
        self._claims.close()

    def _free(self) -> str:
        return f"{HOST}:{unclaimed(HOST, 0, self._claims)}"

    def kill(self, name: str) -> None:
        """End a part at once, as a crash would."""
        self._stack.end(self._known(name))

    async def begin(self, name: str) -> None:
        """Start a part that was killed, and wait until it can be used. Raises Failed."""
        part = self.parts[name]
        if part.listener is not None:
            self.parts[name] = replace(
                part, listener=socket.create_server(_where(part.look[0][1].removeprefix("http://")))
            )
        await self._launch([self._known(name)])

    def tell(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a part."""
        self._stack.child(self._known(name)).tell(number)

    @property
    def targets(self) -> int:
        """How many processes Prometheus scrapes from the beginning: itself and the bridge are two of them."""
        late = LATE.get(self.ground, frozenset())
        return len(self.gateways.keys() - late) + len(self.places.alertmanagers) + 2

    def seat_names(self, upstream: str) -> tuple[str, ...]:
        """Name the parts that are targets of an upstream."""
        return tuple(name for name in self.parts if name.startswith(f"{upstream} "))

    def seat_url(self, name: str) -> str:
        """Where a game listens."""
        return self.parts[name].look[0][1]

    @property
    def prometheus_file(self) -> Path:
        return self.folder / "prometheus" / "prometheus.yml"

    def alertmanager_file(self, number: int) -> Path:
        return self.folder / f"alertmanager-{number}" / "alertmanager.yml"

    def _known(self, name: str) -> Part:
        return replace(self.parts[name], name=f"{self.ground} {name}")

    async def _launch(self, wave: Sequence[Part]) -> None:
        self._stack.launch(wave)
        deadline = time.monotonic() + READY_SECONDS
        async with httpx.AsyncClient(timeout=2.0) as client:
            for part in wave:
                while part.ready and not await _answers(client, part.ready):
                    if not self._stack.runs(part) or time.monotonic() > deadline:
                        raise Failed(f"{part.name} does not answer on {part.ready}")
                    await asyncio.sleep(POLL_SECONDS)

    def _gateway(self, name: str) -> Gateway:
        folder = self.folder / name
        (folder / "log").mkdir(parents=True)
        gateway = Gateway(name, overlay.of_gateway(overlay.listening(self.spec, self._free), folder), folder)
        gateway.write(gateway.spec)
        for certificate in overlay.CERTIFICATES:
            pem.write(folder, certificate, days=YEAR_DAYS)
        return gateway

    def _waves(self) -> tuple[list[Part], ...]:
        watching = Supervision(
            spec=self.spec, standin=self.standin, standin_url=f"http://{self.standin_address}", files={},
            prometheus=_program(PROMETHEUS.names), alertmanager=_program(ALERTMANAGER.names),
        )  # fmt: skip
        [standin] = supervision.standin(watching)
        standin = replace(
            standin, words=(*standin.words[:-1], "--events-per-minute", str(self.spec.pagerduty.per_minute), "--fd")
        )
        alertmanagers = [self._alertmanager(number) for number in range(len(self.places.alertmanagers))]
        bridge = supervision.bridge(watching, self.spec, self.folder)
        watcher = supervision.prometheus(watching, self.folder)
        watcher = replace(watcher, words=(*watcher.words, "--log.level=warn", *self._flags()))
        gateways = [self._serve(gateway) for gateway in self.gateways.values()]
        loads = [self._load()] if self.gateways else []
        waves = ([*parts.games(self.layout), standin, *alertmanagers], [*gateways, bridge], [watcher, *loads])
        return tuple(
            [replace(part, vital=False, stop=part.stop if part in gateways else ENDING) for part in wave]
            for wave in waves
        )

    def _flags(self) -> tuple[str, ...]:
        """What is a matter of time in Prometheus' flags is as much shorter as the rules."""
        return (
            f"--rules.alert.resend-delay={duration(RESEND_SECONDS * self.scale)}",
            f"--query.lookback-delta={duration(LOOKBACK_SECONDS * self.scale)}",
        )

    def _configure(self) -> None:
        self.prometheus_file.parent.mkdir()
        folder = self.prometheus_file.parent / "rules"
        folder.mkdir()
        for name, text in rules.render(self._ruled, self._keys, time_scale=self.scale).items():
            (folder / name).write_text(text)
        [config] = prometheus.render(self.spec, time_scale=self.scale).values()
        self.prometheus_file.write_text(json.dumps(self._scraping(yaml.safe_load(config))))
        [told] = alertmanager.render(self.spec, time_scale=self.scale).values()
        for number in range(len(self.places.alertmanagers)):
            self.alertmanager_file(number).parent.mkdir()
            self.alertmanager_file(number).write_text(told)
        if self.ground in {Ground.BUDGETS, Ground.CLOCK}:
            self._remember()

    def _scraping(self, config: dict[str, object]) -> dict[str, object]:
        """The spec knows one gateway; here are two, or none."""
        scraped = config["scrape_configs"]
        assert isinstance(scraped, list)
        controls = [gateway.spec.listen.control for gateway in self.gateways.values()]
        kept = [each for each in scraped if each["job_name"] != JOB]
        mine = [{"job_name": JOB, "static_configs": [{"targets": controls}]}] if controls else []
        return config | {"scrape_configs": [*mine, *kept]}

    def _remember(self) -> None:
        """Give Prometheus a past, where windows look back for longer than a drill lasts."""
        file = self.folder / "history.om"
        is_long = self.ground is Ground.BUDGETS
        file.write_text(history.text(met(self.spec), now=time.time(), scale=self.scale, is_long=is_long))
        subprocess.run(  # noqa: S603 - a program of Prometheus, on a file of ours
            [_program(("promtool",)), "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(file),
             str(self.prometheus_file.parent / "data")],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        file.unlink()

    def _serve(self, gateway: Gateway) -> Part:
        return Part(
            name=gateway.name,
            words=(*PYTHON, "casino", "serve", str(gateway.file), "--run-dir", str(gateway.run_dir)),
            ready=f"http://{gateway.spec.listen.control}/ready",
            stop=((signal.SIGINT, 0.2), (signal.SIGINT, 3.0)),
        )

    def _load(self) -> Part:
        host, port = self.gateways["a"].public
        words = (*PYTHON, "casino.load", f"http://{host}:{port}", "--rate", str(LOAD_PER_SECOND))
        return Part(name="load", words=words)

    def _alertmanager(self, number: int) -> Part:
        file, url = self.alertmanager_file(number), self.places.alertmanagers[number]
        return Part(
            name=f"alertmanager-{number}", ready=f"http://{url}/-/ready",
            words=(_program(ALERTMANAGER.names), f"--config.file={file}", f"--storage.path={file.parent / 'data'}",
                   f"--web.listen-address={url}", "--cluster.listen-address=", "--log.level=warn"),
        )  # fmt: skip


def missing() -> tuple[str, ...]:
    """Name Debian's packages that this machine lacks."""
    wanted = (PROMETHEUS.names, PROMETHEUS.package), (ALERTMANAGER.names, ALERTMANAGER.package)
    return tuple(package for names, package in wanted if not any(map(shutil.which, names)))


def scale_of(ground: Ground, wanted: float | None) -> float:
    """Return how much shorter durations are on a ground; the clock's are never."""
    return SCALES[ground] if wanted is None or ground is Ground.CLOCK else wanted


def _program(names: Sequence[str]) -> str:
    return next(path for path in map(shutil.which, names) if path)


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _where(address: str) -> tuple[str, int]:
    where = parse_address(address)
    return where.host, where.port
