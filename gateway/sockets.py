"""Websockets: one to the browser, one to the server, and between them what is counted, recorded and held back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import Any, Literal

from aiohttp import ClientError, ClientWebSocketResponse, WSMsgType, web
from aiohttp.http_websocket import WSMessageNoDecodeText as Message
from yarl import URL

from gateway import kernel_messages as kernels
from gateway import paths
from gateway.allowed import Allowed, Kind
from gateway.headers import to_server
from gateway.pages import plain
from gateway.run import Run
from gateway.sessions import Session
from gateway.spool import SpoolFull

log = logging.getLogger("gateway")
_FRAME_HEAD = 16  # counted with each message, so that empty ones are not free
_OVER, _PROTOCOL, _TOO_BIG, _GOING = 4403, 4400, 1009, 1001
_GOODBYE = 1.0
_GIVE_WAY = 64  # messages in a row before others have their turn
End = tuple[int, str]
ToServer = ClientWebSocketResponse[Literal[False]]  # text stays bytes: nobody here reads it as letters
ToBrowser = web.WebSocketResponse[Literal[False]]


async def connect(request: web.BaseRequest, run: Run, allowed: Allowed, session: Session) -> web.StreamResponse:
    """Open both websockets and stay until one side, the Hub or the host ends it."""
    caps, times = run.settings.caps, run.settings.times
    if run.open_sockets >= caps.sockets:
        return plain(503, "Too many connections", "Close a tab of this workspace and try again.", as_page=False)
    offered = request.headers.get("Sec-WebSocket-Protocol", "")
    protocols = (kernels.V1,) if kernels.V1 in {one.strip() for one in offered.split(",")} else ()
    url = URL(f"http://localhost{paths.write(allowed.target, run.settings.prefix)}", encoded=True)
    run.open_sockets, session.sockets, halted = run.open_sockets + 1, session.sockets + 1, run.halted
    try:
        async with asyncio.timeout(times.answer):
            server = await run.server.ws_connect(
                url,
                protocols=protocols,
                headers=to_server(None, has_body=False),
                max_msg_size=caps.frame,
                decode_text=False,
            )
        try:
            return await _Bridge(run, request, allowed, server).stay(session, halted)
        finally:
            with contextlib.suppress(TimeoutError):  # aiohttp alone would wait as long as the server goes on talking
                async with asyncio.timeout(_GOODBYE):
                    await server.close()
    except (ClientError, OSError, TimeoutError) as error:
        log.info("no websocket to the server: %s", type(error).__name__)
        return plain(502, "No connection", "The workspace does not answer. Stop and start it.", as_page=False)
    finally:
        run.open_sockets, session.sockets = run.open_sockets - 1, session.sockets - 1


class _Bridge:
    """The two ends of one websocket."""

    def __init__(
        self, run: Run, request: web.BaseRequest, allowed: Allowed, server: ClientWebSocketResponse[Literal[False]]
    ) -> None:
        self._run, self._request, self._allowed, self._server = run, request, allowed, server
        self._protocol = server.protocol or ""
        self._browser: ToBrowser = web.WebSocketResponse(
            protocols=(self._protocol,) if self._protocol else (), compress=False, heartbeat=30,
            max_msg_size=run.settings.caps.browser_frame, timeout=2, decode_text=False,
        )  # fmt: skip

    async def stay(self, session: Session, halted: asyncio.Event) -> ToBrowser:
        """Pass messages both ways until the first reason to end."""
        self._browser.headers.update({"Cache-Control": "no-store"})
        await self._browser.prepare(self._request)
        reasons: tuple[Coroutine[Any, Any, End], ...] = (
            self._inward(), self._outward(), self._over(session.over, "Sign in again."),
            self._over(halted, "The workspace is paused or closed."),
        )  # fmt: skip
        tasks = [asyncio.create_task(one) for one in reasons]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            code, words = next(iter(done)).result()
        except (ClientError, OSError, TimeoutError, SpoolFull):
            code, words = _GOING, "The connection was lost."
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(_GOODBYE):
                await self._browser.close(code=code, message=words.encode())
        except TimeoutError:  # it does not even read this
            if self._request.transport is not None:
                self._request.transport.abort()
        return self._browser

    async def _over(self, event: asyncio.Event, words: str) -> End:
        await event.wait()
        return _OVER, words

    async def _inward(self) -> End:
        """From the browser to the server: code is on the disk before the kernel has it."""
        while True:
            message = await self._browser.receive()
            if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                return await self._ended(message, "The browser sent more at once than may pass.")
            if self._allowed.line.kind is Kind.KERNEL:
                try:
                    await self._record(message.data, is_text=message.type is WSMsgType.TEXT)
                except kernels.Unreadable as error:
                    await self._deny(f"A message to a kernel that can't be read: {error}.")
                    return _PROTOCOL, "That message can't be read."
            await self._send(self._server, message)

    async def _record(self, frame: bytes, *, is_text: bool) -> None:
        read = kernels.read(frame, is_text=is_text, protocol=self._protocol)
        if read.is_activity:
            self._run.note_activity()
        if read.code is not None:
            said = kernels.report(read.code, self._run.settings.caps.code)
            await self._run.spool.write("cell", kernel=self._allowed.target.segments[2], **said)

    async def _outward(self) -> End:
        """From the server to the browser: counted before it goes."""
        passed = 0
        while True:
            message = await self._server.receive()
            if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                return await self._ended(message, "The workspace sent more at once than may pass.")
            if not await self._run.may_send(len(message.data) + _FRAME_HEAD):
                return _OVER, "The workspace is paused or closed."
            await self._send(self._browser, message)
            passed += 1
            if passed % _GIVE_WAY == 0:
                await asyncio.sleep(0)

    async def _send(self, to: ToServer | ToBrowser, message: Message) -> None:
        async with asyncio.timeout(self._run.settings.times.chunk):
            await to.send_frame(message.data, message.type)

    async def _ended(self, message: Message, if_too_big: str) -> End:
        if message.type is WSMsgType.ERROR and getattr(message.data, "code", None) == _TOO_BIG:
            await self._deny(if_too_big)
            return _TOO_BIG, if_too_big
        return _GOING, "The other side has ended."

    async def _deny(self, why: str) -> None:
        await self._run.denials.report("GET", self._allowed.target.path, why)
