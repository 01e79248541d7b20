"""One run's standing: is it open, paused or closed, who is signed in, what has gone out, what is reported."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

from aiohttp import ClientSession, ClientTimeout, UnixConnector

from gateway.denials import Denials
from gateway.files import StaticFiles, scripts_of_page
from gateway.headers import page_policy
from gateway.hub import Hub
from gateway.meter import Meter
from gateway.sessions import Sessions
from gateway.settings import Settings
from gateway.spool import Spool, SpoolFull

_PIECE = 256 * 1024  # of a body, held on its way out

log = logging.getLogger("gateway")

PAUSED = ("More has gone to browsers than this workspace may send at once, so it is paused. What runs in it goes on. "
          "Whoever looks after the data has been told and can open it again.")  # fmt: skip


class Run:
    """What every request, websocket and word of the host's stands on."""

    def __init__(self, settings: Settings) -> None:
        caps, times = settings.caps, settings.times
        self.settings = settings
        self.spool = Spool(settings.spool, unread=caps.spool, total=caps.spool_total, broken=self.close)
        self.denials = Denials(self.spool)
        self.meter = Meter(settings.meter)
        self.hub = Hub(settings.hub, times.hub)
        self.sessions = Sessions(settings, self.hub)
        self.policy = page_policy(settings.origin, settings.prefix, scripts_of_page(settings.environment))
        self.files = StaticFiles(settings.environment, caps.static, self.policy)
        self.server = ClientSession(
            connector=UnixConnector(path=str(settings.server), force_close=True, limit=0),
            timeout=ClientTimeout(total=None, sock_connect=times.answer), auto_decompress=False, trust_env=False,
            read_bufsize=_PIECE, max_line_size=caps.header_line, max_field_size=caps.header_line,
            max_headers=caps.headers,
        )  # fmt: skip
        self.closed: str | None = None
        self.halted = asyncio.Event()  # set when websockets must end; a new one stands for what is opened after
        self.open_sockets = 0
        self.open_requests = 0
        self.last_activity = _now()

    async def leave(self) -> None:
        """End what is open and let go of everything."""
        self.close("The workspace has ended.")
        await self.denials.flush()
        await self.spool.close()
        await self.server.close()
        await self.hub.close()

    # ── what goes out ───────────────────────────────────────────────────────────────────────────────────────────────
    async def may_send(self, size: int) -> bool:
        """May these bytes go to the browser? They are counted; whoever is told at a threshold is told first."""
        if self.closed is not None:
            return False
        was_paused = self.meter.paused
        said = self.meter.take(size)
        if said == "warned":
            return await self._tell("warned")
        if said == "paused":
            if not was_paused:
                await self.pause()
            return False
        return True

    async def pause(self) -> None:
        """Stop websockets and bodies until somebody resumes."""
        self.meter.paused = True  # from here on nothing goes out
        try:
            await self._tell("paused")
        finally:
            self._halt()

    async def resume(self) -> None:
        """Open again, with an empty window."""
        if self.meter.paused:
            self.meter.resume()
            await self._tell("resumed")

    async def _tell(self, kind: str) -> bool:
        window = self.settings.meter.window_seconds
        try:
            await self.spool.write(kind, bytes=self.meter.window(), window=window)
        except SpoolFull:
            return False
        return True

    # ── its end ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def close(self, reason: str) -> None:
        """From now on every answer is this reason, and no websocket stays open."""
        if self.closed is None:
            log.warning("closed: %s", reason)
            self.closed = reason
            self.sessions.end_all()
        self._halt()

    def _halt(self) -> None:
        self.halted.set()
        self.halted = asyncio.Event()

    # ── what the host asks ──────────────────────────────────────────────────────────────────────────────────────────
    def note_activity(self) -> None:
        """A person did something."""
        self.last_activity = _now()

    def figures(self) -> dict[str, Any]:
        """What the host passes on with its heartbeat."""
        return {
            "bytes_out": self.meter.total, "window_bytes": self.meter.window(), "denied": self.denials.count,
            "open_sockets": self.open_sockets, "last_activity": self.last_activity.isoformat(timespec="seconds"),
            "is_idle": (_now() - self.last_activity).total_seconds() > self.settings.idle_seconds,
            "paused": self.meter.paused, "closed": self.closed,
        }  # fmt: skip


def _now() -> datetime:
    return datetime.now(UTC)
