"""A certificate of a part's own, made by the packages of .venv; `python -m door.certificate` writes it to stdout."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

from door.ground import bin_path
from door.home import REPO

LASTS = timedelta(days=3650)


def made() -> tuple[str, str]:
    """A new private key and a certificate that it signed for itself, as PEM."""
    words = [str(bin_path("python")), "-m", "door.certificate"]
    said = subprocess.run(words, cwd=REPO, capture_output=True, text=True, check=True, timeout=60).stdout
    key, mark, certificate = said.partition("-----BEGIN CERTIFICATE-----")
    return key, mark + certificate


def main() -> None:
    """Write a new pair to standard output."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.x509.oid import NameOID

    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "caia-storage")])
    now = datetime.now(UTC)
    unsigned = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )  # fmt: skip
    form = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    sys.stdout.write(key.private_bytes(form, serialization.PrivateFormat.PKCS8, plain).decode())
    sys.stdout.write(unsigned.sign(key, None).public_bytes(form).decode())


if __name__ == "__main__":
    main()
