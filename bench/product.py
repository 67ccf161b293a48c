"""What is measured: Casino and its peers, each a row here and a configuration with its reasons in `bench/peers`.

An *entrant* is a product as it takes part in one scenario: as it is, or with its configuration changed.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec

from bench.compiled import BIN, LURA, NotBuiltError, Recipe, build

HERE = Path(__file__).parent
PEERS = HERE / "peers"
WHEEL = HERE.parent / "build" / "wheel" / "bin"
"""Where `make bench` installs Casino as it is released: from a wheel, its request path compiled."""
SEARCH_PATH = os.pathsep.join(
    [str(WHEEL), str(Path(sys.executable).parent), str(BIN), os.environ.get("PATH", os.defpath), "/usr/sbin"]
)
SMALL = "/roll/6"
"""The path of the small JSON answer."""
PAGE, PAGE_BYTES = "/page", 128 * 1024
"""That of an answer as large as a page with what it shows, and its length."""


def find(program: str) -> str | None:
    """Look for a program beside this Python, on PATH and where Debian puts servers."""
    return shutil.which(program, path=SEARCH_PATH)


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """One row: how a product is started. `@WORDS@` in command and files are replaced by `Places`."""

    name: str
    command: tuple[str, ...]
    files: tuple[str, ...]
    version: tuple[str, ...]
    environ: dict[str, str] = {}
    log: str = "access.log"
    """Where its access log appears; `stdout` for those that write to no file themselves."""
    json_log: bool = True
    """KrakenD's community edition and its engine write plain lines only."""
    health: str = "/health"
    health_port: Literal["control", "public"] = "control"
    recipe: Recipe | None = None
    """How the bench builds it; None: it is installed or not."""
    instead_of: str = ""
    """Takes part only when this one is not installed."""
    tls: bool = True
    """Whether its configuration has a listener for TLS."""

    def missing(self) -> str:
        """Say why it cannot run; empty when it can."""
        if self.recipe is not None:
            try:
                build(self.recipe)
            except NotBuiltError as error:
                return str(error)
        return "" if find(self.command[0]) else f"{self.command[0]} is not installed"


SECRET_NAME, SECRET = "BENCH_SECRET", "the secret of the bench's own tokens"
ONE_CORE = {"GOMAXPROCS": "1"}
DIRECT = Product(name="direct", command=("nginx",), files=(), version=())
"""The upstream without anything in front: what the generator's core can do at most, and the base of added latency."""
PRODUCTS = (
    Product(
        name="casino",
        command=("casino", "serve", "@DIR@/casino.yaml", "--run-dir", "@DIR@/run"),
        files=("casino.yaml",),
        version=("casino", "--version"),
        environ={SECRET_NAME: SECRET},
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
        health="/__health",
        health_port="public",
        json_log=False,
        tls=False,
    ),
    Product(
        name="lura",
        command=("lura", "@DIR@/krakend.json"),
        files=("krakend.json",),
        version=("lura", "version"),
        environ=ONE_CORE,
        log="stdout",
        health="/__health",
        health_port="public",
        json_log=False,
        recipe=LURA,
        instead_of="krakend",
        tls=False,
    ),
)
CASINO = PRODUCTS[0]
Edit = Callable[[Any], Any]
"""Makes another configuration out of a product's own, both as YAML has them."""


class Entrant(msgspec.Struct, frozen=True):
    """A product, or a variant of one, in one scenario."""

    name: str
    product: Product
    edit: Edit | None = None
    """What is changed in its configuration, which is YAML then."""
    headers: dict[str, str] = {}
    """What its clients must say to be answered."""
    tls: bool = False
    """Its clients speak TLS."""
    once: bool = False
    """One round is enough: it is long, and what it finds is a count and no rate, or is judged by nobody."""


def version_of(product: Product) -> str:
    """Ask a product for its version: the first number with a dot in what it says."""
    program = find(product.version[0]) if product.version else None
    if program is None:
        return ""
    said = subprocess.run([program, *product.version[1:]], capture_output=True, text=True, timeout=20, check=False)
    words = (said.stdout + said.stderr).replace("/", " ").split()
    return next((word.strip("v,") for word in words if word.strip("v")[:1].isdigit() and "." in word), "")
