"""What leaves the portal so that others can check it: bundles, inclusion proofs, consistency proofs.

All of it comes from the database and the published tiles; where these are not at hand they are computed from the
entries again.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.db import connection

from apps.audit.clock import now
from apps.audit.verification import lines, one_moment
from tlog.bundle import Trust, Witness, write_selection, write_whole
from tlog.checkpoint import Checkpoint
from tlog.merkle import consistency_proof, inclusion_proof, leaf_hash, root_of, verify_inclusion
from tlog.notes import Kind, Note, Signature, VerifierKey
from tlog.proof import EventProof, WitnessRequest
from tlog.tiles import (
    WIDTH,
    TileBroken,
    TileDirectory,
    TileMissing,
    TileReader,
    VerifiedNodes,
    tile_path,
)

MOST_HEADS = 200  # checkpoints of a bundle: its verifier needs the last, the others only narrow down where it broke


class NotThere(Exception):
    """What was asked for is not in the record, or not signed yet; the message says so."""


@dataclass(frozen=True)
class Head:
    """A signed head with the cosignatures that centers gave it."""

    note: Note
    checkpoint: Checkpoint
    centers: tuple[str, ...]


# ── Bundles ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def export_whole(path: Path, *, quorum: int = 0, packed: bool = True) -> Head:
    """Write the whole record, up to the newest head that this many centers have seen; the head."""
    with one_moment():
        head = newest_head(quorum=quorum)
        size = head.checkpoint.size
        tiles = tiles_of(head.checkpoint)

        def write(out: BinaryIO) -> None:
            texts = (line.text for chunk in lines(0, size) for line in chunk)
            write_whole(out, trust(quorum), _heads_up_to(head), texts, exported_at=_now(), tiles=tiles, packed=packed)

        _write_file(path, write)
    return head


def export_span(path: Path, start: int, end: int | None, *, quorum: int = 0, packed: bool = True) -> Head:
    """Write the entries [start, end), each with its proof; the head that they are proved under."""
    with one_moment():
        head = newest_head(quorum=quorum)
        size = head.checkpoint.size
        end = size if end is None else end
        if not 0 <= start < end <= size:
            raise NotThere(f"The signed record has the entries 0 to {size - 1}.")
        events = ((line.number, line.text) for chunk in lines(start, end) for line in chunk)
        tiles = tiles_of(head.checkpoint)
        _export_chosen(path, head, tiles, events, span=(start, end), quorum=quorum, packed=packed)
    return head


def export_events(
    path: Path,
    ids: list[UUID],
    *,
    quorum: int = 0,
    packed: bool = True,
    tiles: Callable[[Checkpoint], TileReader] | None = None,  # tiles_of()
) -> Head:
    """Write these events and the lines on the rows that they changed, under the head that most centers have seen.

    `tiles` gives the tiles of that head: published_tiles() where hashing the whole record again would take too long.
    """
    with one_moment():
        chosen = {number: text for pk in ids for number, text in _event_and_rows(pk)}
        head = newest_head(quorum=quorum, above=max(chosen, default=0), most_seen=True)
        found = (tiles or tiles_of)(head.checkpoint)
        _export_chosen(path, head, found, iter(sorted(chosen.items())), span=None, quorum=quorum, packed=packed)
    return head


def _export_chosen(
    path: Path,
    head: Head,
    tiles: TileReader,
    events: Iterator[tuple[int, str]],
    *,
    span: tuple[int, int] | None,
    quorum: int,
    packed: bool,
) -> None:
    def write(out: BinaryIO) -> None:
        write_selection(
            out, trust(quorum), head.note, events, exported_at=_now(), tiles=tiles, span=span, packed=packed
        )

    _write_file(path, write)


def _write_file(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Whole or not at all, and for its owner only."""
    making = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            write(out)
        making.replace(path)
    finally:
        making.unlink(missing_ok=True)


def trust(quorum: int = 0) -> Trust:
    """Whose signatures count, as the portal says; an auditor compares it with what the center holds."""
    with connection.cursor() as cursor:
        cursor.execute("select vkey, rotation from audit.log_key order by from_size")
        rows = cursor.fetchall()
        # Also those who left: what they signed is in older heads. A key counts once, under its present center.
        cursor.execute(
            "select center, vkey from (select distinct on (vkey) * from audit.witness order by vkey, left_at desc) "
            "order by center, left_at desc"
        )
        witnesses = [Witness(center, VerifierKey.parse(vkey)) for center, vkey in cursor.fetchall()]
    keys = tuple(VerifierKey.parse(vkey) for vkey, _ in rows)
    if not keys:
        raise NotThere("The notary has signed nothing yet.")
    rotations = tuple(Note.parse(statement) for _, statement in rows[1:])
    checked = tuple(one for one in witnesses if one.key.kind is Kind.COSIGNATURE)
    return Trust(keys[-1].name, keys, rotations, checked, quorum)


# ── Proofs ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def inclusion_text(pk: UUID) -> tuple[str, str]:
    """An event's exact text, and its proof under the head that most centers have seen, as a C2SP tlog-proof."""
    with one_moment():
        number, text = _event_and_rows(pk)[0]
        head = newest_head(above=number, most_seen=True)
        return text, str(proof_under(head, number, text, tiles_of(head.checkpoint)))


def consistency_text(old: int, new: int) -> str:
    """That the first `old` entries begin the first `new`: the body of a C2SP add-checkpoint request."""
    with one_moment():
        head = head_of(new)
        if not 0 <= old <= new:
            raise NotThere(f"A record of {old} entries can't be the beginning of one of {new}.")
        nodes = VerifiedNodes(tiles_of(head.checkpoint), new, head.checkpoint.root)
        return str(WitnessRequest(old, tuple(consistency_proof(nodes, old, new)), head.note))


def proof_under(head: Head, number: int, text: str, tiles: TileReader) -> EventProof:
    """That the entry of this number and text lies under the head.

    It is checked; raises ProofFailed, and TileBroken or TileMissing where the tiles don't lead to the head.
    """
    size, root = head.checkpoint.size, head.checkpoint.root
    hashes = tuple(inclusion_proof(VerifiedNodes(tiles, size, root), number, size))
    verify_inclusion(leaf_hash(text.encode()), number, size, hashes, root)
    return EventProof(number, hashes, head.note)


# ── Heads ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def newest_head(*, quorum: int = 0, above: int = -1, most_seen: bool = False) -> Head:
    """The newest signed head over the entry `above` that `quorum` centers have seen, or that most of them have."""
    with connection.cursor() as cursor:
        if quorum or most_seen:
            cursor.execute(
                "select size from audit.cosignature where size > %s group by size having count(*) >= %s "
                "order by case when %s then count(*) end desc, size desc limit 1",
                [above, quorum, most_seen],
            )
            found = cursor.fetchone()
            if found or quorum:
                return head_of(found[0] if found else None, f"that {quorum} centers have seen")
        cursor.execute("select max(size) from audit.checkpoint where size > %s", [above])
        return head_of(cursor.fetchone()[0])


def head_of(size: int | None, words: str = "") -> Head:
    """The signed head of this size, as it is stored; raises NotThere."""
    with connection.cursor() as cursor:
        cursor.execute("select note from audit.checkpoint where size = %s", [size])
        row = cursor.fetchone()
        if row is None:
            raise NotThere(f"There is no signed head {words or (f'of {size} entries' if size else 'over it yet')}.")
        cursor.execute("select witness, line from audit.cosignature where size = %s order by witness", [size])
        seen = cursor.fetchall()
    note = Note.parse(row[0])
    cosigned = note.with_signatures(*(Signature.parse(line) for _, line in seen))
    return Head(cosigned, note.checkpoint(), tuple(center for center, _ in seen))


def _heads_up_to(head: Head) -> Iterator[Note]:
    """Some heads evenly over the record, and this one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select size from (select size, row_number() over (order by size desc) as place, count(*) over () as heads "
            "from audit.checkpoint where size < %s) as numbered where (place - 1) %% greatest(heads / %s, 1) = 0 "
            "order by size",
            [head.checkpoint.size, MOST_HEADS],
        )
        sizes = [size for (size,) in cursor.fetchall()]
    for size in sizes:
        yield head_of(size).note
    yield head.note


# ── Tiles ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def tiles_at_hand() -> TileDirectory | None:
    """Where the notary publishes its tiles, if that is a folder that can be reached from here."""
    folder = Path(settings.RECORD_TILES)
    return TileDirectory(folder) if folder.is_dir() else None


def published_tiles(head: Checkpoint) -> TileReader:
    """The tiles that the notary publishes; raises TileBroken or TileMissing where they don't lead to this head."""
    published = TileDirectory(Path(settings.RECORD_TILES))
    VerifiedNodes(published, head.size, head.root)
    return published


def tiles_of(head: Checkpoint) -> TileReader:
    """The published tiles where they are at hand and lead to this head, else tiles computed from the entries."""
    try:
        return published_tiles(head)
    except (TileBroken, TileMissing):
        return ComputedTiles(head.size)


class ComputedTiles:
    """The tiles of the first `size` entries, from the leaves that the database holds; only hashes, no texts."""

    def __init__(self, size: int) -> None:
        self.size = size

    def read(self, path: str) -> bytes:
        """The tile of this path; raises TileMissing."""
        level, number, width = _parts_of(path)
        start = number * WIDTH
        if not level:
            hashes = [line.leaf for chunk in lines(start, min(start + width, self.size)) for line in chunk]
        elif level <= len(self._above):
            hashes = self._above[level - 1][start : start + width]
        else:
            hashes = []
        if len(hashes) != width:
            raise TileMissing(f"{path} is not there")
        return b"".join(hashes)

    @cached_property
    def _above(self) -> list[list[bytes]]:
        """The hashes of the levels above the leaves: 32 bytes for each 256 entries, found in one pass."""
        levels: list[list[bytes]] = [[]]
        full: list[bytes] = []
        for chunk in lines(0, self.size):
            full += [line.leaf for line in chunk]
            while len(full) >= WIDTH:
                levels[0].append(root_of(full[:WIDTH]))
                full = full[WIDTH:]
        while len(levels[-1]) >= WIDTH:
            below = levels[-1]
            tops = range(0, len(below) - WIDTH + 1, WIDTH)
            levels.append([root_of(below[at : at + WIDTH]) for at in tops])
        return levels


def _parts_of(path: str) -> tuple[int, int, int]:
    """Level, number and width that a tile's path names."""
    whole, _, partial = path.partition(".p/")
    _, level, *digits = whole.split("/")
    if not level.isdigit():
        raise TileMissing(f"{path} is not computed from the entries")
    number = int("".join(part.removeprefix("x") for part in digits))
    width = int(partial or WIDTH)
    assert tile_path(int(level), number, width) == path
    return int(level), number, width


# ── Events ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _event_and_rows(pk: UUID) -> list[tuple[int, str]]:
    """The event's place and text, and those of the lines on the rows that it changed."""
    with connection.cursor() as cursor:
        cursor.execute("select idx, entry from audit.entry where id = %s order by idx limit 1", [pk])
        event = cursor.fetchone()
        if event is None:
            raise NotThere(f"No event {pk} is in the record; a new one needs a second or two to be put in order.")
        cursor.execute(ROWS_AFTER, [event[0], event[0]])
        return [event, *cursor.fetchall()]


ROWS_AFTER = """
select idx, entry from audit.entry where idx > %s and idx < coalesce(
  (select min(idx) from audit.entry where idx > %s and (id is not null or kind <> 'audit.rows')), 9223372036854775807)
order by idx
"""


def _now() -> datetime:
    return now().astimezone(UTC)
