"""Programs the bench compiles for itself: its own generator (C) and KrakenD's engine (Go). Kept in build/bench/bin.

A program is built when it is first needed, and again when a source of it is newer. Who lacks the compiler, or the
network that Go's modules come from, is told which, and the rest is measured without it.
"""

import os
import shutil
import subprocess
from pathlib import Path

import msgspec

HERE = Path(__file__).parent
BIN = HERE.parent / "build" / "bench" / "bin"
COMPILERS = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/go/bin"])
BUILD_SECONDS = 600.0
"""Go fetches and compiles some fifty modules the first time."""


class NotBuiltError(Exception):
    """A program could not be compiled; the text says why."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How a program comes to be. `@OUT@` in the command is where it goes."""

    name: str
    sources: tuple[Path, ...]
    command: tuple[str, ...]
    folder: Path = HERE

    @property
    def path(self) -> Path:
        return BIN / self.name

    def is_built(self) -> bool:
        if not self.path.exists():
            return False
        built = self.path.stat().st_mtime
        return all(source.stat().st_mtime <= built for source in self.sources)


OPENLOOP = Recipe(
    name="openloop",
    sources=(HERE / "openloop.c",),
    command=("cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", "@OUT@", "openloop.c"),
)
LURA = Recipe(
    name="lura",
    sources=tuple(HERE / "peers" / "lura" / name for name in ("main.go", "go.mod", "go.sum")),
    command=("go", "build", "-buildvcs=false", "-trimpath", "-o", "@OUT@", "."),
    folder=HERE / "peers" / "lura",
)


def build(recipe: Recipe) -> Path:
    """Compile a program unless that is done; hand back where it is.

    Raises:
        NotBuiltError: there is no compiler, or it failed.

    """
    if recipe.is_built():
        return recipe.path
    compiler = shutil.which(recipe.command[0], path=COMPILERS)
    if compiler is None:
        raise NotBuiltError(f"{recipe.command[0]} is not installed, which builds {recipe.name}")
    BIN.mkdir(parents=True, exist_ok=True)
    draft = recipe.path.with_suffix(f".{os.getpid()}")
    words = [str(draft) if word == "@OUT@" else word for word in recipe.command[1:]]
    try:
        subprocess.run(
            [compiler, *words], cwd=recipe.folder, capture_output=True, text=True, timeout=BUILD_SECONDS, check=True
        )
    except subprocess.CalledProcessError as failed:
        raise NotBuiltError(f"{recipe.name} does not build: {failed.stderr.strip()[-500:]}") from failed
    except subprocess.TimeoutExpired as late:
        raise NotBuiltError(f"{recipe.name} was not built in {BUILD_SECONDS:.0f} s") from late
    draft.replace(recipe.path)
    return recipe.path
