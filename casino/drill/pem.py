"""Certificates for a drill's HTTPS listener: signed by nobody, ending when the drill wants them to."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def write(folder: Path, name: str, *, days: float) -> None:
    """Write `name`.pem and `name`.key, for the host `name`.drill.example, ending in so many days; each file at once."""
    key = ec.generate_private_key(ec.SECP256R1())
    host = f"{name}.drill.example"
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    place(folder / f"{name}.key", private)
    place(folder / f"{name}.pem", certificate.public_bytes(serialization.Encoding.PEM))


def place(file: Path, content: bytes) -> None:
    """Put a file in the place of another at once."""
    unnamed = file.with_suffix(f"{file.suffix}.new")
    unnamed.touch(mode=0o600)
    unnamed.write_bytes(content)
    unnamed.rename(file)
