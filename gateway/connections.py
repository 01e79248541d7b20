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
