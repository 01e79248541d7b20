"""Connections from browsers: aiohttp's own, with our limits, and our words for what is no request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from gateway.pages import plain
from gateway.settings import Settings

log = logging.getLogger("gateway")
_GOODBYE = 1.0  # seconds for the other side to hang up first
Answerer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Connections(web.Server):
    """Makes a connection for each that comes. aiohttp's own would leave limits out that it does not know."""

    def __init__(self, answerer: Answerer, settings: Settings) -> None:
        super().__init__(answerer, handler_cancellation=True)
        caps = settings.caps
        self._limits: dict[str, Any] = {
            "access_log": None, "auto_decompress": False, "lingering_time": 0,
            "keepalive_timeout": settings.times.head,  # for the next head as well as for the first
            "max_line_size": max(caps.header_line, caps.target), "max_field_size": caps.header_line,
            "max_headers": caps.headers,
        }  # fmt: skip

    def __call__(self) -> web.RequestHandler:
        """One connection."""
        return _Connection(self, loop=asyncio.get_running_loop(), **self._limits)


class _Connection(web.RequestHandler):
    __slots__ = ()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Answer; where it is the last answer, say so and let the other side hang up.

        Node ends a body with an empty write. On a Unix socket that we have closed this fails, and the proxy then
        throws our whole answer away.
        """
        done = await super().finish_response(request, resp, start_time)
        line = self.transport
        if not resp.keep_alive and line is not None and not line.is_closing() and line.can_write_eof():
            line.write_eof()
            await asyncio.sleep(_GOODBYE)  # ends early when the other side hangs up: the connection is cancelled
        return done

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Say nothing of what was sent, and hang up."""
        if status >= 500:
            log.error("a request failed", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        words = "Something went wrong. Load the page again." if status >= 500 else "That was no plain request."
        return plain(status, "Not answered", words, as_page=False, close=True)
