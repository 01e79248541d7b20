"""Does the record hold? Every leaf, the order, every root and signature, and every governed row against its digest.

The portal looks at itself; whoever does not trust it runs verifier/caia_verify.py over an export.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction

from tlog.checkpoint import Checkpoint, Malformed
from tlog.keys import open_rotation
from tlog.merkle import HASH_BYTES, Frontier, leaf_hash
from tlog.notes import Note, Signature, Unsigned, VerifierKey
from tlog.tiles import WIDTH, TileBroken, TileMissing, TileReader, VerifiedNodes

CHUNK = 5_000
MOST_FINDINGS = 50
CLOCK_SLACK = timedelta(minutes=10)  # a long transaction commits after younger, shorter ones
OCCURRED = re.compile(r'"occurred_at":"([0-9-]{10}T[0-9:.]{15}Z)"')


@dataclass
class Report:
    """What was looked at and what is wrong; it holds when there is nothing wrong."""

    start: int = 0
    entries: int = 0
    checkpoints: int = 0
    rows: int = 0
    rows_checked: bool = False
    size: int = 0
    unsigned_from: int | None = None  # the first entry that was looked at and that no signed head covers yet
    first_bad: int | None = None
    wrong: list[str] = field(default_factory=list)
    noted_anew: dict[str, int] = field(default_factory=dict)  # rows that note_existing() noted again, by table

    @property
    def holds(self) -> bool:
        return not self.wrong

    def found(self, words: str, index: int | None = None) -> None:
        if index is not None and (self.first_bad is None or index < self.first_bad):
            self.first_bad = index
        if len(self.wrong) < MOST_FINDINGS:
            self.wrong.append(words)


class Line(NamedTuple):
    """One entry as it is stored; `names_rows` where it is the notary's own line on the rows of the event before."""

    number: int
    text: str
    leaf: bytes
    names_rows: bool


class LogKey(NamedTuple):
    """A key of the log and the sizes that it may sign."""

    key: VerifierKey
    first: int
    last: int


def verify(*, start: int = 0, end: int | None = None, rows: bool = True, tiles: TileReader | None = None) -> Report:
    """Check the entries [start, end), all where neither is given, and then the governed rows.

    A range is widened to the last signed head before it and the first one after it, so that it too lies between signed
    roots; what no head covers yet is said. With the published `tiles` a changed entry is named even where its leaf was
    changed along with it, and the tiles are checked themselves.
    """
    report = Report(start)
    with one_moment():
        reach = _signed_end(end)
        heads = _heads(report, start, reach)
        walk = _Walk(report, heads, _tree_before(report, heads, start))
        walk.over(reach or end)
        if walk.doubt:
            _name_the_changed(report, walk, tiles)
        is_whole = start == 0 and end is None
        if tiles and is_whole and heads:
            _check_tiles(report, heads[max(heads)], tiles)
        if rows and is_whole:
            _check_rows(report, walk.recorded)
    return report


@contextmanager
def one_moment() -> Iterator[None]:
    """All reads inside see the record as it is now, however long they take."""
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        if is_outermost:
            with connection.cursor() as cursor:
                cursor.execute("set transaction isolation level repeatable read, read only")
        yield


def lines(start: int = 0, end: int | None = None) -> Iterator[list[Line]]:
    """The entries [start, end) by index, some thousand at a time."""
    with connection.cursor() as cursor:
        position = start
        while True:
            cursor.execute(
                "select idx, entry, leaf, id is null and kind = 'audit.rows' from audit.entry "
                "where idx >= %s and (%s::bigint is null or idx < %s) order by idx limit %s",
                [position, end, end, CHUNK],
            )
            chunk = [Line(number, text, bytes(leaf), bool(names)) for number, text, leaf, names in cursor.fetchall()]
            if not chunk:
                return
            yield chunk
            position = chunk[-1].number + 1


# ── The entries, and the tree over them ──────────────────────────────────────────────────────────────────────────────
class _Walk:
    """One pass over the entries: leaf by leaf, in order, with the tree growing to each signed root."""

    def __init__(self, report: Report, heads: dict[int, Checkpoint], tree: Frontier) -> None:
        self.report, self.heads, self.tree = report, heads, tree
        self.sizes = sorted(heads)
        self.expected = report.start = tree.size
        self.changed: int | None = None  # the first entry that is missing or does not match its leaf
        self.doubt: tuple[int, int] | None = None  # the entries among which is one that does not fit a signed root
        self.latest = ""
        self.is_late = False
        self.recorded: dict[tuple[str, str], str | None] = {}  # the digest that each row had last; None for none

    def over(self, end: int | None) -> None:
        for chunk in lines(self.expected, end):
            leaves = [self._take(line) for line in chunk]
            self._grow(leaves)
        signed, there = max(self.sizes, default=0), self.expected
        self.report.size = there
        if signed > there:
            self.report.found(f"{signed:,} entries were signed, but only {there:,} are there: the tail is gone.", there)
        elif signed < there:
            self.report.unsigned_from = signed

    def _take(self, line: Line) -> bytes:
        if line.number != self.expected:
            self._is_changed(f"Entry {self.expected} is missing: the next one there is {line.number}.", self.expected)
            self.expected = line.number
        leaf = leaf_hash(line.text.encode())
        if leaf != line.leaf:
            self._is_changed(f"Entry {line.number} was changed: its text does not match its leaf.", line.number)
        self._check_time(line)
        if line.names_rows:
            self._follow_rows(line)
        self.report.entries += 1
        self.expected += 1
        return leaf

    def _is_changed(self, words: str, number: int) -> None:
        self.changed = number if self.changed is None else self.changed
        self.report.found(words, number)

    def _grow(self, leaves: list[bytes]) -> None:
        """Extend the tree, stopping at each signed size to compare roots until one differs."""
        at = self.tree.size
        for size in [size for size in self.sizes if at < size <= at + len(leaves)]:
            self.tree.extend(leaves[self.tree.size - at : size - at])
            self.report.checkpoints += 1
            if not self.doubt and self.tree.root() != self.heads[size].root:
                good = max((one for one in self.sizes if one < size), default=0)
                self.doubt = (max(good, self.report.start), size)
        self.tree.extend(leaves[self.tree.size - at :])

    def _check_time(self, line: Line) -> None:
        match = OCCURRED.search(line.text)
        at = match[1] if match else ""
        if at >= self.latest:
            self.latest = at
        elif not self.is_late and not _is_within_slack(at, self.latest):
            self.is_late = True
            words = f"Entry {line.number} says that it happened at {at or 'no time'}, after one of {self.latest}."
            self.report.found(f"{words} A clock went back, or the entry was slipped in.", line.number)

    def _follow_rows(self, line: Line) -> None:
        """Each change must begin with the digest that the one before it left: else the row was changed in between."""
        try:
            rows = json.loads(line.text)["rows"]
            changes = [((row["table"], row["id"]), row["op"], row["before"], row["digest"]) for row in rows]
        except (ValueError, KeyError, TypeError):
            self.report.found(f"Entry {line.number} names rows in a way that nobody can read.", line.number)
            return
        for row, op, before, digest in changes:
            if op != "N" and self.report.start == 0 and before != self.recorded.get(row):
                words = f"{' '.join(row)} was changed past the record some time before entry {line.number}"
                self.report.found(f"{words}, which found it other than its last event had left it.", line.number)
            if op == "N" and self.recorded.get(row, digest) != digest:
                self.report.noted_anew[row[0]] = self.report.noted_anew.get(row[0], 0) + 1
            self.recorded[row] = digest


def _is_within_slack(at: str, latest: str) -> bool:
    return bool(at) and datetime.fromisoformat(latest) - datetime.fromisoformat(at) <= CLOCK_SLACK


def _signed_end(end: int | None) -> int | None:
    """The size of the first signed head at or after `end`; None where all are smaller."""
    with connection.cursor() as cursor:
        cursor.execute("select min(size) from audit.checkpoint where size >= %s", [end])
        found: int | None = cursor.fetchone()[0]
    return found


def _tree_before(report: Report, heads: dict[int, Checkpoint], start: int) -> Frontier:
    """The tree of the last signed size at or before `start`, as it was stored with its signed head."""
    size = max((size for size in heads if size <= start), default=0)
    if not size:
        return Frontier()
    with connection.cursor() as cursor:
        cursor.execute("select frontier from audit.checkpoint where size = %s", [size])
        stored = bytes(cursor.fetchone()[0])
    try:
        tree = Frontier.restore(stored)
    except ValueError:
        tree = Frontier()
    if (tree.size, tree.root()) != (size, heads[size].root):
        report.found(f"The tree stored with the head of {size:,} entries is not the one that was signed.")
        return Frontier()
    return tree


def _name_the_changed(report: Report, walk: _Walk, tiles: TileReader | None) -> None:
    """Say which of the doubtful entries it is: the first that differs from the published tiles, if these are true."""
    assert walk.doubt
    good, size = walk.doubt
    newest = walk.heads[walk.sizes[-1]]
    try:
        number = _first_unlike(VerifiedNodes(tiles, newest.size, newest.root), good, size) if tiles else None
    except (TileBroken, TileMissing) as error:
        report.found(f"The published tiles can't say which entry was changed: {error}.")
        number = None
    if number is not None:
        report.found(f"Entry {number} is not the one that was recorded. All before it hold.", number)
    elif walk.changed is None or not good <= walk.changed < size:
        words = f"The first {size:,} entries do not lead to the root that was signed for them"
        report.found(f"{words}; the first {good:,} hold." if good else f"{words}.", good)


def _first_unlike(nodes: VerifiedNodes, start: int, end: int) -> int | None:
    for chunk in lines(start, end):
        for line in chunk:
            place = line.number % WIDTH * HASH_BYTES
            if leaf_hash(line.text.encode()) != nodes.tile(0, line.number // WIDTH)[place : place + HASH_BYTES]:
                return line.number
    return None


def _check_tiles(report: Report, newest: Checkpoint, tiles: TileReader) -> None:
    """Every published tile, of hashes and of texts, must lead to the signed root."""
    try:
        nodes = VerifiedNodes(tiles, newest.size, newest.root)
    except (TileBroken, TileMissing) as error:
        report.found(f"The published tiles are damaged: {error}.")
        return
    for number in range(-(-newest.size // WIDTH)):
        try:
            nodes.entries(number)
        except (TileBroken, TileMissing) as error:
            report.found(f"The published tiles are damaged: {error}.")


# ── Heads and signatures ─────────────────────────────────────────────────────────────────────────────────────────────
def log_keys() -> list[VerifierKey]:
    """The log's verification keys, from the first on."""
    with connection.cursor() as cursor:
        cursor.execute("select vkey from audit.log_key order by from_size")
        return [VerifierKey.parse(row[0]) for row in cursor.fetchall()]


def _heads(report: Report, start: int, end: int | None) -> dict[int, Checkpoint]:
    """Signed heads by size, from the one before `start` on, each opened with the key of its time."""
    keys = _chain_of_keys(report)
    heads: dict[int, Checkpoint] = {}
    before: Any = None
    with connection.cursor() as cursor:
        cursor.execute(
            "select size, root, note, signed_at from audit.checkpoint where (%s::bigint is null or size <= %s) "
            "and size >= coalesce((select max(size) from audit.checkpoint where size <= %s), 0) order by size",
            [end, end, start],
        )
        for size, root, text, signed_at in cursor.fetchall():
            try:
                checkpoint = _opened(text, keys)
            except (Malformed, Unsigned) as error:
                report.found(f"The checkpoint of {size:,} entries is not signed by the notary's key: {error}.")
                continue
            if (checkpoint.size, checkpoint.root) != (size, bytes(root)):
                report.found(f"The checkpoint stored for {size:,} entries is not the one that was signed.")
            if before and signed_at < before:
                report.found(f"The clock went back before the checkpoint of {size:,} entries.")
            before = signed_at
            heads[size] = checkpoint
    _check_cosignatures(report, heads, start, end)
    return heads


def _opened(text: str, keys: list[LogKey]) -> Checkpoint:
    note = Note.parse(text)
    checkpoint = note.checkpoint()
    of_its_time = [one.key for one in keys if one.first <= checkpoint.size <= one.last]
    if not note.signers(of_its_time):
        raise Unsigned("no key that the log had then signed it")
    if checkpoint.origin != of_its_time[0].name:
        raise Unsigned(f"it is of {checkpoint.origin}")
    return checkpoint


def _chain_of_keys(report: Report) -> list[LogKey]:
    """The log's keys, each later one believed only by the statement that it and the one before it signed."""
    chain: list[LogKey] = []
    with connection.cursor() as cursor:
        cursor.execute("select vkey, rotation from audit.log_key order by from_size")
        for vkey, statement in cursor.fetchall():
            try:
                key = VerifierKey.parse(vkey)
                if chain:
                    rotation = open_rotation(statement)
                    if (rotation.old, rotation.new) != (chain[-1].key, key):
                        raise Unsigned("the statement is about other keys")
                    chain[-1] = chain[-1]._replace(last=rotation.from_size)
                chain.append(LogKey(key, chain[-1].last if chain else 0, 2**63))
            except (Malformed, Unsigned) as error:
                report.found(f"The key {vkey} is no key of this log: {error}.")
    return chain


def _check_cosignatures(report: Report, heads: dict[int, Checkpoint], start: int, end: int | None) -> None:
    """What witnesses signed must be the heads that are stored: a fork shows as a signature that does not fit."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select c.size, c.witness, c.line, array_agg(w.vkey) from audit.cosignature c join audit.witness w "
            "on w.center = c.witness where c.size > %s and (%s::bigint is null or c.size <= %s) group by 1, 2, 3",
            [start, end, end],
        )
        for size, witness, line, vkeys in cursor.fetchall():
            if size not in heads:
                words = f"{witness} has seen {size:,} entries, of which no valid checkpoint is left"
                report.found(f"{words}: the record was set back, or its head was replaced.")
            elif not any(_is_cosigned(heads[size], line, vkey) for vkey in vkeys):
                report.found(f"{witness} signed another head of {size:,} entries than the one here: two histories.")


def _is_cosigned(head: Checkpoint, line: str, vkey: str) -> bool:
    try:
        return bool(Note(str(head), (Signature.parse(line),)).signers([VerifierKey.parse(vkey)]))
    except (Malformed, Unsigned):
        return False


# ── The governed rows ────────────────────────────────────────────────────────────────────────────────────────────────
GUARDED = """
select c.relname from pg_trigger t join pg_class c on c.oid = t.tgrelid
where t.tgname = 'must_be_recorded' and t.tgfoid = 'audit.must()'::regprocedure
and t.tgtype = 29 and t.tgqual is null and t.tgenabled in ('O', 'A')
"""
WAITING = "select table_name, row_id, digest from audit.changed order by pending_id, number"
FORSAKEN = "select count(*) from audit.changed where pending_id not in (select id from audit.pending)"


def _check_rows(report: Report, recorded: dict[tuple[str, str], str | None]) -> None:
    """Every governed row as it is now against the last digest recorded for it; and no row that was never recorded."""
    report.rows_checked = True
    with connection.cursor() as cursor:
        cursor.execute(FORSAKEN)
        if forsaken := cursor.fetchone()[0]:
            report.found(f"{forsaken} changes of rows wait for events that were removed before they were in order.")
        cursor.execute(WAITING)
        for table, row, digest in cursor.fetchall():
            recorded[table, row] = digest
        cursor.execute(GUARDED)
        guarded = {name for (name,) in cursor.fetchall()}
        for table in sorted({table for table, _ in recorded} - guarded):
            report.found(f"{table} is no longer guarded: the rule that its changes need an event is off or gone.")
        for table in sorted(guarded):
            cursor.execute("select row_id, digest from audit.row_digests(%s::regclass)", [table])
            _compare(report, table, dict(cursor.fetchall()), recorded)


def _compare(report: Report, table: str, present: dict[str, str], recorded: dict[tuple[str, str], str | None]) -> None:
    report.rows += len(present)
    for row, digest in present.items():
        known = recorded.get((table, row))
        if known is None:
            report.found(f"{table} {row} is there, but no event made it.")
        elif known != digest:
            report.found(f"{table} {row} is not as its last event left it: it was changed past the record.")
    for (name, row), known in recorded.items():
        if name == table and known is not None and row not in present:
            report.found(f"{table} {row} was removed past the record.")
