"""Writes an export of the record, line by line with flat memory. The format is in verifier/FORMAT.md."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import BinaryIO, cast

from tlog.canonical import MAX_BYTES
from tlog.keys import open_rotation
from tlog.merkle import inclusion_proof
from tlog.notes import Kind, Note, VerifierKey
from tlog.tiles import WIDTH, TileBroken, TileMissing, TileNodes, TileReader

VERSION = 1
_HELD_BYTES = 1 << 18


@dataclass(frozen=True)
class Witness:
    """A center's witness, as the bundle names it."""

    center: str
    key: VerifierKey


@dataclass(frozen=True)
class Trust:
    """Whose signatures count. `logs` are the log's keys from the first on, `rotations` what links each to the next."""

    origin: str
    logs: tuple[VerifierKey, ...]
    rotations: tuple[Note, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    quorum: int = 0

    def __post_init__(self) -> None:
        if not self.logs or len(self.rotations) != len(self.logs) - 1:
            raise ValueError("a log has a key, and a rotation between each key and the next")
        if any(key.kind is not Kind.ED25519 for key in self.logs):
            raise ValueError("a log's own keys are Ed25519")
        if any(one.key.kind is not Kind.COSIGNATURE for one in self.witnesses):
            raise ValueError("a bundle names the witnesses' Ed25519 keys: its verifiers check no other kind")
        for old, new, note in zip(self.logs, self.logs[1:], self.rotations, strict=False):
            rotation = open_rotation(str(note))
            if (rotation.origin, rotation.old, rotation.new) != (self.origin, old, new):
                raise ValueError("a rotation does not link the two keys that it stands between")

    def as_json(self) -> dict[str, object]:
        """What an auditor keeps as a trust file (without the rotations, which prove themselves)."""
        return {
            "logs": [str(key) for key in self.logs],
            "origin": self.origin,
            "quorum": self.quorum,
            "witnesses": [{"center": one.center, "vkey": str(one.key)} for one in self.witnesses],
        }


def write_whole(
    out: BinaryIO,
    trust: Trust,
    checkpoints: Iterable[Note],
    events: Iterable[str],
    *,
    exported_at: datetime,
    tiles: TileReader | None = None,
    packed: bool = True,
) -> None:
    """The whole record up to the last of these ascending checkpoints: `events` are its exact texts, from the first.

    With `tiles` (the published ones), a verifier can name the very event that was changed.
    """
    with _lines(out, packed=packed) as lines:
        lines.header(trust, "whole", exported_at, span=None, tiles=tiles is not None)
        size = 0
        for note in checkpoints:
            lines.checkpoint(note)
            size = note.checkpoint().size
        nodes = TileNodes(tiles, size) if tiles else None
        index = -1
        for index, event in enumerate(events):
            lines.entry(index, event)
            if nodes and index % WIDTH == WIDTH - 1:
                lines.tile(nodes, index // WIDTH, WIDTH)
        if nodes and (index + 1) % WIDTH:
            lines.tile(nodes, index // WIDTH, (index + 1) % WIDTH)


def write_selection(
    out: BinaryIO,
    trust: Trust,
    checkpoint: Note,
    events: Iterable[tuple[int, str]],
    *,
    exported_at: datetime,
    tiles: TileReader,
    span: tuple[int, int] | None = None,
    packed: bool = True,
) -> None:
    """Chosen events (ascending index, exact text), each with its inclusion proof under this checkpoint.

    With `span`, the events are all those of [start, end), and the verifier holds the bundle to it.
    """
    with _lines(out, packed=packed) as lines:
        lines.header(trust, "selection", exported_at, span=span, tiles=False)
        lines.checkpoint(checkpoint)
        nodes = TileNodes(tiles, checkpoint.checkpoint().size)
        for index, event in events:
            lines.entry(index, event, b"".join(inclusion_proof(nodes, index, nodes.size)))


@contextmanager
def _lines(out: BinaryIO, *, packed: bool) -> Iterator[_Lines]:
    """Lines into `out`, and the end line if nothing went wrong: what fails half-way has none."""
    if not packed:
        lines = _Lines(out)
        yield lines
        lines.end()
        return
    # No time and no name in gzip's own header: the same record gives the same bytes.
    with gzip.GzipFile(filename="", fileobj=out, mode="wb", compresslevel=4, mtime=0) as unpacked:
        lines = _Lines(cast("BinaryIO", unpacked))
        yield lines
        lines.end()


class _Lines:
    """The lines of one bundle, counted and hashed as they go."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._digest = sha256()
        self._counts = {"checkpoints": 0, "entries": 0, "tiles": 0}

    def header(
        self, trust: Trust, kind: str, exported_at: datetime, *, span: tuple[int, int] | None, tiles: bool
    ) -> None:
        at = exported_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        rotations = [str(note) for note in trust.rotations]
        about = {"format": "caia-record", "version": VERSION, "kind": kind, "exported_at": at}
        self._control(
            {**trust.as_json(), **about, "rotations": rotations, "range": list(span) if span else None, "tiles": tiles}
        )

    def checkpoint(self, note: Note) -> None:
        self._counts["checkpoints"] += 1
        self._control({"checkpoint": str(note)})

    def entry(self, index: int, event: str, proof: bytes | None = None) -> None:
        self._counts["entries"] += 1
        between = "" if proof is None else f'"proof":"{base64.b64encode(proof).decode()}",'
        # A text with a newline, or an overlong one, is no event of ours; the verifiers must still see it at its index.
        text = event[: MAX_BYTES + 1].replace("\n", "\\n")
        self._line(f'{{"entry":{index},{between}"event":{text}}}'.encode("utf-8", "replace"))

    def tile(self, nodes: TileNodes, number: int, width: int) -> None:
        self._counts["tiles"] += 1
        try:
            hashes = nodes.tile(0, number)
        except (TileMissing, TileBroken):
            hashes = b""
        whole = hashes[: width * 32].ljust(width * 32, b"\0")
        self._control({"hashes": base64.b64encode(whole).decode(), "tile": number})

    def end(self) -> None:
        self._flush()
        end = {**self._counts, "sha256": self._digest.hexdigest()}
        self._control({"end": end})
        self._flush()

    def _control(self, value: dict[str, object]) -> None:
        self._line(json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode())

    def _line(self, line: bytes) -> None:
        self._held.append(line)
        self._held_bytes += len(line)
        if self._held_bytes > _HELD_BYTES:
            self._flush()

    def _flush(self) -> None:
        block = b"".join(line + b"\n" for line in self._held)
        self._digest.update(block)
        self._out.write(block)
        self._held, self._held_bytes = [], 0
