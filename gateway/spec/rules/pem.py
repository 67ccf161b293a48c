"""Tries the PEM files a spec names, as whoever uses them will: a file nobody can use is found before anything runs."""

import ssl
from collections.abc import Callable
from pathlib import Path as FilePath

from gateway.spec.nodes import Path
from gateway.spec.problem import Fault
from gateway.spec.rules.report import Report


def try_authorities(file: str, path: Path, report: Report) -> None:
    """Report a file that holds no certificate."""
    _try((file,), path, report, lambda context: context.load_verify_locations(file))


def try_pair(certificate: str, key: str | None, paths: tuple[Path, Path], report: Report) -> None:
    """Report a certificate, or a key that is none or another one's; without `key` the first file holds both."""
    if key is None:
        _try((certificate,), paths[0], report, lambda context: context.load_cert_chain(certificate, password=""))
    elif _try((certificate,), paths[0], report, lambda context: context.load_verify_locations(certificate)):
        _try(
            (key, certificate), paths[1], report, lambda context: context.load_cert_chain(certificate, key, password="")
        )


def _try(files: tuple[str, ...], path: Path, report: Report, load: Callable[[ssl.SSLContext], object]) -> bool:
    reason = "there is no such file" if not _is_file(files[0]) else _unusable(load)
    if reason:
        message = f"`{files[0]}` cannot be used: {reason}"
        report.refuse(path, Fault.BAD_VALUE, message, place=report.tree.value_place(path))
    return reason is None


def _is_file(name: str) -> bool:
    try:
        return FilePath(name).is_file()
    except OSError:
        return False


def _unusable(load: Callable[[ssl.SSLContext], object]) -> str | None:
    try:
        load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    except ssl.SSLError as fault:
        return f"not the PEM file expected here ({fault.reason or 'no PEM lines found'})"
    except OSError as fault:
        return (fault.strerror or str(fault)).lower()
    return None
