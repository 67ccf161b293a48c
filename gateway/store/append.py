"""Appends whole lines to a regular file, for whoever keeps a log."""

import os


def append(descriptor: int, lines: bytes) -> int:
    """Append what there is space for and return how many bytes of whole lines that was; 0 if the file takes none.

    A line that found space for its beginning only is taken back, unless somebody else has written behind it.
    """
    try:
        written = os.write(descriptor, lines)
    except OSError:
        return 0
    whole = lines.rfind(b"\n", 0, written) + 1
    end = os.lseek(descriptor, 0, os.SEEK_CUR)
    if whole < written and os.fstat(descriptor).st_size == end:
        os.ftruncate(descriptor, end - (written - whole))
    return whole
