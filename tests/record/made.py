"""Makes logs to test with: keys, events, a tree in memory, checkpoints that centers cosigned, and bundles of them."""

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from tlog import bundle, keys, merkle, notes, tiles
from tlog.canonical import canonical
from tlog.checkpoint import Checkpoint

ORIGIN = "caia.example/record"
BEGAN = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
CENTERS = ("North", "East", "South")
EMPTY = canonical({})


def seed(words):
    return sha256(words.encode()).digest()


def log_key(number=0):
    return notes.SigningKey(ORIGIN, notes.Kind.ED25519, seed(f"log {number}"))


def witness_key(center):
    return notes.SigningKey(f"witness.{center.lower()}.example", notes.Kind.COSIGNATURE, seed(center))


def event(number, *, at=None, **more):
    """One event's exact text; a second after the one before."""
    at = at or BEGAN + timedelta(seconds=number)
    return canonical(
        {
            "actor": {"ref": f"p{number % 7}", "type": "person"},
            "id": f"{number:032x}",
            "kind": "airlock.request.approved",
            "occurred_at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "outcome": "success",
            "reason": "Zoë said yes" if number % 3 else "",
            "v": 1,
            **more,
        }
    )


class Memory(dict):
    """Tiles in a dict."""

    def read(self, path):
        try:
            return self[path]
        except KeyError:
            raise tiles.TileMissing(path) from None


@dataclass
class Log:
    """A log in memory with the checkpoints it signed; `rotations` = sizes from which the next key signs."""

    events: list = field(default_factory=list)
    rotations: tuple = ()
    centers: tuple = CENTERS
    tiles: Memory = field(default_factory=Memory)
    checkpoints: list = field(default_factory=list)

    def grow(self, events, *, centers=None, signed=True):
        leaves = [merkle.leaf_hash(one.encode()) for one in events]
        self.tiles.update(tiles.grown_tiles(self.tiles, len(self.events), leaves))
        self.events.extend(events)
        if signed:
            self.checkpoints.append(self.signed(len(self.events), centers=centers))
        return self

    def key_at(self, size):
        return log_key(sum(size > start for start in self.rotations))

    def root(self, size):
        frontier = merkle.Frontier()
        frontier.extend([merkle.leaf_hash(one.encode()) for one in self.events[:size]])
        return frontier.root()

    def signed(self, size, *, centers=None, root=None, key=None):
        head = Checkpoint(ORIGIN, size, self.root(size) if root is None else root)
        note = notes.sign_checkpoint(head, [key or self.key_at(size)], at=1)
        at = int((BEGAN + timedelta(seconds=size)).timestamp())
        return cosigned(note, self.centers if centers is None else centers, at)

    def trust(self, quorum=2):
        all_keys = [log_key(number) for number in range(len(self.rotations) + 1)]
        statements = [
            keys.rotation_note(old, new, origin=ORIGIN, from_size=start, at=1)
            for old, new, start in zip(all_keys, all_keys[1:], self.rotations, strict=False)
        ]
        return bundle.Trust(
            ORIGIN,
            tuple(one.verifier for one in all_keys),
            tuple(statements),
            tuple(bundle.Witness(center, witness_key(center).verifier) for center in CENTERS),
            quorum,
        )

    def exported_at(self):
        return BEGAN + timedelta(seconds=len(self.events) + 60)

    def whole(self, *, with_tiles=True, packed=False, quorum=2, checkpoints=None, events=None):
        out = io.BytesIO()
        bundle.write_whole(
            out,
            self.trust(quorum),
            self.checkpoints if checkpoints is None else checkpoints,
            self.events if events is None else events,
            exported_at=self.exported_at(),
            tiles=self.tiles if with_tiles else None,
            packed=packed,
        )
        return out.getvalue()

    def selection(self, indexes, *, span=None, packed=False, quorum=2):
        out = io.BytesIO()
        bundle.write_selection(
            out,
            self.trust(quorum),
            self.checkpoints[-1],
            [(index, self.events[index]) for index in indexes],
            exported_at=self.exported_at(),
            tiles=self.tiles,
            span=span,
            packed=packed,
        )
        return out.getvalue()


def cosigned(note, centers, at):
    return note.with_signatures(*(witness_key(center).sign(note.text, at=at) for center in centers))


def log_of(*sizes, **more):
    """A log with a checkpoint at each of these sizes."""
    log = Log(**more)
    for size in sizes:
        log.grow([event(number) for number in range(len(log.events), size)])
    return log
