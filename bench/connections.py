"""Which process holds which connections, as the kernel sees it (not as a product counts it)."""

from pathlib import Path

ESTABLISHED = "01"


def parse_inodes(table: str, port: int) -> set[str]:
    """Find the socket inodes of established connections to a local port in /proc/net/tcp (proc(5))."""
    rows = (line.split() for line in table.splitlines()[1:])
    return {row[9] for row in rows if row[3] == ESTABLISHED and int(row[1].rsplit(":", 1)[1], 16) == port}


def descriptors(pid: int) -> list[str]:
    """List what a process has open; nothing when it has ended."""
    try:
        return [entry.name for entry in Path(f"/proc/{pid}/fd").iterdir()]
    except FileNotFoundError:
        return []


def sockets_of(pid: int) -> set[str]:
    """List the inodes of the sockets a process has open."""
    found: set[str] = set()
    for name in descriptors(pid):
        try:
            link = str(Path(f"/proc/{pid}/fd/{name}").readlink())
        except FileNotFoundError:
            continue
        if link.startswith("socket:["):
            found.add(link[8:-1])
    return found


def held_by(pids: set[int], port: int) -> dict[int, int]:
    """Count the established connections on a local port that each process holds."""
    inodes = parse_inodes(Path("/proc/net/tcp").read_text(), port)
    return {pid: len(inodes & sockets_of(pid)) for pid in pids}
