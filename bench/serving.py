"""Running one entrant, or the upstream, in memory and on free ports; nothing of it is left behind."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import yaml
from trustme import CA

from bench.fetch import answers, free_ports, wait_until
from bench.machine import Cores
from bench.product import DIRECT, HERE, PAGE_BYTES, PEERS, SMALL, Edit, Entrant, find
from bench.tree import Tree

START_SECONDS = 20.0


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where things are in one run of one entrant; ports are free ones, chosen by the system."""

    directory: Path
    public: int
    control: int
    tls: int
    v1: int
    v2: int

    def fill(self, text: str) -> str:
        words = {
            "@DIR@": str(self.directory),
            "@PUBLIC@": str(self.public),
            "@CONTROL@": str(self.control),
            "@TLS@": str(self.tls),
            "@V1@": str(self.v1),
            "@V2@": str(self.v2),
        }
        for word, value in words.items():
            text = text.replace(word, value)
        return text


class Running(msgspec.Struct, frozen=True):
    """An entrant that answers."""

    entrant: Entrant
    places: Places
    tree: Tree

    def url(self, path: str = SMALL) -> str:
        scheme = "https" if self.entrant.tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    @property
    def port(self) -> int:
        """Where its clients connect."""
        return self.places.tls if self.entrant.tls else self.places.public

    @property
    def health_port(self) -> int:
        return self.places.public if self.entrant.product.health_port == "public" else self.places.control

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


def merge_patch(target: Any, patch: Any) -> Any:
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


def patched(patch: object) -> Edit:
    """Make an `Entrant.edit` of a merge patch."""
    return lambda target: merge_patch(target, patch)


@contextmanager
def scratch() -> Iterator[Path]:
    """Lend a directory in memory: no product's log shall meet the speed of a disk."""
    with tempfile.TemporaryDirectory(prefix="casino-bench-", dir="/dev/shm") as name:
        Path(name).chmod(0o755)  # nginx, started by root, serves as nobody
        yield Path(name)


def start(command: tuple[str, ...], places: Places, *, core: int, environ: dict[str, str]) -> Tree:
    program = find(command[0])
    if program is None:
        raise StartError(f"{command[0]} is not installed")
    words = [program, *(places.fill(word) for word in command[1:])]
    return Tree(words, core=core, directory=places.directory, environ=environ)


def wait_ready(tree: Tree, port: int, name: str, headers: Mapping[str, str] | None = None) -> None:
    if not wait_until(lambda: answers(port, SMALL, headers) or not tree.alive(), START_SECONDS) or not tree.alive():
        raise StartError(f"{name} did not come up in {START_SECONDS:.0f} s: {tree.last_words() or 'it said nothing'}")


@contextmanager
def upstream(core: int) -> Iterator[Upstream]:
    """Run the upstream beside the generator."""
    v1, v2 = free_ports(2)
    with scratch() as directory:
        places = Places(directory=directory, public=v1, control=v1, tls=v1, v1=v1, v2=v2)
        (directory / "upstream.conf").write_text(places.fill((HERE / "upstream.conf").read_text()))
        (directory / "file").write_bytes(b"0123456789abcdef" * 62_500)
        (directory / "page").write_bytes(b"p" * PAGE_BYTES)
        (directory / "sink").touch()
        command = ("nginx", "-p", "@DIR@", "-c", "@DIR@/upstream.conf")
        with start(command, places, core=core, environ={}) as tree:
            wait_ready(tree, v1, "the upstream")
            yield Upstream(tree=tree, v1=v1, v2=v2)


def write_certificate(directory: Path) -> None:
    """Make what every listener for TLS shows: `server.pem` (ECDSA on P-256), `server.key`, and both in `both.pem`."""
    authority = CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    (directory / "server.pem").write_bytes(chain)
    (directory / "server.key").write_bytes(issued.private_key_pem.bytes())
    (directory / "both.pem").write_bytes(issued.private_key_pem.bytes() + chain)
    for name in ("server.key", "both.pem"):
        (directory / name).chmod(0o644)  # servers started by root read it as somebody else
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))


def configure(entrant: Entrant, places: Places) -> None:
    """Write the product's configuration, ports filled in and the entrant's changes made."""
    for name in entrant.product.files:
        text = places.fill((PEERS / name).read_text())
        if entrant.edit is not None:
            text = places.fill(yaml.safe_dump(entrant.edit(yaml.safe_load(text)), sort_keys=False))
        (places.directory / name).write_text(text)


@contextmanager
def serving(entrant: Entrant, behind: Upstream, cores: Cores) -> Iterator[Running]:
    """Run one entrant on the product's core until the block ends.

    Raises:
        StartError: it did not answer in `START_SECONDS`.

    """
    public, control, tls = free_ports(3)
    with scratch() as directory:
        places = Places(directory=directory, public=public, control=control, tls=tls, v1=behind.v1, v2=behind.v2)
        if entrant.product is DIRECT:
            yield Running(entrant, msgspec.structs.replace(places, public=behind.v1), behind.tree)
            return
        write_certificate(directory)
        configure(entrant, places)
        product = entrant.product
        with start(product.command, places, core=cores.product, environ=product.environ) as tree:
            wait_ready(tree, public, entrant.name, entrant.headers)
            yield Running(entrant, places, tree)
