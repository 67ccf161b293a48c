"""Looks after the certificates of one worker: takes up files that changed, says when each ends, and tells what is wrong."""

import logging
import sys
from typing import Any, Final

from exporters.catalog.gateway import CERTIFICATE_EXPIRY, CERTIFICATE_RELOADS
from gateway.store.keyring import Change, Keyring
from gateway.store.tally import Tally

LOOK_SECONDS: Final = 1.0
"""Files must stand still between two looks: a new certificate is shown within two of them."""
_LATEST_NS: Final = 2**64 - 1
"""In the year 2554: what a counter holds. Certificates may end later."""
_LOG: Final = logging.getLogger("casino.worker")


class Certificates:
    """The keyrings of one worker."""

    def __init__(self, tally: Tally, worker: int) -> None:
        self._tally = tally
        self._worker = str(worker)
        self._keyrings: list[Keyring] = []
        self._due = 0.0

    def begin(self, keyring: Keyring) -> None:
        """Look after one more listener's."""
        sys.unraisablehook = _complain
        self._keyrings.append(keyring)
        for file in keyring.files:
            for result in ("applied", "refused"):
                self._tally.index(CERTIFICATE_RELOADS, (file, result))
        self._tell_ends(keyring)

    def tick(self, now: float) -> None:
        """Look at the files each second."""
        if self._keyrings and now >= self._due:
            self._due = now + LOOK_SECONDS
            for keyring in self._keyrings:
                for change in keyring.refresh():
                    self._tell(change)
                    self._tell_ends(keyring)

    def _tell(self, change: Change) -> None:
        result = "refused" if change.refused else "applied"
        self._tally.add(CERTIFICATE_RELOADS, (change.file, result))
        if change.refused:
            about = {
                "process.name": f"worker-{self._worker}",
                "file.path": change.file,
                "error.message": change.refused,
            }
            _LOG.error("certificate_refused", extra={"fields": about})

    def _tell_ends(self, keyring: Keyring) -> None:
        for pair in keyring.pairs:
            index = self._tally.index(CERTIFICATE_EXPIRY, (pair.files.certificate, self._worker))
            self._tally.values[index] = min(int(pair.certificate.ends * 1e9), _LATEST_NS)


def _complain(unraisable: Any) -> None:
    """Tell of an error nobody can catch, but for a server name that is not ASCII: Python refuses it, and any client can send it."""
    if not (isinstance(unraisable.exc_value, UnicodeDecodeError) and isinstance(unraisable.object, bytes)):
        sys.__unraisablehook__(unraisable)
