"""Reads of the record: its events, where it stands, and the proof of one event."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection
from django.db.models import QuerySet

from apps.audit.exports import NotThere, newest_head, proof_under, published_tiles
from apps.audit.models import Entry, Event
from apps.audit.verification import log_keys, one_moment
from tlog.checkpoint import Malformed
from tlog.merkle import ProofFailed, leaf_hash
from tlog.notes import Unsigned, open_checkpoint
from tlog.tiles import TileBroken, TileMissing

LATE = 60.0  # seconds after which waiting events are an alarm


@dataclass(frozen=True)
class Seen:
    """How far one center's witness has seen the record."""

    center: str
    size: int
    at: datetime | None
    left_at: datetime | None


@dataclass(frozen=True)
class State:
    """Where the record stands now; `gone` are the centers whose witness is asked no more."""

    size: int
    signed_at: datetime | None
    waiting: int
    oldest_at: datetime | None
    witnesses: list[Seen] = field(default_factory=list)
    gone: list[Seen] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)

    def lag(self, now: datetime) -> float:
        """Seconds that the oldest waiting event has waited."""
        return max(0.0, (now - self.oldest_at).total_seconds()) if self.oldest_at else 0.0

    def troubles(self, now: datetime) -> list[str]:
        """What somebody has to look at, in words: standing alarms, and a notary that does not come by."""
        late = self.lag(now)
        if late <= LATE:
            return self.alarms
        return [f"The notary has not come by for {late:.0f} seconds, and {self.waiting:,} events wait.", *self.alarms]

    @property
    def seen_by(self) -> int:
        return sum(seen.size > 0 for seen in self.witnesses)


@dataclass(frozen=True)
class Proof:
    """That an event lies under a signed head: `hashes` lead from its leaf to the root, in hexadecimal.

    `centers` are those whose witnesses have seen that head.
    """

    index: int
    leaf: str
    size: int
    root: str
    hashes: list[str]
    note: str
    centers: tuple[str, ...]


def entries() -> QuerySet[Event]:
    """All events, newest first."""
    return Event.objects.all()


def leaves() -> QuerySet[Entry]:
    """All leaves of the tree, from the first on."""
    return Entry.objects.all()


STATE = """
select s.size, s.signed_at, s.waiting, s.oldest_at,
  array(select words from audit.alarm where cleared_at is null order by about, raised_at limit 20),
  w.center, coalesce(c.size, 0), c.seen_at, w.left_at
from audit.state() s
left join (select distinct on (center) center, left_at from audit.witness order by center, left_at desc) w on true
left join lateral (
  select size, seen_at from audit.cosignature where witness = w.center order by size desc limit 1
) c on true
order by w.center
"""  # a row for each witness, and one where there is none


def state() -> State:
    """Size and time of the newest signed head, what waits, who has seen it, and what alarms stand."""
    with connection.cursor() as cursor:
        cursor.execute(STATE)
        rows = cursor.fetchall()
    size, signed_at, waiting, oldest_at, alarms = rows[0][:5]
    seen = [Seen(*row[5:]) for row in rows if row[5] is not None]
    here, gone = [one for one in seen if not one.left_at], [one for one in seen if one.left_at]
    return State(size or 0, signed_at, waiting, oldest_at, here, gone, alarms)


def proof_of(event: Event) -> Proof | None:
    """The proof that an event lies under the signed head that most centers have seen, checked; None while it waits.

    Raises TileMissing or TileBroken where the published tiles can't be read.
    """
    if event.idx is None:
        return None
    try:
        with one_moment():
            head, keys = newest_head(above=event.idx, most_seen=True), log_keys()
    except NotThere:
        return None
    note, checkpoint = open_checkpoint(str(head.note), keys[-1].name, keys)
    proof = proof_under(head, event.idx, event.entry, published_tiles(checkpoint))
    return Proof(
        event.idx,
        leaf_hash(event.entry.encode()).hex(),
        checkpoint.size,
        checkpoint.root.hex(),
        [one.hex() for one in proof.hashes],
        str(note),
        head.centers,
    )


def tiles_unreadable() -> tuple[type[Exception], ...]:
    """What reading a proof raises while the tiles or the signed head are not at hand, or not true."""
    return (TileMissing, TileBroken, ProofFailed, Unsigned, Malformed)
