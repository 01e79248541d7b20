"""Starts take turns: each costs seconds of a processor. Some go at once, the others wait and are told their place."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

_LOOK = 0.5


class Turns:
    """`most` at once, in the order in which they came."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._taken = 0
        self._queue: list[object] = []
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def turn(self, waiting: Callable[[int], None]) -> Iterator[None]:
        """Wait for one's turn and have it. `waiting` hears one's place in the queue; what it raises ends the wait."""
        mine = object()
        with self._changed:
            self._queue.append(mine)
        try:
            self._wait(mine, waiting)
        except BaseException:
            self._leave(mine)
            raise
        try:
            yield
        finally:
            with self._changed:
                self._taken -= 1
                self._changed.notify_all()

    def _wait(self, mine: object, waiting: Callable[[int], None]) -> None:
        while True:
            with self._changed:
                place = self._queue.index(mine) + 1
                if place == 1 and self._taken < self.most:
                    self._queue.remove(mine)
                    self._taken += 1
                    self._changed.notify_all()
                    return
            waiting(place)
            with self._changed:
                self._changed.wait(_LOOK)

    def _leave(self, mine: object) -> None:
        with self._changed:
            self._queue.remove(mine)
            self._changed.notify_all()
