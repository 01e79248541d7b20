"""Two texts around a checkpoint: the proof of one event that a person can keep, and the question to a witness.

https://c2sp.org/tlog-proof (a `.tlog-proof` file) and https://c2sp.org/tlog-witness (the body of `add-checkpoint`).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tlog.checkpoint import Checkpoint, Malformed, unbase64
from tlog.merkle import HASH_BYTES, verify_inclusion
from tlog.notes import Note, Signature, Unsigned, VerifierKey

_FIRST_LINE = "c2sp.org/tlog-proof@v1"
_MAX_HASHES = 63


def _hash_lines(hashes: Iterable[bytes]) -> str:
    return "".join(f"{base64.b64encode(one).decode()}\n" for one in hashes)


def _hashes_of(lines: Sequence[str]) -> tuple[bytes, ...]:
    hashes = tuple(unbase64(line) for line in lines)
    if len(hashes) > _MAX_HASHES or any(len(one) != HASH_BYTES for one in hashes):
        raise Malformed("a proof is at most 63 hashes of 32 bytes")
    return hashes


@dataclass(frozen=True)
class EventProof:
    """That an event is at this index of the log that the checkpoint is of."""

    index: int
    hashes: tuple[bytes, ...]
    note: Note

    def __str__(self) -> str:
        return f"{_FIRST_LINE}\nindex {self.index}\n{_hash_lines(self.hashes)}\n{self.note}"

    @classmethod
    def parse(cls, text: str) -> EventProof:
        """The proof in this text; raises Malformed. Extra data of other logs is passed over."""
        head, blank, note = text.partition("\n\n")
        first, *lines = head.split("\n")
        if not blank or first != _FIRST_LINE:
            raise Malformed("not a tlog proof")
        if lines and lines[0].startswith("extra "):
            unbase64(lines.pop(0).removeprefix("extra "))
        match = re.fullmatch("index (0|[1-9][0-9]{0,18})", lines[0]) if lines else None
        if not match:
            raise Malformed("a tlog proof has an index")
        return cls(int(match[1]), _hashes_of(lines[1:]), Note.parse(note))

    def verify(self, leaf: bytes, origin: str, keys: Iterable[VerifierKey]) -> Checkpoint:
        """The signed checkpoint that this leaf is under; raises Malformed, Unsigned or ProofFailed."""
        checkpoint = self.note.checkpoint()
        if checkpoint.origin != origin or not self.note.signers(keys):
            raise Unsigned(f"no known key of {origin} signed the checkpoint")
        verify_inclusion(leaf, self.index, checkpoint.size, self.hashes, checkpoint.root)
        return checkpoint


@dataclass(frozen=True)
class WitnessRequest:
    """To a witness whose newest checkpoint has `old_size`: cosign this one, which continues it."""

    old_size: int
    proof: tuple[bytes, ...]
    note: Note

    def __str__(self) -> str:
        return f"old {self.old_size}\n{_hash_lines(self.proof)}\n{self.note}"

    @classmethod
    def parse(cls, body: bytes) -> WitnessRequest:
        """The request in this body; raises Malformed."""
        try:
            text = body.decode()
        except UnicodeDecodeError:
            raise Malformed("the request is not UTF-8") from None
        head, blank, note = text.partition("\n\n")
        first, *lines = head.split("\n")
        match = re.fullmatch("old (0|[1-9][0-9]{0,18})", first)
        if not blank or not match:
            raise Malformed("a request is an old size, a proof, an empty line and a checkpoint")
        return cls(int(match[1]), _hashes_of(lines), Note.parse(note))


def with_cosignatures(note: Note, answer: str, keys: Iterable[VerifierKey]) -> Note:
    """The note with what a witness answered, kept only for these keys and only if valid.

    Raises Malformed, or Unsigned if nothing valid of theirs is in the answer.
    """
    known = list(keys)
    if not answer.endswith("\n") or len(answer) > 100_000:
        raise Malformed("a witness answers with signature lines")
    lines = [Signature.parse(line) for line in answer[:-1].split("\n")]
    fresh = Note(note.text, tuple(one for one in lines if any(one.is_by(key) for key in known)))
    if not fresh.signers(known):
        raise Unsigned("the witness's answer has no signature of a key that is known as its own")
    return note.with_signatures(*fresh.signatures)
