"""Starts the same command line anew in this process: its pid stays, its sockets stay open, and clients wait in their queues.

A new process beside this one, as in an upgrade, would not do: in a container the end of the first process ends all.
"""

import fcntl
import os
import socket
import sys
from typing import NoReturn
from urllib.parse import quote

from gateway.serve.listeners import FIRST_INHERITED


def start_anew(sockets: list[tuple[str, socket.socket]]) -> NoReturn:
    """Become a new build, which inherits the sockets as it would from systemd. No child may live any more.

    Raises:
        OSError: the program cannot be started.
    """
    beyond = FIRST_INHERITED + len(sockets)
    copies = [fcntl.fcntl(opened.fileno(), fcntl.F_DUPFD_CLOEXEC, beyond) for _, opened in sockets]
    for number, copy in enumerate(copies, FIRST_INHERITED):
        os.dup2(copy, number)
    names = ":".join(quote(address, safe="/") for address, _ in sockets)
    inheritance = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(sockets)), "LISTEN_FDNAMES": names}
    words = [word for word in sys.orig_argv if word != "--upgrade"]  # there is nothing to take over from
    os.execvpe(words[0], words, os.environ | inheritance)  # noqa: S606 - our own command line
