"""Secrets that the portal must be able to read again lie encrypted in the database.

The key comes from CAIA_SECRET_KEY, so a stolen copy of the database alone opens nothing. A former key in
SECRET_KEY_FALLBACKS still reads what it wrote.
"""

import base64
import functools

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes


def seal(text: str) -> str:
    """The text encrypted and authenticated (Fernet: AES-128-CBC with HMAC-SHA256)."""
    return _fernet().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """The text again; raises cryptography's InvalidToken when it was changed or written under another key."""
    return _fernet().decrypt(sealed.encode()).decode()


@functools.cache
def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(_derived(key)) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _derived(secret: str | bytes) -> bytes:
    derivation = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"caia.signin.vault")
    return base64.urlsafe_b64encode(derivation.derive(force_bytes(secret)))
