"""From committed events to a signed tree head, so that a kill at any line loses and repeats nothing.

Three steps, each of which can be repeated: move what is pending into order (one transaction); write the tiles of what
is in order; read them back and sign. What the first step moved and no checkpoint covers yet is finished at the start.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import psycopg

from caia_notary.place import Place
from tlog.checkpoint import Checkpoint, Malformed
from tlog.keys import load_key, open_rotation
from tlog.merkle import Frontier, leaf_hash
from tlog.notes import Note, Unsigned, open_checkpoint, sign_checkpoint
from tlog.tiles import WIDTH, TileBroken, TileDirectory, TileMissing, VerifiedNodes

BATCH = 20_000
ROWS_A_LINE = 200  # so that a line of rows stays below the 65,535 bytes of a leaf
LOCK = 0x6361_6961  # one notary at a time
SIGNING = "signing"  # what an alarm is about that ends with the next head
CLOCK_SLACK = 2.0  # seconds that the clock may seem to go back between two checkpoints


class Alarm(Exception):
    """Nothing more is signed until somebody has looked; the message says at what.

    `about` names the step that clears the alarm when it works again; without it only a person does.
    """

    def __init__(self, words: str, *, about: str = "") -> None:
        super().__init__(words)
        self.about = about


@dataclass(frozen=True)
class Head:
    """The newest checkpoint: what has been signed."""

    frontier: Frontier
    note: Note | None
    signed_at: float


class Event(NamedTuple):
    """What waits to be put in order: the number of its arrival, its exact text, and two facts of it."""

    number: int
    text: str
    id: str
    occurred_at: str


class Sequencer:
    """The notary's work on one database connection."""

    def __init__(self, place: Place, connection: psycopg.Connection) -> None:
        self.place, self.connection = place, connection
        self.key = load_key(place.key)
        self.tiles = TileDirectory(place.tiles)
        connection.autocommit = True
        if not connection.execute("select pg_try_advisory_lock(%s)", [LOCK]).fetchone()[0]:  # type: ignore[index]
            raise Alarm("another notary is at work on this database")
        self.head = self._newest()
        self._recheck_head()
        self._make_keys_known()

    def step(self) -> int:
        """Put in order and sign what was committed since the last step; the number of new entries."""
        self._move_pending()
        return self._sign_what_is_in_order()

    # ── in order ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def _move_pending(self) -> None:
        with self.connection.transaction():
            now, events = self._taken()
            if not events:
                return
            rows = self._rows_of([event.number for event in events])
            texts = [text for event in events for text in _lines(event, rows.get(event.number, []))]
            first = self._next_index()
            for day in (now, now + timedelta(days=31)):
                self.connection.execute("call audit.ensure_partition(%s)", [day.astimezone(UTC).date()])
            with (
                self.connection.cursor() as cursor,
                cursor.copy("copy audit.entry (idx, sequenced_at, entry, leaf) from stdin") as copy,
            ):
                copy.set_types(["int8", "timestamptz", "text", "bytea"])
                for index, text in enumerate(texts, start=first):
                    copy.write_row((index, now, text, leaf_hash(text.encode())))

    def _taken(self) -> tuple[datetime, list[Event]]:
        """The database's time, and the pending events (only committed ones are seen), taken out in order of arrival."""
        clock = self.connection.execute("select clock_timestamp()").fetchone()
        assert clock
        rows = self.connection.execute(
            "delete from audit.pending where id in (select id from audit.pending order by id limit %s) "
            "returning id, entry, entry::json ->> 'id', entry::json ->> 'occurred_at'",
            [BATCH],
        ).fetchall()
        return clock[0], sorted(Event(*row) for row in rows)

    def _rows_of(self, numbers: Sequence[int]) -> dict[int, list[dict[str, str | None]]]:
        """For each event the governed rows that its transaction changed, as must() noted them at COMMIT."""
        found: dict[int, list[dict[str, str | None]]] = {}
        changed = self.connection.execute(
            "with taken as (delete from audit.changed where pending_id = any(%s) "
            "returning pending_id, table_name, row_id, op, before, digest, number) select * from taken order by number",
            [list(numbers)],
        )
        for number, table, row, op, before, digest, _ in changed:
            facts = {"before": before, "digest": digest, "id": row, "op": op, "table": table}
            found.setdefault(number, []).append(facts)
        return found

    def _next_index(self) -> int:
        row = self.connection.execute("select coalesce(max(idx) + 1, 0) from audit.entry").fetchone()
        assert row
        return max(int(row[0]), self.head.frontier.size)

    # ── signed ───────────────────────────────────────────────────────────────────────────────────────────────────────
    def _sign_what_is_in_order(self) -> int:
        before = self.head.frontier
        texts, leaves = self._beyond(before.size)
        if not texts:
            return 0
        grown = Frontier.restore(before.serialise())
        grown.extend(leaves)
        try:
            self.tiles.append(before.size, leaves, texts)
            self._read_back(before.size, grown.size, grown.root())
        except (TileBroken, TileMissing) as error:
            words = f"the tiles are damaged, and nothing was signed on them: {error}"
            raise Alarm(words, about=SIGNING) from error
        self._sign(grown)
        return len(texts)

    def _read_back(self, start: int, size: int, root: bytes) -> None:
        """What is on disk from `start` on, leaves and texts, must lead to this root; raises TileBroken or TileMissing.

        A bit flipped between memory and disk must never be signed (the CT log Yeti, 2021).
        """
        nodes = VerifiedNodes(self.tiles, size, root)
        for number in range(start // WIDTH, -(-size // WIDTH)):
            nodes.entries(number)

    def _beyond(self, size: int) -> tuple[list[bytes], list[bytes]]:
        """What is in order from there on: the texts as they lie in the database, and leaves hashed anew from these."""
        with self.connection.cursor(binary=True) as cursor:
            rows = cursor.execute(
                "select idx, entry, leaf from audit.entry where idx >= %s order by idx limit %s", [size, BATCH]
            ).fetchall()
        texts = [entry.encode() for _, entry, _ in rows]
        leaves = [leaf_hash(text) for text in texts]
        for expected, (index, _, stored), leaf in zip(itertools.count(size), rows, leaves, strict=False):
            if index != expected:
                raise Alarm(f"entry {expected} is missing from the database")
            if leaf != stored:
                raise Alarm(f"entry {index} does not match its leaf: it was changed before it was signed")
        return texts, leaves

    def _sign(self, grown: Frontier) -> None:
        now = time.time()
        if now < self.head.signed_at - CLOCK_SLACK:
            raise Alarm("the clock went back behind the last checkpoint; put it right before anything more is signed")
        note = sign_checkpoint(Checkpoint(self.place.origin, grown.size, grown.root()), [self.key], at=int(now))
        self.connection.execute(
            "insert into audit.checkpoint (size, root, frontier, note) values (%s, %s, %s, %s)",
            [grown.size, grown.root(), grown.serialise(), str(note)],
        )
        self.head = Head(grown, note, now)

    # ── at the start ─────────────────────────────────────────────────────────────────────────────────────────────────
    def _newest(self) -> Head:
        row = self.connection.execute(
            "select frontier, note, extract(epoch from signed_at) from audit.checkpoint order by size desc limit 1"
        ).fetchone()
        if row is None:
            return Head(Frontier(), None, 0.0)
        return Head(Frontier.restore(bytes(row[0])), Note.parse(row[1]), float(row[2]))

    def _recheck_head(self) -> None:
        """The stored head must be what was signed; tiles that don't lead to it are rebuilt from the entries."""
        note, frontier = self.head.note, self.head.frontier
        if note is None:
            return
        keys = [self.key.verifier, *(open_rotation(one).old for one in self._statements())]
        try:
            _, checkpoint = open_checkpoint(str(note), self.place.origin, keys)
        except (Malformed, Unsigned) as error:
            raise Alarm(f"the newest checkpoint in the database is not one that this notary signed: {error}") from error
        if (checkpoint.size, checkpoint.root) != (frontier.size, frontier.root()):
            raise Alarm("the newest checkpoint in the database is not the one that was signed")
        try:
            self._read_back(checkpoint.size - 1, checkpoint.size, checkpoint.root)
        except (TileBroken, TileMissing):
            self._rebuild_tiles(checkpoint)

    def _rebuild_tiles(self, head: Checkpoint) -> None:
        """The tiles are derived from the entries: write them anew, if the entries still lead to the signed head."""
        tree = Frontier()
        for texts in self._signed_texts(head.size):
            tree.extend(map(leaf_hash, texts))
        if tree.root() != head.root:
            raise Alarm(f"neither the tiles nor the entries lead to the head that was signed at size {head.size}")
        size = 0
        for texts in self._signed_texts(head.size):
            size = self.tiles.append(size, [leaf_hash(text) for text in texts], texts)

    def _signed_texts(self, size: int) -> Iterator[list[bytes]]:
        at = 0
        while at < size and (texts := self._beyond(at)[0][: size - at]):
            yield texts
            at += len(texts)

    def _statements(self) -> list[str]:
        """The statements by which each former key handed over to the next."""
        return [file.read_text("utf-8") for file in self.place.home.glob("notary.key.rotation-*")]

    def _make_keys_known(self) -> None:
        """Store the key's public half where readers look for it, with the statement that links it to the one before."""
        vkey = str(self.key.verifier)
        known = [str(row[0]) for row in self.connection.execute("select vkey from audit.log_key order by from_size")]
        if vkey in known:
            return
        statement = next((one for one in self._statements() if str(open_rotation(one).new) == vkey), "")
        if known and not statement:
            raise Alarm("this key never signed here, and no statement of the old key names it: use `rotate`")
        self.connection.execute(
            "insert into audit.log_key (from_size, vkey, rotation) values (%s, %s, %s)",
            [self.head.frontier.size, vkey, statement],
        )


def _lines(event: Event, rows: list[dict[str, str | None]]) -> Iterator[str]:
    """The leaves of one event: itself and, where it changed governed rows, lines that name them with their digests."""
    yield event.text
    for at in range(0, len(rows), ROWS_A_LINE):
        some = rows[at : at + ROWS_A_LINE]
        named = {"event": event.id, "kind": "audit.rows", "occurred_at": event.occurred_at, "rows": some, "v": 1}
        yield json.dumps(named, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def raise_alarm(connection: psycopg.Connection, words: str, *, about: str = "") -> None:
    """Leave an alarm that every page of an auditor shows, once until it is cleared."""
    connection.execute(
        "insert into audit.alarm (words, about) select %s, %s "
        "where not exists (select from audit.alarm where cleared_at is null "
        "and (words = %s or about = %s and starts_with(about, 'witness ')))",  # its words are a stranger's: one stands
        [words, about, words, about],
    )


def clear_alarms(connection: psycopg.Connection, about: str) -> None:
    """What these alarms are about works again; they stay in the table with the time of this."""
    connection.execute(
        "update audit.alarm set cleared_at = clock_timestamp() where about = %s and cleared_at is null", [about]
    )
