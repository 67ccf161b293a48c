"""One ground: a whole local stack with ports, folders and configurations of its own, whose parts can be killed and begun again."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import yaml
from msgspec import Struct
from msgspec.structs import replace

from alerts import alertmanager, prometheus, render
from alerts.gateway import JOB
from casino.drill import history, overlay
from casino.drill.budgets import LOAD_PER_SECOND, met
from casino.drill.fault import SCALES, Ground
from casino.drill.overlay import Places
from casino.drill.pem import write as write_certificate
from casino.layout import Seat, arrange
from casino.stack import Part, Stack
from exporters.duration import duration
from gateway.spec.address import parse_address
from gateway.spec.dump import dump
from gateway.spec.model import Spec

PYTHON = (sys.executable, "-m")
PROMETHEUS = "prometheus"
ALERTMANAGERS = ("prometheus-alertmanager", "alertmanager")
ROUTING_KEY = "d" * 32
RESEND_SECONDS = 60.0
LOOKBACK_SECONDS = 300.0
YEAR_DAYS = 365.0
WORKERS = {Ground.SERVICES: 1, Ground.BUDGETS: 2, Ground.WATCHERS: 1, Ground.CLOCK: 1}
LOOPBACK = "127.0.0.1"
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
        return next(_where(each.address) for each in self.spec.listen.public if each.tls is None)

    def write(self, spec: Spec) -> None:
        """Put a spec in the place of the one it reads, at once."""
        self.write_text(dump(spec))

    def write_text(self, text: str) -> None:
        unnamed = self.file.with_suffix(".new")
        unnamed.write_text(text)
        unnamed.rename(self.file)


class Site:
    """The stack of one ground. `parts` are known by name; what was killed can be begun again."""

    def __init__(self, ground: Ground, spec: Spec, *, scale: float, stack: Stack, files: frozenset[str]) -> None:
        """`files` are the rule files it loads, without their ending. Nothing runs yet."""
        self.ground, self.scale, self._stack = ground, scale, stack
        self.folder = stack.folder / ground.value
        self.folder.mkdir()
        self._files = files
        self.has_gateways = ground is not Ground.WATCHERS
        self._reserved: list[socket.socket] = []
        key_file = self.folder / "routing-key"
        key_file.write_text(ROUTING_KEY)
        self.places = Places(
            folder=self.folder,
            prometheus=self._free(),
            alertmanagers=tuple(self._free() for _ in range(2 if ground is Ground.WATCHERS else 1)),
            bridge=self._free(),
            key_file=key_file,
        )
        self.standin = self._free()
        layout = arrange(overlay.breakable(spec, workers=WORKERS[ground]), free_ports=True, seats=self.has_gateways)
        self.spec = overlay.supervised(layout.spec, self.places, scale)
        self.seats = layout.seats
        self.gateways = {name: self._gateway(name) for name in self._gateway_names()}
        self.parts: dict[str, Part] = {}
        self.switches: dict[str, dict[str, str]] = {}
        """Those that are on, by the part."""

    def _gateway_names(self) -> tuple[str, ...]:
        if not self.has_gateways:
            return ()
        return ("a", "b") if self.ground is Ground.SERVICES else ("a",)

    def _gateway(self, name: str) -> Gateway:
        folder = self.folder / name
        (folder / "log").mkdir(parents=True)
        spec = overlay.listening(self.spec, self._free)
        gateway = Gateway(name, overlay.of_gateway(spec, folder), folder)
        gateway.write(gateway.spec)
        for certificate in overlay.CERTIFICATES:
            write_certificate(folder, certificate, days=YEAR_DAYS)
        return gateway

    def waves(self) -> tuple[list[Part], ...]:
        """Return what must run, in the order in which one needs the other. Writes what they read."""
        self._configure()
        seats = [self._seat(seat) for seat in self.seats]
        standin = Part(
            name=self._named("standin"), ready=f"http://{self.standin}/standin/state", stop=ENDING,
            words=(*PYTHON, "alerts.pagerduty.standin", "--listen", self.standin, "--adopt",
                   "--events-per-minute", str(int(120 / self.scale))),
        )  # fmt: skip
        gateways = [self._serve(gateway) for gateway in self.gateways.values()]
        loads = [self._load()] if self.gateways else []
        alertmanagers = [self._alertmanager(number) for number in range(len(self.places.alertmanagers))]
        waves = ([*seats, standin, *alertmanagers], [*gateways, self._bridge()], [self._prometheus(), *loads])
        self.parts = {part.name.removeprefix(f"{self.ground} "): part for wave in waves for part in wave}
        return waves

    def kill(self, name: str) -> None:
        """End a part at once, as a crash would."""
        self._stack.end(self.parts[name])

    def begin(self, name: str) -> None:
        """Start a part that was killed, and wait until it can be used."""
        part = self.parts[name]
        if part.listener is not None:
            host, port = _where(part.look[0][1].removeprefix("http://"))
            part = replace(part, listener=socket.create_server((host, port), backlog=1024))
            self.parts[name] = part
        self._stack.start([part])

    def tell(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a part."""
        self._stack.child(self.parts[name]).tell(number)

    def seat_names(self, upstream: str) -> tuple[str, ...]:
        """Name the parts that are targets of an upstream."""
        return tuple(name for name in self.parts if name.startswith(f"{upstream} "))

    def seat_url(self, name: str) -> str:
        return self.parts[name].look[0][1]

    @property
    def prometheus_file(self) -> Path:
        return self.folder / "prometheus" / "prometheus.yml"

    def alertmanager_file(self, number: int) -> Path:
        return self.folder / f"alertmanager-{number}" / "alertmanager.yml"

    def _free(self) -> str:
        """Reserve a port of this machine: bound, so that the kernel gives it to nobody else, and not listened on."""
        reserved = socket.socket()
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind((LOOPBACK, 0))
        self._reserved.append(reserved)
        return f"{LOOPBACK}:{reserved.getsockname()[1]}"

    def _named(self, name: str) -> str:
        return f"{self.ground} {name}"

    def _configure(self) -> None:
        rules = render.render(self.spec, time_scale=self.scale)
        kept = {path: text for path, text in rules.items() if Path(path).stem in self._files}
        for path, text in kept.items():
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (config,) = prometheus.render(self.spec, time_scale=self.scale).values()
        self.prometheus_file.write_text(json.dumps(self._scraping(yaml.safe_load(config))))
        (told,) = alertmanager.render(self.spec, time_scale=self.scale).values()
        for number in range(len(self.places.alertmanagers)):
            self.alertmanager_file(number).parent.mkdir()
            self.alertmanager_file(number).write_text(told)
        self._remember()

    def _scraping(self, config: dict[str, object]) -> dict[str, object]:
        """Two gateways are scraped where the spec knows one; one without gateways scrapes none."""
        controls = [gateway.spec.listen.control for gateway in self.gateways.values()]
        jobs = {
            JOB: controls, "prometheus": [self.places.prometheus], "alertmanager": list(self.places.alertmanagers),
            "bridge": [self.places.bridge],
        }  # fmt: skip
        scraped = [
            {"job_name": job, "static_configs": [{"targets": targets}]} for job, targets in jobs.items() if targets
        ]
        return config | {"scrape_configs": scraped}

    def _remember(self) -> None:
        """Give Prometheus a past, where windows look back for longer than a drill lasts."""
        promises = tuple(each for each in met(self.spec) if f"objective-{each.route}-{each.kind}" in self._files)
        if self.ground not in {Ground.BUDGETS, Ground.CLOCK}:
            return
        file = self.folder / "history.om"
        is_long = self.ground is Ground.BUDGETS
        file.write_text(history.text(promises, now=time.time(), scale=self.scale, is_long=is_long))
        subprocess.run(  # noqa: S603 - a program of Prometheus, on a file of ours
            ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(file), str(self.folder / "tsdb")],  # noqa: S607 - where the system has it
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        file.unlink()

    def _seat(self, seat: Seat) -> Part:
        name = f"{seat.game} {seat.version} {seat.url.rpartition(':')[2]}"
        return Part(
            name=self._named(name), words=(*PYTHON, "casino.games", seat.game, "--version", seat.version, "--fd"),
            listener=seat.listener, look=((name, seat.url),), ready=f"{seat.url}/health", stop=ENDING,
        )  # fmt: skip

    def _serve(self, gateway: Gateway) -> Part:
        return Part(
            name=self._named(gateway.name),
            words=(*PYTHON, "casino", "serve", str(gateway.file), "--run-dir", str(gateway.run_dir)),
            ready=f"http://{gateway.spec.listen.control}/ready",
            stop=((signal.SIGINT, 0.2), (signal.SIGINT, 3.0)),
        )

    def _load(self) -> Part:
        host, port = self.gateways["a"].public
        words = (*PYTHON, "casino.load", f"http://{host}:{port}", "--rate", str(LOAD_PER_SECOND))
        return Part(name=self._named("load"), words=words, stop=ENDING)

    def _bridge(self) -> Part:
        file = self.folder / "bridge.yaml"
        file.write_text(dump(self.spec))
        return Part(
            name=self._named("bridge"), ready=f"http://{self.places.bridge}/health", stop=ENDING,
            words=(*PYTHON, "casino", "bridge", "serve", str(file), "--state", str(self.folder / "bridge"),
                   "--events-url", f"http://{self.standin}"),
        )  # fmt: skip

    def _alertmanager(self, number: int) -> Part:
        program = next(filter(shutil.which, ALERTMANAGERS))
        file, address = self.alertmanager_file(number), self.places.alertmanagers[number]
        return Part(
            name=self._named(f"alertmanager-{number}"), ready=f"http://{address}/-/ready", stop=ENDING,
            words=(program, f"--config.file={file}", f"--storage.path={file.parent / 'data'}",
                   f"--web.listen-address={address}", "--cluster.listen-address=", "--log.level=warn"),
        )  # fmt: skip

    def _prometheus(self) -> Part:
        address = self.places.prometheus
        return Part(
            name=self._named("prometheus"), ready=f"http://{address}/-/ready", stop=ENDING,
            words=(PROMETHEUS, f"--config.file={self.prometheus_file}", f"--storage.tsdb.path={self.folder / 'tsdb'}",
                   f"--web.listen-address={address}", "--log.level=warn",
                   # What is a matter of time in its flags is as much shorter as the rules.
                   f"--rules.alert.resend-delay={duration(RESEND_SECONDS * self.scale)}",
                   f"--query.lookback-delta={duration(LOOKBACK_SECONDS * self.scale)}"),
        )  # fmt: skip


def missing() -> tuple[str, ...]:
    """Name the programs that this machine lacks."""
    has_alertmanager = any(map(shutil.which, ALERTMANAGERS))
    wanted = {
        "prometheus": shutil.which(PROMETHEUS),
        "promtool": shutil.which("promtool"),
        "alertmanager": has_alertmanager,
    }
    return tuple(name for name, found in wanted.items() if not found)


def scale_of(ground: Ground, wanted: float | None) -> float:
    """Return how much shorter durations are on a ground; the clock's are never."""
    return SCALES[ground] if wanted is None or ground is Ground.CLOCK else wanted


def _where(address: str) -> tuple[str, int]:
    where = parse_address(address)
    return where.host, where.port
