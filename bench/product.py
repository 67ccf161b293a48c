"""What is measured: Casino and its peers, each a row here and a configuration with its reasons in `bench/peers`.

An *entrant* is a product as it takes part in one scenario; Casino may enter in several variants, each a JSON Merge
Patch (RFC 7396) on its spec. `serving` runs one entrant and leaves nothing behind.
"""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import yaml

from bench.machine import Cores
from bench.tree import Tree

HERE = Path(__file__).parent
PEERS = HERE / "peers"
START_SECONDS = 20.0
SEARCH_PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath), "/usr/sbin"])
SMALL = "/roll/6"
"""The path of the small JSON answer."""


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """One row: how a product is started. `@WORDS@` in command and files are replaced by `Places`."""

    name: str
    command: tuple[str, ...]
    files: tuple[str, ...]
    version: tuple[str, ...]
    environ: dict[str, str] = {}
    log: str = "access.log"
    """Where its access log appears; `stdout` for those that write to no file themselves."""
    health: str = "/health"
    """On the control port."""

    def program(self) -> str | None:
        return shutil.which(self.command[0], path=SEARCH_PATH)


ONE_CORE = {"GOMAXPROCS": "1"}
DIRECT = Product(name="direct", command=("nginx",), files=(), version=())
"""The upstream without anything in front: what the generator's core can do at most, and the base of added latency."""
PRODUCTS = (
    Product(
        name="casino",
        command=("casino", "serve", "@DIR@/casino.yaml", "--run-dir", "@DIR@/run"),
        files=("casino.yaml",),
        version=("casino", "--version"),
        health="/health",
    ),
    Product(
        name="nginx",
        command=("nginx", "-p", "@DIR@", "-c", "@DIR@/nginx.conf"),
        files=("nginx.conf",),
        version=("nginx", "-v"),
    ),
    Product(
        name="haproxy",
        command=("haproxy", "-f", "@DIR@/haproxy.cfg"),
        files=("haproxy.cfg",),
        version=("haproxy", "-v"),
        log="stdout",
    ),
    Product(
        name="envoy",
        command=(
            "envoy",
            "-c",
            "@DIR@/envoy.yaml",
            "--concurrency",
            "1",
            "--file-flush-interval-msec",
            "1000",
            "--disable-hot-restart",
            "--log-level",
            "error",
        ),
        files=("envoy.yaml",),
        version=("envoy", "--version"),
        health="/ready",
    ),
    Product(
        name="traefik",
        command=("traefik", "--configFile=@DIR@/traefik.yaml"),
        files=("traefik.yaml", "traefik-routes.yaml"),
        version=("traefik", "version"),
        environ=ONE_CORE,
        health="/ping",
    ),
    Product(
        name="caddy",
        command=("caddy", "run", "--config", "@DIR@/Caddyfile"),
        files=("Caddyfile",),
        version=("caddy", "version"),
        environ=ONE_CORE,
        health="/config/",
    ),
    Product(
        name="krakend",
        command=("krakend", "run", "-c", "@DIR@/krakend.json"),
        files=("krakend.json",),
        version=("krakend", "version"),
        environ=ONE_CORE,
        log="stdout",
        health="/metrics",
    ),
)
CASINO = PRODUCTS[0]


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where things are in one run of one entrant; ports are free ones, chosen by the system."""

    directory: Path
    public: int
    control: int
    v1: int
    v2: int

    def fill(self, text: str) -> str:
        words = {
            "@DIR@": str(self.directory),
            "@PUBLIC@": str(self.public),
            "@CONTROL@": str(self.control),
            "@V1@": str(self.v1),
            "@V2@": str(self.v2),
        }
        for word, value in words.items():
            text = text.replace(word, value)
        return text


class Entrant(msgspec.Struct, frozen=True):
    """A product, or a variant of Casino, in one scenario."""

    name: str
    product: Product
    patch: dict[str, Any] = {}


class Running(msgspec.Struct, frozen=True):
    """An entrant that answers."""

    entrant: Entrant
    places: Places
    tree: Tree

    def url(self, path: str = SMALL) -> str:
        return f"http://127.0.0.1:{self.places.public}{path}"

    @property
    def log(self) -> Path:
        return self.places.directory / self.entrant.product.log


class Upstream(msgspec.Struct, frozen=True):
    """Two clusters of one service, v1 and v2, served by one nginx beside the generator."""

    tree: Tree
    v1: int
    v2: int


class StartError(Exception):
    """A product did not come up; the text holds its last words."""


def merge_patch(target: object, patch: object) -> object:
    """Apply a JSON Merge Patch (RFC 7396, section 2)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def free_ports(count: int) -> list[int]:
    """Let the system choose ports; they are free until somebody else is given them, which a start then reports."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_until(done: Callable[[], bool], seconds: float) -> bool:
    """Poll a condition; False when it did not come true in time."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def fetch(port: int, path: str, *, method: str = "GET", body: bytes = b"", seconds: float = 5) -> tuple[int, bytes]:
    """Make one request on a connection of its own.

    Raises:
        OSError, http.client.HTTPException: no valid answer in time.

    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request(method, path, body or None)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def answers(port: int, path: str) -> bool:
    try:
        return fetch(port, path, seconds=1)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


@contextmanager
def scratch() -> Iterator[Path]:
    """Lend a directory in memory: no product's log shall meet the speed of a disk."""
    with tempfile.TemporaryDirectory(prefix="casino-bench-", dir="/dev/shm") as name:
        Path(name).chmod(0o755)  # nginx, started by root, serves as nobody
        yield Path(name)


def start(command: tuple[str, ...], places: Places, *, core: int, environ: dict[str, str]) -> Tree:
    program = shutil.which(command[0], path=SEARCH_PATH)
    if program is None:
        raise StartError(f"{command[0]} is not installed")
    words = [program, *(places.fill(word) for word in command[1:])]
    return Tree(words, core=core, directory=places.directory, environ=environ)


def wait_ready(tree: Tree, port: int, name: str) -> None:
    if not wait_until(lambda: answers(port, SMALL) or not tree.alive(), START_SECONDS) or not tree.alive():
        raise StartError(f"{name} did not come up in {START_SECONDS:.0f} s: {tree.last_words() or 'it said nothing'}")


@contextmanager
def upstream(core: int) -> Iterator[Upstream]:
    """Run the upstream beside the generator."""
    v1, v2 = free_ports(2)
    with scratch() as directory:
        places = Places(directory=directory, public=v1, control=v1, v1=v1, v2=v2)
        (directory / "upstream.conf").write_text(places.fill((HERE / "upstream.conf").read_text()))
        (directory / "file").write_bytes(b"0123456789abcdef" * 62_500)
        (directory / "sink").touch()
        command = ("nginx", "-p", "@DIR@", "-c", "@DIR@/upstream.conf")
        with start(command, places, core=core, environ={}) as tree:
            wait_ready(tree, v1, "the upstream")
            yield Upstream(tree=tree, v1=v1, v2=v2)


def configure(entrant: Entrant, places: Places) -> None:
    """Write the product's configuration, ports filled in and the entrant's patch applied."""
    for name in entrant.product.files:
        text = (PEERS / name).read_text()
        if entrant.patch:
            text = yaml.safe_dump(merge_patch(yaml.safe_load(text), entrant.patch), sort_keys=False)
        (places.directory / name).write_text(places.fill(text))


@contextmanager
def serving(entrant: Entrant, behind: Upstream, cores: Cores) -> Iterator[Running]:
    """Run one entrant on the product's core until the block ends.

    Raises:
        StartError: it did not answer in `START_SECONDS`.

    """
    public, control = free_ports(2)
    with scratch() as directory:
        places = Places(directory=directory, public=public, control=control, v1=behind.v1, v2=behind.v2)
        if entrant.product is DIRECT:
            yield Running(entrant, msgspec.structs.replace(places, public=behind.v1), behind.tree)
            return
        configure(entrant, places)
        product = entrant.product
        with start(product.command, places, core=cores.product, environ=product.environ) as tree:
            wait_ready(tree, public, entrant.name)
            yield Running(entrant, places, tree)


def version_of(product: Product) -> str:
    """Ask a product for its version: the first number with a dot in what it says."""
    program = shutil.which(product.version[0], path=SEARCH_PATH) if product.version else None
    if program is None:
        return ""
    said = subprocess.run([program, *product.version[1:]], capture_output=True, text=True, timeout=20, check=False)
    words = (said.stdout + said.stderr).replace("/", " ").split()
    return next((word.strip("v,") for word in words if word.strip("v")[:1].isdigit() and "." in word), "")
