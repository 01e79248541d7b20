"""What a run uses and when somebody last did something in it, looked at every few seconds."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from host.disk import size_of
from host.gateway import Gateway, GatewayError
from sandbox.bubblewrap import Running

_EVERY = 2.0
_DISK_EVERY = 30.0
_BUSY = 0.05  # cores; an idle JupyterLab takes a tenth of that


@dataclass
class Figures:
    """None where this machine can't tell."""

    cpu_seconds: float | None = None
    memory: int | None = None
    disk: dict[str, int | None] = field(default_factory=dict)
    bytes_out: int = 0
    last_activity: float = field(default_factory=time.time)  # seconds since 1970
    looked_at: float = 0.0
    disk_at: float = 0.0

    def look(self, sandbox: Running, gateway: Gateway, shared: Path) -> None:
        """Look again, where it is time."""
        now = time.monotonic()
        if now - self.looked_at < _EVERY:
            return
        try:
            use = sandbox.use()
        except (OSError, ValueError):
            return  # it ended just now
        if self._is_busy(use.cpu_seconds, now):
            self.last_activity = time.time()  # a long computation is no idleness, even with the browser closed
        self.cpu_seconds, self.memory, self.looked_at = use.cpu_seconds, use.memory, now
        with contextlib.suppress(GatewayError):
            self.take(gateway.figures())
        if now - self.disk_at >= _DISK_EVERY:
            self.disk_at = now
            inside = Path(f"/proc/{sandbox.first}/root")
            self.disk = {
                "home": _volume(inside / "home/researcher"), "results": _volume(inside / "results"),
                "shared": size_of(shared),
            }  # fmt: skip

    def idle_for(self) -> float:
        """Seconds since somebody did something, or something was computed."""
        return time.time() - self.last_activity

    def facts(self) -> dict[str, Any]:
        """As the portal wants them."""
        return {
            "cpu_seconds": self.cpu_seconds, "memory": self.memory, "disk": self.disk, "bytes_out": self.bytes_out,
            "last_activity": datetime.fromtimestamp(self.last_activity, UTC).isoformat(),
        }  # fmt: skip

    def _is_busy(self, cpu_seconds: float | None, now: float) -> bool:
        if cpu_seconds is None or self.cpu_seconds is None:
            return False
        return (cpu_seconds - self.cpu_seconds) / (now - self.looked_at) > _BUSY

    def take(self, facts: dict[str, Any]) -> None:
        """What a gateway counted."""
        said = facts.get("bytes_out")
        if isinstance(said, int):
            self.bytes_out = said
        at = _seconds(facts.get("last_activity"))
        if at is not None:
            self.last_activity = max(self.last_activity, min(at, time.time()))


def _seconds(said: object) -> float | None:
    """A time as a number or as ISO's words."""
    if isinstance(said, int | float):
        return float(said)
    try:
        return datetime.fromisoformat(said).timestamp() if isinstance(said, str) else None
    except ValueError:
        return None


def _volume(place: Path) -> int | None:
    """Bytes used of the file system at this place; only where it has one of its own."""
    try:
        if place.stat().st_dev == place.parent.stat().st_dev:
            return None
        status = os.statvfs(place)
    except OSError:
        return None
    return (status.f_blocks - status.f_bfree) * status.f_frsize
