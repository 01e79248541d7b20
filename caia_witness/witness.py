"""The decision: what a witness answers to `add-checkpoint`, and what it has stored before it answers."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from caia_witness.home import Home, origin_hash
from tlog.checkpoint import Checkpoint, Malformed
from tlog.merkle import EMPTY_ROOT, ProofFailed, verify_consistency
from tlog.notes import Note, Unsigned
from tlog.proof import WitnessRequest

# A clock may be put right by this much; the witness then repeats its last time rather than go back.
CLOCK_SLACK = 600
_REMEMBERED = 10_000


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: str
    content_type: str = "text/plain; charset=utf-8"


class Refused(Exception):
    """This checkpoint is not cosigned."""

    def __init__(self, status: int, words: str, *, content_type: str = "text/plain; charset=utf-8") -> None:
        super().__init__(words)
        self.answer = Answer(status, f"{words}\n", content_type)


class Witness:
    """Answers requests over one folder; `clock` gives Unix seconds."""

    def __init__(
        self, home: Home, *, clock: Callable[[], float] = time.time, accept_earlier_clock: bool = False
    ) -> None:
        self._home = home
        self._clock = clock
        self._accept_earlier_clock = accept_earlier_clock
        self._keys = home.keys()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._seen_lock = threading.Lock()
        self._refused: set[str] = set()

    def add_checkpoint(self, body: bytes) -> Answer:
        """The answer to one request. All it promises is on disk when it returns."""
        try:
            request = WitnessRequest.parse(body)
            checkpoint = request.note.checkpoint()
        except Malformed as error:
            return Answer(400, f"{error}\n")
        try:
            self._require_signature(request.note, checkpoint.origin)
            with self._locks[checkpoint.origin]:
                return self._cosign(request, checkpoint)
        except Refused as refusal:
            return refusal.answer

    def head(self, name: str) -> Answer:
        """The newest cosigned checkpoint of the log with this origin hash."""
        origin = next((one for one in self._home.logs() if origin_hash(one) == name), None)
        note = self._home.head(origin) if origin else None
        return Answer(200, str(note)) if note else Answer(404, "this witness has no checkpoint of that log\n")

    def _require_signature(self, note: Note, origin: str) -> None:
        keys = self._home.logs().get(origin)
        if not keys:
            raise Refused(404, "this witness does not watch that log")
        try:
            if not note.signers(keys):
                raise Refused(403, "no trusted key of the log signed this checkpoint")
        except Unsigned as error:
            raise Refused(403, str(error)) from None

    def _cosign(self, request: WitnessRequest, new: Checkpoint) -> Answer:
        latest = self._home.head(new.origin)
        at = self._time_after(latest)
        try:
            self._require_continuation(request, new, latest)
        except Refused as refusal:
            # A log that contradicts itself signed the proof of it: kept for the auditors.
            self._keep_refused(self._by_the_log(request.note, new.origin), str(refusal), at)
            raise
        lines = [key.sign(request.note.text, at=at) for key in self._keys]
        cosigned = self._by_the_log(request.note, new.origin).with_signatures(*lines)
        self._home.keep_head(new.origin, cosigned)
        self._keep_seen(cosigned, "cosigned", at)
        return Answer(200, "".join(map(str, lines)))

    def _require_continuation(self, request: WitnessRequest, new: Checkpoint, latest: Note | None) -> None:
        old = latest.checkpoint() if latest else Checkpoint(new.origin, 0, EMPTY_ROOT)
        if request.old_size > new.size:
            raise Refused(400, "the old size is larger than the checkpoint's")
        if request.old_size != old.size:
            raise Refused(409, str(old.size), content_type="text/x.tlog.size")
        try:
            verify_consistency(old.size, old.root, new.size, new.root, request.proof)
        except ProofFailed as error:
            raise Refused(422, str(error)) from None

    def _by_the_log(self, note: Note, origin: str) -> Note:
        """The note with the signatures that we checked and no others."""
        keys = self._home.logs()[origin]
        mine = [one for one in note.signatures if any(one.is_by(key) for key in keys)]
        return Note(note.text, tuple(dict.fromkeys(mine)))

    def _time_after(self, latest: Note | None) -> int:
        """Now, and never before what was signed already."""
        now = int(self._clock())
        before = self._home.time_of(latest) if latest else 0
        if now < before - CLOCK_SLACK and not self._accept_earlier_clock:
            raise Refused(503, f"this witness's clock went back by {before - now} seconds; its operator must look")
        return now if self._accept_earlier_clock and now < before - CLOCK_SLACK else max(now, before)

    def _keep_refused(self, note: Note, words: str, at: int) -> None:
        """Keep each refused checkpoint once: who repeats it must not fill the disk."""
        if note.text in self._refused:
            return
        if len(self._refused) >= _REMEMBERED:
            self._refused.clear()
        self._refused.add(note.text)
        self._keep_seen(note, f"refused: {words}", at)

    def _keep_seen(self, note: Note, verdict: str, at: int) -> None:
        with self._seen_lock:
            self._home.keep_seen(note, verdict, at)
