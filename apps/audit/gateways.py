"""The centers' witnesses, asked what they have seen of the record (C2SP tlog-witness)."""

import re
from dataclasses import dataclass

from django.db import connection

from apps.audit.exports import head_of, newest_head, tiles_of
from apps.audit.verification import log_keys
from tlog.asking import get_checkpoint, post_checkpoint, request_for
from tlog.checkpoint import Checkpoint, Malformed
from tlog.merkle import ProofFailed, consistency_proof, verify_consistency
from tlog.notes import Note, Signature, Unsigned, VerifierKey
from tlog.proof import WitnessRequest, with_cosignatures
from tlog.tiles import VerifiedNodes


@dataclass(frozen=True)
class Said:
    """What a center's witness answered: `agrees` is None where it could not be asked. `size` is what it had seen."""

    center: str
    words: str
    agrees: bool | None
    size: int | None = None


def ask_witnesses() -> list[Said]:
    """Ask each known witness how much it has seen, and compare that with today's record."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select w.center, w.url, w.vkey, c.size, c.line from audit.witness w left join lateral (select size, line "
            "from audit.cosignature where witness = w.center order by size desc limit 1) c on true "
            "where w.left_at is null order by 1"
        )
        return [
            _asked(center, url, vkey, _known(vkey, size, line)) for center, url, vkey, size, line in cursor.fetchall()
        ]


def _known(vkey: str, size: int | None, line: str | None) -> int:
    """The size that this witness cosigned last, as far as the notary got to know."""
    try:
        return size if size and line and Signature.parse(line).is_by(VerifierKey.parse(vkey)) else 0
    except Malformed:
        return 0


def _asked(center: str, url: str, vkey: str, known: int) -> Said:
    """By its newest checkpoint, which leaves no trace there; one that does not hand it out is asked to sign again."""
    try:
        origin = newest_head().checkpoint.origin
        status, answer = get_checkpoint(url, origin)
        if status == 200:
            return _compared(center, answer, vkey, known)
        if known:
            return _asked_to_sign(center, url, vkey, known)
    except OSError as error:
        return Said(center, f"does not answer: {error}", None)
    return (
        Said(center, "has seen nothing of this record yet", None, 0) if status == 404 else _odd(center, status, answer)
    )


def _compared(center: str, answer: str, vkey: str, known: int) -> Said:
    head = newest_head().checkpoint  # read after the witness spoke: what it has seen was stored before that
    try:
        note = Note.parse(answer)
        seen = note.checkpoint()
        if seen.origin != head.origin or not note.signers([VerifierKey.parse(vkey)]):
            return _odd(center, 200, answer)
        if not note.signers(log_keys()):
            return _knows_another_key(center)
    except (Malformed, Unsigned):
        return _odd(center, 200, answer)
    if seen.size > head.size:
        return _was_set_back(center, seen.size, head.size)
    if not _continues(head, seen):
        return _knows_another_history(center, seen.size)
    return _agrees(center, seen.size, known)


def _continues(head: Checkpoint, seen: Checkpoint) -> bool:
    proof = consistency_proof(VerifiedNodes(tiles_of(head), head.size, head.root), seen.size, head.size)
    try:
        verify_consistency(seen.size, seen.root, head.size, head.root, proof)
    except ProofFailed:
        return False
    return True


def _asked_to_sign(center: str, url: str, vkey: str, known: int) -> Said:
    """Again what it signed last, or what follows the size that it names then."""
    newest, note, size = newest_head(), head_of(known).note, known
    status, answer = post_checkpoint(url, WitnessRequest(known, (), note))
    if status == 409 and re.fullmatch("[0-9]{1,18}", answer.strip()):
        size, note = int(answer), newest.note
        if size > newest.checkpoint.size:
            return _was_set_back(center, size, newest.checkpoint.size)
        status, answer = post_checkpoint(url, request_for(tiles_of(newest.checkpoint), note, size))
    if status == 200 and _is_its_word(note, answer, vkey):
        return _agrees(center, size, known)
    if status in (409, 422):
        return _knows_another_history(center, size)
    return _knows_another_key(center) if status == 403 else _odd(center, status, answer)


def _is_its_word(note: Note, answer: str, vkey: str) -> bool:
    try:
        with_cosignatures(note, answer, [VerifierKey.parse(vkey)])
    except (Malformed, Unsigned):
        return False
    return True


# ── What it said, in words ───────────────────────────────────────────────────────────────────────────────────────────
def _agrees(center: str, size: int, known: int) -> Said:
    if size < known:
        words = f"has seen {size:,} entries, and it signed {known:,} before: its folder was set back"
        return Said(center, words, None, size)
    return Said(center, f"had seen {size:,} entries, and the record continues them", agrees=True, size=size)


def _was_set_back(center: str, size: int, there: int) -> Said:
    words = f"has seen {size:,} entries, and the record has {there:,}: the record was set back"
    return Said(center, words, agrees=False, size=size)


def _knows_another_history(center: str, size: int) -> Said:
    words = f"has seen another history of the first {size:,} entries than the one here"
    return Said(center, words, agrees=False, size=size)


def _knows_another_key(center: str) -> Said:
    return Said(center, "does not know the key that signed the record's head", agrees=False)


def _odd(center: str, status: int, answer: str) -> Said:
    return Said(center, f"gives no usable answer (status {status}): {answer.strip()[:200]}", None)
