"""Secrets: what a reference of the spec leads to, in the process that uses it and nowhere else.

A value is never put into a log line, an error, a document or a repr. A file is noticed when it is replaced or written,
by what `stat` says of it (gateway.store.stamp), so that a secret is rotated without a restart; the environment of a
process never changes.
"""

import os
import stat

from gateway.spec.secret import Secret
from gateway.store.stamp import Stamp, stamp

MOST_BYTES = 64 * 1024
"""A key set, a token, a password: all of them are smaller. A reference to a disk image is a mistake."""


class SecretError(Exception):
    """A reference leads to nothing that can be used. Names the reference and why, never the value."""


class Secrets:
    """The secrets of one process; a file is read once, and again only after it changed.

    Keep what you had when `get` raises: a file that is just being replaced may be missing for a moment.
    """

    def __init__(self) -> None:
        self._files: dict[str, tuple[Stamp | None, str]] = {}

    def get(self, secret: Secret) -> str:
        """Return the secret as it is now, without the one newline a file may end in; one `stat` if nothing changed.

        Raises SecretError: there is none, it is empty, or it is no text.
        """
        if secret.env is not None:
            return _environment(secret.env)
        path = secret.file
        assert path is not None, "the rules of the spec see to it that one of them is given"
        now = stamp(path)
        known, value = self._files.get(path, (None, ""))
        if now is None or now != known or not value:
            self._files[path] = now, ""
            value = _read(path)
            self._files[path] = now, value
        return value

    def changed(self) -> bool:
        """Say whether a file is another one than when `get` last looked, for whoever builds something from them.

        A file that vanished is no change; its coming back is.
        """
        stamps = ((stamp(path), known) for path, (known, _) in self._files.items())
        return any(now and now != known for now, known in stamps)


def _environment(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise SecretError(f"the environment variable {name} is {'not set' if value is None else 'empty'}")
    return value


def _read(path: str) -> str:
    try:
        content = _content(path)
    except OSError as fault:
        raise SecretError(f"the secret file {path} cannot be read: {fault.strerror}") from None
    if content is None:
        raise SecretError(f"the secret file {path} is not a file")
    if len(content) > MOST_BYTES:
        raise SecretError(f"the secret file {path} is larger than {MOST_BYTES} bytes")
    value = _text(content)
    if not value:
        raise SecretError(f"the secret file {path} {'is empty' if value == '' else 'is not UTF-8 text'}")
    return value


def _content(path: str) -> bytes | None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not make us wait
    try:
        return os.read(descriptor, MOST_BYTES + 1) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    finally:
        os.close(descriptor)


def _text(content: bytes) -> str | None:
    """Decode; the error of the codec holds the bytes, so it goes no further."""
    try:
        return content.decode().removesuffix("\n")
    except UnicodeDecodeError:
        return None
