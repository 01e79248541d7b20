"""What a run has to tell the portal: numbered without a gap, kept until the portal has said that it has it.

Two writers: the host itself, and the gateway's spool, which is read on from a mark. Number and mark stand in one line,
so whatever is killed whenever, each event goes out under one number and none is lost.
"""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_BATCH, _BATCH_BYTES = 100, 1 << 20
_LONGEST = 1 << 20  # bytes of one line of the spool
_READ = 4 << 20
FROM_GATEWAY = {"denied", "warned", "paused", "resumed", "cell", "signed_in"}


class Outbox:
    """`file` is ours alone; `spool` is written by the gateway, whom we don't trust further than its own kinds."""

    def __init__(self, file: Path, spool: Path) -> None:
        self.file, self.spool = file, spool
        self.waiting: list[dict[str, Any]] = []
        self.last = self.acknowledged = self.mark = 0
        self._lock = threading.Lock()
        self._load()

    def tell(self, kind: str, **details: Any) -> None:
        """An event of the host's own."""
        with self._lock:
            self._keep([{"at": datetime.now(UTC).isoformat(), "kind": kind, **details}], self.mark)

    def collect(self) -> None:
        """Take over what the gateway has written since."""
        with self._lock:
            lines, mark = _lines(self.spool, self.mark)
            if mark != self.mark:
                self._keep([event for line in lines if (event := _event(line))], mark)

    def batch(self) -> list[dict[str, Any]]:
        """What to send next; empty where all is acknowledged."""
        with self._lock:
            chosen: list[dict[str, Any]] = []
            size = 0
            for event in self.waiting[:_BATCH]:
                size += len(json.dumps(event))
                if chosen and size > _BATCH_BYTES:
                    break
                chosen.append(event)
            return chosen

    def acknowledge(self, seq: int) -> None:
        """The portal has stored everything up to this number."""
        with self._lock:
            if not self.acknowledged < seq <= self.last:
                return
            self.acknowledged = seq
            self.waiting = [event for event in self.waiting if event["seq"] > seq]
            self._append([{"acknowledged": seq}])
            if not self.waiting:
                self._begin_anew()

    def give_up(self, seq: int, why: str) -> None:
        """The portal can't read this event: in its place goes that there was one, so that those behind it get on."""
        with self._lock:
            for number, event in enumerate(self.waiting):
                if event["seq"] == seq:
                    words = f"An event of the kind “{event['kind']}” can't be stored: {why}"[:500]
                    now = datetime.now(UTC).isoformat()
                    self.waiting[number] = {
                        "seq": seq, "at": now, "kind": "denied", "method": "", "path": "", "why": words,
                    }  # fmt: skip

    def is_clear(self) -> bool:
        """Whether the portal has everything."""
        return not self.waiting

    def _keep(self, events: list[dict[str, Any]], mark: int) -> None:
        rows: list[dict[str, Any]] = []
        for event in events:
            self.last += 1
            rows.append({"event": {**event, "seq": self.last}})
        self._append([*rows, {"mark": mark}])  # one write: either all of it counts, or what was torn is read again
        self.waiting += [row["event"] for row in rows]
        self.mark = mark

    def _append(self, rows: list[Mapping[str, Any]] | list[dict[str, Any]]) -> None:
        with self.file.open("ab") as file:
            file.write(json.dumps(rows).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _begin_anew(self) -> None:
        """A short file instead of a long one, once there is nothing in it that anybody waits for."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps([{"last": self.last, "acknowledged": self.acknowledged, "mark": self.mark}]) + "\n")
        os.replace(fresh, self.file)

    def _load(self) -> None:
        if not self.file.exists():
            return
        whole = self.file.read_bytes()
        kept = whole[: whole.rfind(b"\n") + 1]
        if kept != whole:
            os.truncate(self.file, len(kept))
        for line in kept.splitlines():
            for row in json.loads(line):
                if "event" in row:
                    self.waiting.append(row["event"])
                    self.last = row["event"]["seq"]
                self.last = row.get("last", self.last)
                self.mark = row.get("mark", self.mark)
                self.acknowledged = row.get("acknowledged", self.acknowledged)
        self.waiting = [event for event in self.waiting if event["seq"] > self.acknowledged]


def _lines(spool: Path, mark: int) -> tuple[list[bytes], int]:
    """Whole lines from `mark` on, and where the next begins. A link or a device is no spool."""
    try:
        handle = os.open(spool, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return [], mark
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return [], mark
        said = os.pread(handle, _READ, mark)
    finally:
        os.close(handle)
    end = said.rfind(b"\n") + 1
    if not end and len(said) >= _LONGEST:  # a line without an end: skip it, so that it stops nothing behind it
        return [b""], mark + len(said)
    return said[:end].splitlines(), mark + end


def _event(line: bytes) -> dict[str, Any] | None:
    """One line of the gateway; whatever else it says is told as a denial that can't be read, never dropped."""
    try:
        event = json.loads(line) if len(line) <= _LONGEST else None
    except ValueError:
        event = None
    if not isinstance(event, dict) or event.get("kind") not in FROM_GATEWAY:
        event = {"kind": "denied", "method": "", "path": "", "why": "The gateway wrote a line that can't be read."}
    event.setdefault("at", datetime.now(UTC).isoformat())
    event.pop("seq", None)
    return event
