"""Denials: the first of its kind is reported at once, the same again is counted, and never more than some a second."""

from __future__ import annotations

import asyncio
from collections import Counter

from gateway.spool import Spool, SpoolFull

_AT_ONCE = 20  # kinds of denials with a line of their own in one second
_PATH = 200
Denial = tuple[str, str, str]


class Denials:
    """Reports denials; `count` is how many there were."""

    def __init__(self, spool: Spool, second: float = 1.0) -> None:
        self._spool, self._second = spool, second
        self._known: set[Denial] = set()
        self._again: Counter[Denial] = Counter()
        self._others = 0
        self.count = 0

    async def report(self, method: str, path: str, why: str) -> None:
        """Report one denial, or count it with the others of this second."""
        self.count += 1
        denial = (method[:16], path if len(path) <= _PATH else path[:_PATH] + "…", why)
        if denial in self._known:
            self._again[denial] += 1
        elif len(self._known) < _AT_ONCE:
            self._known.add(denial)
            await self._write(denial, 1)
        else:
            self._others += 1

    async def run(self) -> None:
        """Each second: one line for each that came again, one for all that found no room."""
        while True:
            await asyncio.sleep(self._second)
            await self.flush()

    async def flush(self) -> None:
        """Report what was counted."""
        again, self._again = self._again, Counter()
        others, self._others = self._others, 0
        self._known = set(again)  # who goes on goes on being counted
        for denial, times in again.items():
            await self._write(denial, times)
        if others:
            await self._write(("", "", "Other requests that were refused in the same second."), others)

    async def _write(self, denial: Denial, times: int) -> None:
        method, path, why = denial
        try:
            await self._spool.write("denied", method=method, path=path, why=why, times=times)
        except SpoolFull:
            return  # the spool has closed the gateway; the request is refused all the same
