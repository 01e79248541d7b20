"""How often something inside a sandbox tried to reach a network: the kernel counts, whatever runs inside.

A sandbox's network is its loopback alone, so whatever goes elsewhere finds no route, and the kernel counts that in the
sandbox's own network namespace. Nobody inside can turn it back. Seen so: IPv4, by TCP, UDP and look-ups of names. IPv6
is refused before a route is looked for and isn't counted; nor is what the filter of system calls refuses.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

EVERY = 10.0
WHY = "Something in it tried to reach a network, and there is none."


class Tried:
    """Of one sandbox. `first` is the host's pid of its process number 1."""

    def __init__(self, first: int) -> None:
        self._file = Path(f"/proc/{first}/net/snmp")
        self.told = self.count = self._now(0)
        self._told_at = float("-inf")

    def look(self) -> None:
        """Count again; what was counted stays where the sandbox has just ended."""
        self.count = self._now(self.count)

    def events(self, *, now: bool = False) -> list[dict[str, Any]]:
        """What came since it was last told; at most every ten seconds, or `now`."""
        more = self.count - self.told
        if more <= 0 or (not now and time.monotonic() - self._told_at < EVERY):
            return []
        self.told, self._told_at = self.count, time.monotonic()
        return [{"kind": "denied", "method": "", "path": "", "why": WHY, "times": more}]

    def _now(self, otherwise: int) -> int:
        try:
            rows = [line.split() for line in self._file.read_text(encoding="ascii").splitlines() if line[:3] == "Ip:"]
            return int(dict(zip(*rows, strict=True))["OutNoRoutes"])
        except (OSError, ValueError, KeyError, TypeError):
            return otherwise
