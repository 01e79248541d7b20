"""Starting a workspace: the order goes to the host's socket, its words come back as progress."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import aiohttp
from jupyterhub.spawner import Spawner
from traitlets import Unicode

from hub.order import order_of, refused, run_of

_LOOK = 0.1
_PAUSES = (0.2, 0.5, 1.0)  # seconds before the host is asked once more
_STOP_SECONDS = 60.0
_TIMEOUT = aiohttp.ClientTimeout(total=15)


class HostDown(Exception):
    """The host does not answer."""


class HostSpawner(Spawner):
    """One run at a time for each named server; `run` is the portal's name for it."""

    host_socket = Unicode(help="The socket of this machine's host.").tag(config=True)

    def __init__(self, *words: Any, **more: Any) -> None:
        super().__init__(*words, **more)
        self.run = ""
        self.gateway = ""
        self.lines: list[dict[str, Any]] = []

    # ── what is kept, so that a Hub that was restarted goes on ──────────────────────────────────────────────────────
    def get_state(self) -> dict[str, Any]:
        """Which run, and where its gateway listens."""
        return {**super().get_state(), "run": self.run, "gateway": self.gateway}

    def load_state(self, state: dict[str, Any]) -> None:
        """As kept."""
        super().load_state(state)
        self.run, self.gateway = state.get("run", ""), state.get("gateway", "")

    def clear_state(self) -> None:
        """It is over."""
        super().clear_state()
        self.run = self.gateway = ""

    @property
    def server(self) -> Any:
        """Where it is reached. The Hub keeps a host and a port; a socket's path is neither, so it is said here."""
        server = Spawner.server.fget(self)
        if server is not None and self.gateway:
            address = _address(self.gateway)
            if not server.connect_url.startswith(f"{address}/"):
                server.connect_url = address
        return server

    @server.setter
    def server(self, server: Any) -> None:
        Spawner.server.fset(self, server)

    # ── its life ────────────────────────────────────────────────────────────────────────────────────────────────────
    async def start(self) -> str:
        """Order the run and wait until it is ready; the host's own words where it isn't."""
        run = run_of(self)
        self.run, self.gateway, self.lines = run, "", []
        status, said = await self._ask("POST", "/runs", order_of(self, run))
        if status != 202:
            raise refused(str(said.get("reason") or f"The host answered with {status}."))
        while said.get("state") == "starting":
            self.lines = said["progress"]
            await asyncio.sleep(_LOOK)
            status, said = await self._ask("GET", f"/runs/{run}")
        if said.get("state") != "running":
            raise refused(str((said.get("end") or {}).get("words") or "The host has forgotten this run."))
        self.lines, self.gateway = said["progress"], str(said["gateway"])
        return _address(self.gateway)

    async def poll(self) -> int | None:
        """None while it runs. A host that is away for a moment has ended nothing."""
        if not self.run:
            return 0
        try:
            status, said = await self._ask("GET", f"/runs/{self.run}")
        except HostDown:
            return None
        if status == 404:
            return 1
        return None if said.get("state") in {"starting", "running"} else 0

    async def stop(self, now: bool = False) -> None:
        """Have the host stop it, and wait for its end."""
        if not self.run:
            return
        status, said = await self._ask("DELETE", f"/runs/{self.run}")
        loop = asyncio.get_running_loop()
        until = loop.time() + _STOP_SECONDS
        while status < 400 and said.get("state") != "ended" and loop.time() < until:
            await asyncio.sleep(_LOOK)
            status, said = await self._ask("GET", f"/runs/{self.run}")

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """The host's words, one after the other."""
        told = 0
        while self.pending == "spawn" or told < len(self.lines):
            for line in self.lines[told:]:
                told += 1
                yield {"progress": line["percent"], "message": line["words"]}
            await asyncio.sleep(_LOOK)

    async def _ask(self, method: str, path: str, facts: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Ask the host, and again where it does not answer at once: each of its requests may be made twice."""
        for pause in _PAUSES:
            try:
                return await self._ask_once(method, path, facts)
            except HostDown:
                await asyncio.sleep(pause)
        return await self._ask_once(method, path, facts)

    async def _ask_once(self, method: str, path: str, facts: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:
        connector = aiohttp.UnixConnector(self.host_socket)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as session,
                session.request(method, f"http://host{path}", json=facts) as answer,
            ):
                return answer.status, await answer.json()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise HostDown(f"The host of this machine does not answer: {error}.") from error


def _address(socket: str) -> str:
    return f"http+unix://{quote(socket, safe='')}"
