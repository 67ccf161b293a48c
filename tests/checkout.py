"""The files of this repository as a commit made now would hold them."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def files(*patterns: str) -> list[Path]:
    """List what git knows or would add, in order; what is deleted but not committed is left out."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [ROOT / name for name in sorted(set(listed.split("\0")) - {""}) if (ROOT / name).is_file()]
