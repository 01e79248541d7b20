"""C2SP signed notes: a text and the signatures under it, the keys that make and check them, and cosignatures.

Three kinds of signature: Ed25519 over the text (a log's own), and the two timestamped cosignatures, Ed25519 and
ML-DSA-44. Parsing is strict: what is malformed is refused, never repaired.
https://c2sp.org/signed-note, https://c2sp.org/tlog-cosignature
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from tlog.checkpoint import Checkpoint, Malformed, unbase64

MAX_NOTE_BYTES = 100_000
MAX_SIGNATURES = 32
_LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class Unsigned(Exception):
    """No known key signed this note, or a known key's signature is wrong."""


class Kind(IntEnum):
    """The signature types of c2sp.org/signed-note that we make and check."""

    ED25519 = 0x01
    COSIGNATURE = 0x04
    COSIGNATURE_ML_DSA = 0x06


_PUBLIC_BYTES = {Kind.ED25519: 32, Kind.COSIGNATURE: 32, Kind.COSIGNATURE_ML_DSA: 1312}
_SIGNATURE_BYTES = {Kind.ED25519: 64, Kind.COSIGNATURE: 8 + 64, Kind.COSIGNATURE_ML_DSA: 8 + 2420}
_SEED_BYTES = 32


def is_key_name(name: str) -> bool:
    """Neither empty nor with spaces, plus signs or control characters."""
    return bool(name) and name.isascii() and name.isprintable() and not re.search(r"[\s+]", name)


@dataclass(frozen=True)
class VerifierKey:
    """A public key with its name and kind; its text is a C2SP vkey."""

    name: str
    kind: Kind
    public: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.name):
            raise Malformed(f"{self.name!r} can't be a key's name")
        if len(self.public) != _PUBLIC_BYTES[self.kind]:
            raise Malformed(f"a public key of this kind has {_PUBLIC_BYTES[self.kind]} bytes")

    @cached_property
    def id(self) -> bytes:
        """The first four bytes of SHA-256(name, newline, kind, public key)."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"

    @classmethod
    def parse(cls, vkey: str) -> VerifierKey:
        """The key of this vkey; raises Malformed, also if its identifier does not fit."""
        name, kind, public, identifier = _key_parts(vkey)
        key = cls(name, kind, public)
        if key.id.hex() != identifier:
            raise Malformed(f"the vkey's identifier is {identifier}, not {key.id.hex()}")
        return key

    @cached_property
    def _checker(self) -> Ed25519PublicKey | MLDSA44PublicKey:
        if self.kind is Kind.COSIGNATURE_ML_DSA:
            return MLDSA44PublicKey.from_public_bytes(self.public)
        return Ed25519PublicKey.from_public_bytes(self.public)

    def time_if_valid(self, signature: bytes, text: str) -> int | None:
        """The signature's own time (0 for a kind without one) if it is this key's over this text, else None."""
        if len(signature) != _SIGNATURE_BYTES[self.kind]:
            return None
        at = 0
        if self.kind is not Kind.ED25519:
            at, signature = struct.unpack(">Q", signature[:8])[0], signature[8:]
            if not 0 < at < 2**63:
                return None
        try:
            self._checker.verify(signature, _message(self, text, at))
        except (InvalidSignature, ValueError):
            return None
        return at


def _key_parts(key: str) -> tuple[str, Kind, bytes, str]:
    name, plus, rest = key.partition("+")
    identifier, plus_again, material = rest.partition("+")
    if not plus or not plus_again or not re.fullmatch("[0-9a-f]{8}", identifier):
        raise Malformed("a key is name+identifier+material")
    content = unbase64(material)
    if not content or content[0] not in list(Kind):
        raise Malformed("a key of an unknown kind")
    return name, Kind(content[0]), content[1:], identifier


def _message(key: VerifierKey, text: str, at: int) -> bytes:
    """The bytes that a key of this kind signs for a note's text."""
    if key.kind is Kind.ED25519:
        return text.encode()
    if key.kind is Kind.COSIGNATURE:
        return f"cosignature/v1\ntime {at}\n{text}".encode()
    checkpoint = Checkpoint.parse(text)
    name, origin = key.name.encode(), checkpoint.origin.encode()
    if max(len(name), len(origin)) > 255:
        raise Malformed("a name is too long for an ML-DSA-44 cosignature")
    return (
        b"subtree/v1\n\0"
        + bytes([len(name)]) + name
        + struct.pack(">Q", at)
        + bytes([len(origin)]) + origin
        + struct.pack(">QQ", 0, checkpoint.size)
        + checkpoint.root
    )  # fmt: skip


@dataclass(frozen=True)
class SigningKey:
    """A secret key; its text is `PRIVATE+KEY+` and the parts of a vkey, as in Go's sumdb/note."""

    name: str
    kind: Kind
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.seed) != _SEED_BYTES:
            raise Malformed("a secret key has 32 bytes")

    @cached_property
    def _signer(self) -> Ed25519PrivateKey | MLDSA44PrivateKey:
        if self.kind is Kind.COSIGNATURE_ML_DSA:
            return MLDSA44PrivateKey.from_seed_bytes(self.seed)
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @cached_property
    def verifier(self) -> VerifierKey:
        return VerifierKey(self.name, self.kind, self._signer.public_key().public_bytes_raw())

    def secret_text(self) -> str:
        """The secret key as text, for its file only."""
        material = base64.b64encode(bytes([self.kind]) + self.seed).decode()
        return f"PRIVATE+KEY+{self.name}+{self.verifier.id.hex()}+{material}"

    @classmethod
    def parse(cls, text: str) -> SigningKey:
        """The key that `secret_text` wrote; raises Malformed."""
        if not text.startswith("PRIVATE+KEY+"):
            raise Malformed("not a secret key")
        name, kind, seed, identifier = _key_parts(text.removeprefix("PRIVATE+KEY+"))
        key = cls(name, kind, seed)
        if key.verifier.id.hex() != identifier:
            raise Malformed("the secret key's identifier does not fit it")
        return key

    def sign(self, text: str, *, at: int = 0) -> Signature:
        """This key's signature under a note's text; `at` (Unix seconds) is for cosignatures, and they need it."""
        timed = self.kind is not Kind.ED25519
        if timed != (0 < at < 2**63):
            raise ValueError("a cosignature needs its time, and a plain signature has none")
        value = self._signer.sign(_message(self.verifier, text, at))
        return Signature(self.name, self.verifier.id, (struct.pack(">Q", at) if timed else b"") + value)


@dataclass(frozen=True)
class Signature:
    """One signature line: whose key (name and identifier) and the bytes after the identifier."""

    name: str
    key_id: bytes
    value: bytes

    def __str__(self) -> str:
        return f"— {self.name} {base64.b64encode(self.key_id + self.value).decode()}\n"

    @classmethod
    def parse(cls, line: str) -> Signature:
        """One line without its newline; raises Malformed."""
        match = _LINE.fullmatch(line)
        if not match or not is_key_name(match[1]):
            raise Malformed("a signature line is — name base64")
        content = unbase64(match[2])
        if len(content) < 5:
            raise Malformed("a signature is too short")
        return cls(match[1], content[:4], content[4:])

    def is_by(self, key: VerifierKey) -> bool:
        """Whether it claims to be this key's; says nothing of whether it is valid."""
        return self.name == key.name and self.key_id == key.id


@dataclass(frozen=True)
class Note:
    """A text that ends in a newline, and the signatures under it."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(map(str, self.signatures))}"

    @classmethod
    def parse(cls, note: str | bytes) -> Note:
        """The note in this text; raises Malformed."""
        if len(note) > MAX_NOTE_BYTES:
            raise Malformed("the note is too long")
        try:
            whole = note.decode() if isinstance(note, bytes) else note
            whole.encode()
        except UnicodeError:
            raise Malformed("the note is not UTF-8") from None
        if _CONTROL.search(whole):
            raise Malformed("the note has a control character")
        text, blank, lines = whole.rpartition("\n\n")
        if not blank or not text or not lines.endswith("\n"):
            raise Malformed("a note is text, an empty line, and signature lines")
        signatures = tuple(map(Signature.parse, lines[:-1].split("\n")))
        if len(signatures) > MAX_SIGNATURES:
            raise Malformed(f"a note with more than {MAX_SIGNATURES} signatures")
        return cls(text + "\n", signatures)

    def with_signatures(self, *more: Signature) -> Note:
        """The same note with more signatures; the same one twice is kept once."""
        return Note(self.text, tuple(dict.fromkeys((*self.signatures, *more))))

    def signers(self, keys: Iterable[VerifierKey]) -> dict[VerifierKey, int]:
        """The known keys that signed, each with its signature's time (0 without one).

        Signatures of unknown keys are ignored. Raises Unsigned if a known key's signature is wrong.
        """
        known = {(key.name, key.id): key for key in keys}
        found: dict[VerifierKey, int] = {}
        for signature in self.signatures:
            if key := known.get((signature.name, signature.key_id)):
                at = key.time_if_valid(signature.value, self.text)
                if at is None:
                    raise Unsigned(f"the signature of {key.name} is wrong")
                found[key] = max(at, found.get(key, 0))
        return found

    def checkpoint(self) -> Checkpoint:
        """The checkpoint that the text is; raises Malformed."""
        return Checkpoint.parse(self.text)


def sign_checkpoint(checkpoint: Checkpoint, keys: Iterable[SigningKey], *, at: int) -> Note:
    """A log's own signatures: each key signs, the timed kinds with `at` (Unix seconds)."""
    text = str(checkpoint)
    return Note(text, tuple(key.sign(text, at=0 if key.kind is Kind.ED25519 else at) for key in keys))


def open_checkpoint(note: str | bytes, origin: str, keys: Iterable[VerifierKey]) -> tuple[Note, Checkpoint]:
    """A checkpoint of this log, signed by at least one of these keys; raises Malformed or Unsigned."""
    parsed = Note.parse(note)
    checkpoint = parsed.checkpoint()
    if checkpoint.origin != origin:
        raise Unsigned(f"the checkpoint is of {checkpoint.origin}, not of {origin}")
    if not parsed.signers(keys):
        raise Unsigned(f"no known key of {origin} signed the checkpoint")
    return parsed, checkpoint
