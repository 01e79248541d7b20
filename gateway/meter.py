"""Bytes to the browser, in a window of time that slides in sixty steps."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from gateway.settings import Meter as Limits

_STEPS = 60


class Meter:
    """Asked before each piece goes out. `take` says no from the moment on in which the window would hold too much."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._clock = limits, clock
        self._steps: deque[tuple[int, int]] = deque()  # which step, how many bytes
        self._in_window = 0
        self._warned = False
        self.total = 0
        self.paused = False

    def take(self, size: int) -> str | None:
        """Count these bytes. None: they may pass; `warned`: they may, and somebody is told; `paused`: they may not."""
        if self.paused or self.window() + size > self._limits.pause:
            self.paused = True
            return "paused"
        self._count(size)
        if self._in_window < self._limits.warn:
            self._warned = False
        elif not self._warned:
            self._warned = True
            return "warned"
        return None

    def window(self) -> int:
        """Bytes in the window as of now."""
        first = self._step() - _STEPS
        while self._steps and self._steps[0][0] <= first:
            self._in_window -= self._steps.popleft()[1]
        return self._in_window

    def resume(self) -> None:
        """Somebody has looked at it: the window begins anew."""
        self.paused, self._warned, self._in_window = False, False, 0
        self._steps.clear()

    def _step(self) -> int:
        return int(self._clock() / self._limits.window_seconds * _STEPS)

    def _count(self, size: int) -> None:
        step = self._step()
        if not self._steps or self._steps[-1][0] != step:
            self._steps.append((step, 0))
        self._steps[-1] = (step, self._steps[-1][1] + size)
        self._in_window += size
        self.total += size
