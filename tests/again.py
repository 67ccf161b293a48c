"""A second run, alone, of the few tests that failed beside others: `python -m tests.again`, called by `make test`.

Some 6,000 tests over real sockets share two cores with a machine that at times stands still for a second. One that fails
then and passes alone, with nothing beside it, is named at the end so that it is mended; one that fails twice fails the
run, and so do more than a handful, for that is no accident. See docs/decisions.md, 30.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

HANDFUL = 3
"""Tests that may be asked again; one in two thousand."""
FAILED = Path(".pytest_cache") / "v" / "cache" / "lastfailed"
PASSED, FAILURE = 0, 1


def again(folder: Path) -> int:
    """Run what failed last in a folder once more; 0 when all of it passes now."""
    failed = sorted(json.loads((folder / FAILED).read_text())) if (folder / FAILED).is_file() else []
    if not 0 < len(failed) <= HANDFUL:
        say(f"{len(failed)} tests failed: none is asked again")
        return FAILURE
    say(f"asked again, alone: {', '.join(failed)}")
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    done = subprocess.run([sys.executable, "-m", "pytest", *failed], cwd=folder, env=environment, check=False)
    if done.returncode == PASSED:
        say("\n  ".join(["FRAGILE, to be mended: failed beside others, passed alone:", *failed]))
    return done.returncode


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(again(Path.cwd()))
