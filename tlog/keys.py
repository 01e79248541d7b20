"""Key files: made once, readable by their owner only, and replaced with a statement that both keys sign.

A key file holds one line (see `SigningKey.secret_text`). A rotation keeps the old file beside the new one, under
`NAME.retired-<key id>`: what it signed stays checkable by its public half; the operator decides when to destroy it.
"""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from tlog.checkpoint import Malformed
from tlog.notes import Kind, Note, SigningKey, Unsigned, VerifierKey
from tlog.tiles import sync_folder, write_files

_ROTATION = "key rotation v1"


class KeyFileUnsafe(Exception):
    """The key file can be read by others, or is not a plain file; the message says how to put it right."""


def create_key(path: Path, name: str, kind: Kind = Kind.ED25519) -> SigningKey:
    """Make a key and its file; raises FileExistsError rather than write over one."""
    key = SigningKey(name, kind, secrets.token_bytes(32))
    _store(path, key)
    return key


def load_key(path: Path) -> SigningKey:
    """The key in this file; raises FileNotFoundError, KeyFileUnsafe or Malformed."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, encoding="utf-8") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise KeyFileUnsafe(f"{path} is not a plain file")
        if status.st_mode & 0o077:
            raise KeyFileUnsafe(f"{path} can be read by others; run: chmod 600 {path}")
        if status.st_uid not in (0, os.geteuid()):
            raise KeyFileUnsafe(f"{path} belongs to another account")
        return SigningKey.parse(file.read().strip())


def _store(path: Path, key: SigningKey) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(key.secret_text() + "\n")
        file.flush()
        os.fsync(descriptor)
    sync_folder(path.parent)


@dataclass(frozen=True)
class Rotation:
    """From a log size on, one key signs in place of another. At `from_size` itself both may have signed."""

    origin: str
    old: VerifierKey
    new: VerifierKey
    from_size: int
    at: int

    def __str__(self) -> str:
        return f"{_ROTATION}\n{self.origin}\nold {self.old}\nnew {self.new}\nfrom {self.from_size}\ntime {self.at}\n"

    @classmethod
    def parse(cls, text: str) -> Rotation:
        """The rotation of this text; raises Malformed."""
        lines = text.split("\n")
        if len(lines) != 7 or lines[0] != _ROTATION or lines[6]:
            raise Malformed("not a key rotation")
        values = []
        for word, line in zip(("old ", "new ", "from ", "time "), lines[2:6], strict=True):
            if not line.startswith(word):
                raise Malformed(f"a key rotation without its line {word.strip()}")
            values.append(line.removeprefix(word))
        old, new, from_size, at = values
        if not (from_size + at).isascii() or not from_size.isdigit() or not at.isdigit():
            raise Malformed("a key rotation's size or time is not a number")
        rotation = cls(lines[1], VerifierKey.parse(old), VerifierKey.parse(new), int(from_size), int(at))
        if str(rotation) != text or rotation.old == rotation.new:
            raise Malformed("a key rotation with stray characters, or to the same key")
        if rotation.old.kind is not Kind.ED25519 or rotation.new.kind is not Kind.ED25519:
            raise Malformed("a log's own key is Ed25519")
        return rotation


def rotation_note(old: SigningKey, new: SigningKey, *, origin: str, from_size: int, at: int) -> Note:
    """The statement that `new` follows `old`, signed by both."""
    text = str(Rotation(origin, old.verifier, new.verifier, from_size, at))
    Rotation.parse(text)
    return Note(text, (old.sign(text), new.sign(text)))


def open_rotation(note: str | bytes) -> Rotation:
    """The rotation in this note, signed by both of its keys; raises Malformed or Unsigned."""
    parsed = Note.parse(note)
    rotation = Rotation.parse(parsed.text)
    if set(parsed.signers((rotation.old, rotation.new))) != {rotation.old, rotation.new}:
        raise Unsigned("a key rotation is signed by the old key and by the new one")
    return rotation


def rotate_key(path: Path, *, origin: str, from_size: int, at: int) -> tuple[SigningKey, Path]:
    """Put a new key of the same name in this file; the new key and the file of the signed statement.

    At every moment `path` holds one whole key. If the machine stops half-way, the old key is still in force and the
    next call starts anew.
    """
    old = load_key(path)
    coming = path.with_name(path.name + ".coming")
    coming.unlink(missing_ok=True)
    new = create_key(coming, old.name, old.kind)
    note = rotation_note(old, new, origin=origin, from_size=from_size, at=at)
    statement = path.with_name(f"{path.name}.rotation-{new.verifier.id.hex()}")
    write_files(path.parent, {statement.name: str(note).encode()}, mode=0o644)
    retired = path.with_name(f"{path.name}.retired-{old.verifier.id.hex()}")
    if not retired.exists():
        os.link(path, retired)
    os.replace(coming, path)
    sync_folder(path.parent)
    return new, statement
