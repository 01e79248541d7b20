"""The machine's own disk: workspaces are promised more room than it has, so what is left is looked at all the time.

A quota keeps one workspace from another's room only while all of them together fit. Below the reserve, whoever still
writes much is stopped with all files kept, before databases and neighbours meet a full disk.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from sandbox.spec import GB, MB

_MUCH = 32 * MB  # between two looks
_BLOCK = 512  # bytes, the unit of st_blocks
log = logging.getLogger("host")


class DiskError(Exception):
    """The disk is too full to begin anything; the message says so to the person who waits."""


class Writer(Protocol):
    """Somebody who may fill the disk."""

    @property
    def places(self) -> tuple[Path, ...]:
        """Where what they write lies."""


W = TypeVar("W", bound=Writer)


@dataclass
class Disk:
    """`place` is a folder on it; `reserve` are the bytes that workspaces are not given."""

    place: Path
    reserve: int
    _sizes: dict[Path, int] = field(default_factory=dict)  # at the last look, while it was low

    def left(self) -> int:
        """Bytes that are free."""
        status = os.statvfs(self.place)
        return status.f_bavail * status.f_frsize

    def demand_room(self) -> None:
        """DiskError where the disk is low, so that nothing new begins on it."""
        if (left := self.left()) < self.reserve:
            raise DiskError(
                f"The machine's disk is nearly full: {left / GB:,.1f} GB are left. Its operator has to make room."
            )

    def who_fills_it(self, writers: Iterable[W]) -> list[W]:
        """Those who wrote much since the last look, where the disk is low; nobody at the first such look."""
        if self.left() >= self.reserve:
            self._sizes = {}
            return []
        before, now = self._sizes, dict[Path, int]()
        found = []
        for writer in writers:
            for place in writer.places:
                if place not in now:  # a shared one is counted for each who writes there, and measured once
                    now[place] = size_of(place)
            grown = sum(now[place] - before.get(place, now[place]) for place in writer.places)
            if grown > _MUCH:
                found.append(writer)
        if not before:
            log.warning("the disk is low: %.1f GB are left of the reserve of %.1f", self.left() / GB, self.reserve / GB)
        self._sizes = now
        return found


def size_of(folder: Path) -> int:
    """Bytes that all files below take on the disk; a sparse one only what it holds."""
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.lstat(os.path.join(place, name)).st_blocks * _BLOCK
            except OSError:  # gone meanwhile
                continue
    return size


def usual_reserve(place: Path) -> int:
    """A twentieth of the disk, 5 GB at most."""
    while not place.exists():
        place = place.parent
    status = os.statvfs(place)
    return min(5 * GB, status.f_blocks * status.f_frsize // 20)
