"""What the gateway reports: lines of JSON in a file, on the disk before the answer goes out.

The host reads them and writes into `events.read` up to which byte the portal has them; what lies before is let go, in
place: the numbers of the bytes stay, the disk gets them back. Who can't be reported on can't work:
when the disk refuses or nobody reads, the gateway closes.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_HOLE = 0x01 | 0x02  # keep the size, punch a hole
_OFTEN = 1 << 20  # bytes that are let go at once


class SpoolFull(Exception):
    """Nothing can be reported any more."""


class Spool:
    """One file, appended to by one writer. Whatever arrives while the disk is busy is written with the next round."""

    def __init__(self, folder: Path, *, unread: int, total: int, broken: Callable[[str], None]) -> None:
        self._read_mark, self._unread, self._total, self._broken = folder / "events.read", unread, total, broken
        self._file = os.open(folder / "events.jsonl", os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._size = os.fstat(self._file).st_size
        if self._size and os.pread(self._file, 1, self._size - 1) != b"\n":  # a line that a power cut left half
            self._size += os.write(self._file, b"\n")
        self._let_go = 0
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._round: asyncio.Task[None] | None = None
        self._reason = ""

    async def write(self, kind: str, **details: Any) -> None:
        """Report this; it is on the disk when this returns. SpoolFull: it could not be."""
        if self._reason:
            raise SpoolFull(self._reason)
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"at": at, "kind": kind, **details}, separators=(",", ":")).encode() + b"\n"
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((line, done))
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._rounds())
        await done

    async def close(self) -> None:
        """Wait for the last round, then let go of the file."""
        if self._round is not None:
            await self._round
        self._reason = self._reason or "The gateway has ended."
        os.close(self._file)

    async def _rounds(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await asyncio.to_thread(self._store, b"".join(line for line, _ in batch))
            except (OSError, SpoolFull) as error:
                self._give_up(f"Reports can't be written: {error}", [done for _, done in batch])
                return
            for _, done in batch:
                if not done.done():
                    done.set_result(None)

    def _store(self, lines: bytes) -> None:
        mark = self._mark()
        self._forget(mark)
        if self._size - mark + len(lines) > self._unread:
            raise SpoolFull("nobody reads them")
        if self._size + len(lines) > self._total:
            raise SpoolFull("there are too many")
        left = memoryview(lines)
        while left:
            written = os.write(self._file, left)
            self._size += written
            left = left[written:]
        os.fsync(self._file)

    def _forget(self, mark: int) -> None:
        """Give back the disk of what the portal has; a file system that can't make holes keeps it."""
        if mark - self._let_go < _OFTEN:
            return
        _LIBC.fallocate(self._file, _HOLE, ctypes.c_int64(self._let_go), ctypes.c_int64(mark - self._let_go))
        self._let_go = mark

    def _mark(self) -> int:
        try:
            return min(int(self._read_mark.read_bytes()[:20]), self._size)
        except (OSError, ValueError):
            return 0

    def _give_up(self, reason: str, waiting: list[asyncio.Future[None]]) -> None:
        self._reason = reason
        for done in (*waiting, *(done for _, done in self._waiting)):
            if not done.done():
                done.set_exception(SpoolFull(reason))
        self._waiting = []
        self._broken(reason)
