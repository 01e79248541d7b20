"""What a run has to tell the portal: numbered without a gap, kept until the portal has said that it has it.

Two writers: the host itself, and the gateway's spool, which is read on from a mark. Number and mark stand in one line,
so whatever is killed whenever, each event goes out under one number and none is lost. What the portal has goes: our own
file is written anew without it, and the gateway is told up to which byte it may forget its spool.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_BATCH, _BATCH_BYTES = 100, 1 << 20
_LONGEST = 1 << 20  # bytes of one line of the spool
_READ = 4 << 20
_LONG = 1 << 20  # bytes of our own file, from which on it is written anew
READ = "events.read"  # beside the spool: up to which byte the portal has it
FROM_GATEWAY = {"denied", "warned", "paused", "resumed", "cell", "signed_in"}


class Outbox:
    """`file` is ours alone; `spool` is written by the gateway, whom we don't trust further than its own kinds."""

    def __init__(self, file: Path, spool: Path) -> None:
        self.file, self.spool = file, spool
        self.waiting: list[dict[str, Any]] = []
        self.last = self.acknowledged = self.mark = self.forgotten = 0
        self._marks: deque[tuple[int, int]] = deque()  # an event's number, and how far the spool was read with it
        self._once: set[str] = set()  # kinds that are told once
        self._told = 0  # of `forgotten`, what the gateway knows
        self._size = self._gone = 0  # bytes of our own file; events in it that nobody waits for
        self._lock = threading.Lock()
        self._load()

    def tell(self, kind: str, **details: Any) -> None:
        """An event of the host's own."""
        with self._lock:
            self._keep([{"at": datetime.now(UTC).isoformat(), "kind": kind, **details}], self.mark)

    def tell_once(self, kind: str, **details: Any) -> None:
        """The same, where it was not told yet, by whatever host looked after the run before."""
        with self._lock:
            if kind not in self._once:
                self._once.add(kind)
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
            before = len(self.waiting)
            self.waiting = [event for event in self.waiting if event["seq"] > seq]
            self._append([{"acknowledged": seq}])
            self._gone += before - len(self.waiting)
            if not self.waiting or (self._size > _LONG and self._gone > len(self.waiting)):
                self._begin_anew()
            while self._marks and self._marks[0][0] <= seq:
                self.forgotten = self._marks.popleft()[1]

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

    def let_forget(self) -> None:
        """Tell the gateway how much of its spool the portal has."""
        if self.forgotten == self._told:
            return
        try:
            folder = os.open(self.spool.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return
        try:  # the folder is the gateway's: nothing of what lies there is written to, a new file takes its place
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f".{READ}", dir_fd=folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with open(os.open(f".{READ}", flags, 0o644, dir_fd=folder), "w", encoding="ascii") as file:
                file.write(str(self.forgotten))
            os.rename(f".{READ}", READ, src_dir_fd=folder, dst_dir_fd=folder)
            self._told = self.forgotten
        finally:
            os.close(folder)

    def is_clear(self) -> bool:
        """Whether the portal has everything."""
        return not self.waiting

    def _keep(self, events: list[dict[str, Any]], mark: int) -> None:
        rows: list[dict[str, Any]] = []
        for event in events:
            self.last += 1
            rows.append({"event": {**event, "seq": self.last}})
        self._append(
            [*rows, {"mark": mark, "once": sorted(self._once)}]
        )  # one write: either all of it counts, or what was torn is read again
        self.waiting += [row["event"] for row in rows]
        self.mark = mark
        self._marks.append((self.last, mark))

    def _append(self, rows: list[Mapping[str, Any]] | list[dict[str, Any]]) -> None:
        with self.file.open("ab") as file:
            file.write(json.dumps(rows).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
            self._size = file.tell()

    def _begin_anew(self) -> None:
        """A short file instead of a long one, with nothing in it that nobody waits for."""
        fresh = self.file.with_suffix(".new")
        head = {"last": self.last, "acknowledged": self.acknowledged, "mark": self.mark, "once": sorted(self._once)}
        with fresh.open("wb") as file:
            file.write(json.dumps([*({"event": event} for event in self.waiting), head]).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())  # else a power cut could leave an empty file, and numbers would begin anew
            self._size = file.tell()
        os.replace(fresh, self.file)
        self._gone = 0

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
                if "mark" in row:
                    self.mark = row["mark"]
                    self._marks.append((self.last, self.mark))
                self.acknowledged = row.get("acknowledged", self.acknowledged)
                self._once.update(row.get("once", ()))
        self.waiting = [event for event in self.waiting if event["seq"] > self.acknowledged]
        self._size = len(kept)


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
