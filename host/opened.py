"""Which files under /data are opened, and how often: the kernel tells (fanotify), whatever runs inside.

One mark on each dataset's own mount, reached through the sandbox's process number 1: other sandboxes with the same
data have mounts of their own. Folders and what is opened before the mark is set (a moment after the start, before
anybody can run a cell) are not counted; what one program opens again within half a second counts once.
"""

from __future__ import annotations

import ctypes
import os
import struct
import time
from collections import Counter
from pathlib import Path
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLOSE_ON_EXEC, _NONBLOCK = 0x1, 0x2
_ADD, _MOUNT = 0x1, 0x10
_OPEN, _OVERFLOW = 0x20, 0x4000
_HERE = -100
_EVENT = struct.Struct("=IBBHQii")
_READ = 64 * 1024
_MOST_PATHS = 1000  # told by name in a minute; what is beyond is counted together
_MOST_READS = 200  # pieces taken at one look
MINUTE = 60.0
OTHERS = "(other files)"


class NotAllowed(Exception):
    """This machine doesn't let us watch; the message says why."""


class Opened:
    """Watches the datasets of one sandbox. `first` is the host's pid of its process number 1."""

    def __init__(self, first: int, datasets: list[str]) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.is_overrun = False
        self.told_at = time.monotonic()
        self.slugs: dict[str, str] = {}  # by the number of the mount
        self.handle = _called("fanotify_init", _LIBC.fanotify_init(_CLOSE_ON_EXEC | _NONBLOCK, os.O_RDONLY))
        try:
            for slug in datasets:
                place = f"/proc/{first}/root/data/{slug}"
                mask = ctypes.c_uint64(_OPEN)
                marked = _LIBC.fanotify_mark(self.handle, _ADD | _MOUNT, mask, _HERE, place.encode())
                _called("fanotify_mark", marked)
                self.slugs[_mount_at(place)] = slug
        except NotAllowed:
            self.close()
            raise

    def look(self) -> None:
        """Count what was opened since."""
        for _ in range(_MOST_READS):
            try:
                said = os.read(self.handle, _READ)
            except BlockingIOError:
                return
            at = 0
            while at + _EVENT.size <= len(said):
                length, _, _, _, mask, handle, _ = _EVENT.unpack_from(said, at)
                at += length
                self._count(mask, handle)

    def events(self, *, now: bool = False) -> list[dict[str, Any]]:
        """Once a minute (or `now`): each path and how often, as events for the portal."""
        if not now and time.monotonic() - self.told_at < MINUTE:
            return []
        self.told_at = time.monotonic()
        rows = [
            {"kind": "opened", "dataset": dataset, "path": path, "times": times}
            for (dataset, path), times in sorted(self.counts.items())
        ]
        if self.is_overrun:
            rows.append({"kind": "not_watched", "words": "More files were opened at once than the kernel could tell."})
        self.counts.clear()
        self.is_overrun = False
        return rows

    def close(self) -> None:
        """Watch no longer."""
        os.close(self.handle)

    def _count(self, mask: int, handle: int) -> None:
        if mask & _OVERFLOW:
            self.is_overrun = True
        if handle < 0:
            return
        try:
            dataset = self.slugs.get(_mount_of(handle), "")
            path = os.readlink(f"/proc/self/fd/{handle}")
        finally:
            os.close(handle)
        # A path from the sandbox's root; once that is gone, from the mount's.
        name = path.removeprefix(f"/data/{dataset}").lstrip("/")
        if len(self.counts) >= _MOST_PATHS and (dataset, name) not in self.counts:
            name = OTHERS
        self.counts[dataset, name] += 1


def _mount_at(place: str) -> str:
    try:
        handle = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        raise NotAllowed("The sandbox ended before its files could be watched.") from error
    try:
        return _mount_of(handle)
    finally:
        os.close(handle)


def _mount_of(handle: int) -> str:
    """The kernel's number of the mount that an open file was reached by."""
    lines = Path(f"/proc/self/fdinfo/{handle}").read_text(encoding="ascii").splitlines()
    return next((line.split()[1] for line in lines if line.startswith("mnt_id:")), "")


def watch(first: int, datasets: list[str]) -> Opened:
    """Begin to watch. NotAllowed says why this machine can't."""
    if os.geteuid() != 0:
        raise NotAllowed("Files that are opened can be watched only where the host runs as root.")
    if not Path(f"/proc/{first}/root").exists():
        raise NotAllowed("The sandbox had ended before its files could be watched.")
    return Opened(first, datasets)


def _called(what: str, answer: int) -> int:
    if answer < 0:
        raise NotAllowed(f"The kernel doesn't tell which files are opened ({what}: {os.strerror(ctypes.get_errno())}).")
    return answer
