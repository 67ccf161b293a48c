"""Makes a file of shared memory with all its pages: a file system that fills up later cannot kill a process (SIGBUS)."""

import os
from pathlib import Path


def allocate(path: Path, header: bytes, size_bytes: int) -> None:
    """Make the file, all 0 behind its header. Raises OSError when there is no room for it."""
    with path.open("wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size_bytes)
        except OSError as refused:
            raise OSError(refused.errno, f"no room for {size_bytes} bytes of shared memory", str(path)) from refused
        file.write(header)
