"""An authority of the tests' own, and what it signs: files as operators have them."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from gateway.spec.listen import Certificate

DAY = timedelta(days=1)


class Authority:
    """Signs certificates, and writes them as PEM files into one folder."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self._authority = trustme.CA()
        self.file = folder / f"{name}.pem"
        self._authority.cert_pem.write_to_path(self.file)

    def issue(self, name: str, *hosts: str, days: tuple[float, float] = (-1, 30), **options) -> Certificate:
        """Write `name`.pem and `name`.key for these hosts, valid from and until so many days from now."""
        now = datetime.now(UTC)
        begins, ends = now + days[0] * DAY, now + days[1] * DAY
        issued = self._authority.issue_cert(*(hosts or (name,)), not_before=begins, not_after=ends, **options)
        files = Certificate(certificate=str(self.folder / f"{name}.pem"), key=str(self.folder / f"{name}.key"))
        replace(files.certificate, b"".join(part.bytes() for part in issued.cert_chain_pems))
        replace(files.key, issued.private_key_pem.bytes())
        return files

    def client(
        self, shown: Certificate | None = None, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    ) -> ssl.SSLContext:
        """What a client uses that trusts this authority and perhaps shows a certificate."""
        context = ssl.create_default_context(cafile=self.file)
        context.minimum_version = context.maximum_version = version
        context.set_alpn_protocols(["http/1.1"])
        if shown:
            context.load_cert_chain(shown.certificate, shown.key)
        return context


def replace(file: str, content: bytes) -> None:
    """Put a file in the place of another at once, as deployments do."""
    unnamed = Path(f"{file}.new")
    unnamed.write_bytes(content)
    unnamed.rename(file)
