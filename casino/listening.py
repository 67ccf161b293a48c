"""Who listens on a port of this machine, as the kernel tells it (proc_net(5), proc_pid_fd(5))."""

from pathlib import Path

LISTENS = "0A"
STATE, LOCAL, INODE = 3, 1, 9
"""Columns of /proc/net/tcp."""


def listens(pid: int, port: int) -> bool:
    """Whether a process of this user holds a socket that listens on a TCP port. False, too, once it has ended."""
    process = Path("/proc") / str(pid)
    try:
        held = {str(file.readlink()) for file in (process / "fd").iterdir()}
        return any(f"socket:[{inode}]" in held for inode in _listeners(process, port))
    except FileNotFoundError:  # it ended, or closed a file while we looked
        return False


def _listeners(process: Path, port: int) -> list[str]:
    lines = [line.split() for table in ("tcp", "tcp6") for line in _table(process / "net" / table)]
    return [
        columns[INODE]
        for columns in lines
        if columns[STATE] == LISTENS and int(columns[LOCAL].rpartition(":")[2], 16) == port
    ]


def _table(path: Path) -> list[str]:
    """Rows without their head; none where the kernel has no IPv6."""
    return path.read_text().splitlines()[1:] if path.exists() else []
