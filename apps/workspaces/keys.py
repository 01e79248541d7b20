"""The key that signs what the Hub is told: made once, in a file of the portal's account alone."""

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


def made(place: Path) -> bool:
    """Make the key at this place unless one is there; whether it was made. Whole or not at all, also if two try."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = place.with_name(f".{place.name}.{os.getpid()}")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(pem())
    try:
        os.link(fresh, place)
    except FileExistsError:
        return False
    finally:
        fresh.unlink()
    return True


def pem() -> str:
    """A fresh key, as text."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode("ascii")
