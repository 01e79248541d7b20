"""The centers' witnesses, asked what they have seen of the record (C2SP tlog-witness)."""

from dataclasses import dataclass

from django.db import connection

from apps.audit.exports import Head, newest_head, tiles_of
from tlog.asking import post_checkpoint, request_for
from tlog.checkpoint import Malformed
from tlog.notes import Note, Unsigned, VerifierKey
from tlog.proof import with_cosignatures

TRIES = 3  # the notary may sign, and a witness see, a newer head between two questions


@dataclass(frozen=True)
class Said:
    """What a center's witness answered: `agrees` is None where it could not be asked. `size` is what it had seen."""

    center: str
    words: str
    agrees: bool | None
    size: int | None = None


def ask_witnesses() -> list[Said]:
    """Ask each known witness how much it has seen, and show it that today's head continues just that."""
    with connection.cursor() as cursor:
        cursor.execute("select center, url, vkey from audit.witness order by center")
        return [_asked(center, url, vkey) for center, url, vkey in cursor.fetchall()]


def _asked(center: str, url: str, vkey: str) -> Said:
    try:
        for _ in range(TRIES):
            head = newest_head()
            status, answer = post_checkpoint(url, request_for(tiles_of(head.checkpoint), head.note, 0))
            size = int(answer) if status == 409 and answer.strip().isdigit() else None
            if size is not None and 0 < size <= head.checkpoint.size:
                return _shown(center, url, vkey, head, size)
            if size is None:
                break
    except OSError as error:
        return Said(center, f"does not answer: {error}", None)
    if size is not None:
        words = f"has seen {size:,} entries, and the record has {head.checkpoint.size:,}: the record was set back"
        return Said(center, words, agrees=False, size=size)
    if status == 200:
        return Said(center, "had seen nothing of this record until now", None, 0)
    return _refused(center, status, answer)


def _shown(center: str, url: str, vkey: str, head: Head, size: int) -> Said:
    status, answer = post_checkpoint(url, request_for(tiles_of(head.checkpoint), head.note, size))
    if status == 200 and _is_its_word(head.note, answer, vkey):
        return Said(center, f"had seen {size:,} entries, and the record continues them", agrees=True, size=size)
    if status in (409, 422):
        words = f"has seen another history of the first {size:,} entries than the one here"
        return Said(center, words, agrees=False, size=size)
    return _refused(center, status, answer)


def _is_its_word(note: Note, answer: str, vkey: str) -> bool:
    try:
        with_cosignatures(note, answer, [VerifierKey.parse(vkey)])
    except (Malformed, Unsigned):
        return False
    return True


def _refused(center: str, status: int, answer: str) -> Said:
    if status == 403:
        return Said(center, "does not know the key that signed the record's head", agrees=False)
    return Said(center, f"gives no usable answer (status {status}): {answer.strip()[:200]}", None)
