"""A witness's folder: its keys, the logs it watches, the newest checkpoint of each, and all it ever saw.

key            the Ed25519 key (and key.ml-dsa, if made)
logs           one vkey a line: the logs, by the name of their keys; lines with # are remarks
heads/<hash>   the newest cosigned checkpoint of each origin (named by SHA-256, as the monitoring address is)
seen/<month>.jsonl   every checkpoint with a valid signature, as JSON: at, verdict, note; only ever appended to
lock           held while a witness runs, so that two never work on one folder
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from tlog.checkpoint import Malformed
from tlog.keys import create_key, load_key
from tlog.notes import Kind, Note, SigningKey, VerifierKey
from tlog.tiles import sync_folder, write_files

_TAIL_BYTES = 1 << 20


class InUse(Exception):
    """Another witness works on this folder."""


def origin_hash(origin: str) -> str:
    """The name that the protocol gives a log in the monitoring address."""
    return sha256(origin.encode()).hexdigest()


class Home:
    """One witness's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, name: str, *, with_ml_dsa: bool) -> None:
        """Make the folder and its keys; what is already there stays."""
        for folder in (self.folder, self.folder / "heads", self.folder / "seen"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (self.folder / "key").exists():
            create_key(self.folder / "key", name, Kind.COSIGNATURE)
        if with_ml_dsa and not (self.folder / "key.ml-dsa").exists():
            create_key(self.folder / "key.ml-dsa", name, Kind.COSIGNATURE_ML_DSA)
        (self.folder / "logs").touch(mode=0o600)

    def keys(self) -> list[SigningKey]:
        """The Ed25519 key, and the ML-DSA-44 key if there is one."""
        paths = [self.folder / "key", self.folder / "key.ml-dsa"]
        return [load_key(path) for path in paths if path.exists() or path.name == "key"]

    def logs(self) -> dict[str, list[VerifierKey]]:
        """The keys that are trusted for each origin; raises Malformed."""
        found: dict[str, list[VerifierKey]] = defaultdict(list)
        for line in (self.folder / "logs").read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                key = VerifierKey.parse(line.strip())
                found[key.name].append(key)
        return dict(found)

    def trust(self, vkey: str) -> None:
        """Watch this log from now on (or trust a further key of it); raises Malformed."""
        key = VerifierKey.parse(vkey.strip())
        if key in self.logs().get(key.name, []):
            return
        lines = (self.folder / "logs").read_text(encoding="utf-8")
        write_files(self.folder, {"logs": f"{lines}{key}\n".encode()}, mode=0o600)

    def head(self, origin: str) -> Note | None:
        """The newest checkpoint that this witness cosigned for the log, with its cosignatures."""
        try:
            return Note.parse((self.folder / "heads" / origin_hash(origin)).read_bytes())
        except FileNotFoundError:
            return None

    def keep_head(self, origin: str, note: Note) -> None:
        """Store the newest checkpoint; it is on disk when this returns."""
        write_files(self.folder / "heads", {origin_hash(origin): str(note).encode()}, mode=0o600)

    def keep_seen(self, note: Note, verdict: str, at: int) -> None:
        """Append a checkpoint to what was seen; it is on disk when this returns."""
        path = self.folder / "seen" / f"{datetime.fromtimestamp(at, UTC):%Y-%m}.jsonl"
        is_new = not path.exists()
        line = json.dumps({"at": at, "verdict": verdict, "note": str(note)}, ensure_ascii=False)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab", buffering=0) as file:
            file.write(line.encode() + b"\n")
            os.fsync(file.fileno())
        if is_new:
            sync_folder(path.parent)

    def seen_files(self) -> list[Path]:
        """The files of what was seen, oldest first."""
        folder = self.folder / "seen"
        return sorted(path for path in folder.iterdir() if re.fullmatch(r"\d{4}-\d\d\.jsonl", path.name))

    def repair(self) -> None:
        """After a crash: cut half a line off what was seen, and append a head that was stored but not yet noted."""
        files = self.seen_files()
        tail = ""
        if files:
            tail = _whole_lines(files[-1])
        for path in (self.folder / "heads").glob("[0-9a-f]*"):
            note = Note.parse(path.read_bytes())
            if json.dumps(str(note), ensure_ascii=False) not in tail:
                self.keep_seen(note, "cosigned", self.time_of(note))

    def time_of(self, note: Note) -> int:
        """When this witness signed the note."""
        return max(note.signers(key.verifier for key in self.keys()).values(), default=0)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else works on this folder meanwhile; raises InUse."""
        with open(self.folder / "lock", "w", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InUse(f"another witness is running on {self.folder}") from None
            yield


def _whole_lines(path: Path) -> str:
    """Cut an unfinished last line off the file; its last part."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        tail = file.read()
        whole = tail.rfind(b"\n") + 1
        if whole < len(tail):
            if not whole and size > _TAIL_BYTES:
                raise Malformed(f"{path} has no line in its last {_TAIL_BYTES} bytes")
            file.truncate(size - len(tail) + whole)
            os.fsync(file.fileno())
    return tail[:whole].decode("utf-8", "replace")
