"""One request to the server and its answer back, piece by piece, never as a whole."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from aiohttp import ClientError, ClientResponse, web
from yarl import URL

from gateway import headers, paths
from gateway.allowed import Allowed, Kind
from gateway.files import end_of_page
from gateway.pages import plain
from gateway.run import PAUSED, Run

log = logging.getLogger("gateway")
_BODIES = {"POST", "PUT", "PATCH"}
_STATUS = {200, 201, 202, 204, 400, 403, 404, 405, 409, 410, 413, 415, 422, 423, 500, 501, 503}


class TooLarge(Exception):
    """A body is longer than may pass."""


class Refused(Exception):
    """The server's answer is none that may pass; the message says why."""


async def relay(request: web.BaseRequest, run: Run, allowed: Allowed) -> web.StreamResponse:
    """Ask the server, and pass on what may pass."""
    try:
        async with asyncio.timeout(run.settings.times.whole):
            return await _relay(request, run, allowed)
    except TooLarge as error:
        await _deny(run, request, allowed, str(error))
        return plain(413, "Too large", str(error), as_page=False, close=True)
    except Refused as error:
        await _deny(run, request, allowed, str(error))
        return _unanswered(allowed, 502, str(error))
    except TimeoutError:
        return _unanswered(allowed, 504, "The workspace took too long to answer. Try again.")
    except (ClientError, OSError) as error:
        if request.transport is None or request.transport.is_closing():
            raise
        log.info("the server's answer: %s", type(error).__name__)
        return _unanswered(allowed, 502, "The workspace does not answer as a server should. Stop and start it.")


async def _relay(request: web.BaseRequest, run: Run, allowed: Allowed) -> web.StreamResponse:
    times = run.settings.times
    has_body = request.method in _BODIES
    url = URL(f"http://localhost{paths.write(allowed.target, run.settings.prefix)}", encoded=True)
    words = headers.to_server(request.headers.get("Accept"), has_body=has_body)
    body = _Body(request, run, allowed) if has_body else None
    asked = run.server.request(request.method, url, headers=words, data=body, allow_redirects=False)
    try:
        async with asyncio.timeout(times.answer + (times.whole if has_body else 0)):
            answer = await asked
    except ClientError:
        if body is not None and body.fault is not None:  # the browser's doing, not the server's
            raise body.fault from None
        raise
    try:
        return await _pass_on(request, run, allowed, answer)
    finally:
        answer.close()


class _Body:
    """A body on its way in; `fault` is why it did not come to its end."""

    def __init__(self, request: web.BaseRequest, run: Run, allowed: Allowed) -> None:
        caps = run.settings.caps
        self._most = caps.contents_body if allowed.line.kind is Kind.CONTENTS else caps.body
        self._pieces, self._patience = request.content, run.settings.times.chunk
        self.fault: TooLarge | TimeoutError | None = None
        if (request.content_length or 0) > self._most:
            raise self._too_large()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        try:
            while True:
                async with asyncio.timeout(self._patience):
                    piece = await self._pieces.readany()
                if not piece:
                    return
                size += len(piece)
                if size > self._most:
                    raise self._too_large()
                yield piece
        except (TooLarge, TimeoutError) as error:
            self.fault = error
            raise

    def _too_large(self) -> TooLarge:
        return TooLarge(f"More than {self._most:,} bytes can't be kept in one go. Clear outputs, or split the file.")


async def _pass_on(request: web.BaseRequest, run: Run, allowed: Allowed, answer: ClientResponse) -> web.StreamResponse:
    most = _most(run, allowed)
    _inspect(answer, most)
    given = headers.to_browser(allowed.line.kind, answer.headers, run.policy)
    passed = web.StreamResponse(status=answer.status, headers=given)
    tail = end_of_page(run.settings.prefix) if allowed.line.kind is Kind.PAGE and answer.status == 200 else b""
    if answer.content_length is not None:
        passed.content_length = answer.content_length + len(tail)
    size = 0
    while True:
        async with asyncio.timeout(run.settings.times.chunk):
            piece = await answer.content.readany()
        size += len(piece)
        if size > most:
            return await _cut(request, run, allowed, passed, "An answer was longer than may pass.")
        if not await run.may_send(len(piece)):
            return await _cut(request, run, allowed, passed, None)
        async with asyncio.timeout(run.settings.times.chunk):
            if not passed.prepared:
                await passed.prepare(request)
            if not piece:
                await passed.write_eof(tail)
                return passed
            await passed.write(piece)


def _most(run: Run, allowed: Allowed) -> int:
    caps = run.settings.caps
    return {Kind.CONTENTS: caps.contents, Kind.PAGE: caps.page}.get(allowed.line.kind, caps.other)


def _inspect(answer: ClientResponse, most: int) -> None:
    if answer.status not in _STATUS:
        raise Refused(f"The workspace answered with {answer.status}, which is not passed on.")
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise Refused("The workspace sent something compressed, which is not passed on.")
    if len(answer.headers.getall("Content-Length", ())) > 1:
        raise Refused("The workspace sent an answer with two lengths.")
    if (answer.content_length or 0) > most:
        raise Refused(f"That is larger than the {most:,} bytes that may come to the browser at once.")


async def _cut(
    request: web.BaseRequest, run: Run, allowed: Allowed, passed: web.StreamResponse, why: str | None
) -> web.StreamResponse:
    """End an answer in its middle, in such a way that nobody takes it for whole."""
    if why is not None:
        await _deny(run, request, allowed, why)
    if not passed.prepared:
        return _unanswered(allowed, 403 if why is None else 502, why or run.closed or PAUSED)
    if request.transport is not None:
        request.transport.abort()
    return passed


async def _deny(run: Run, request: web.BaseRequest, allowed: Allowed, why: str) -> None:
    await run.denials.report(request.method, allowed.target.path, why)


def _unanswered(allowed: Allowed, status: int, words: str) -> web.Response:
    return plain(status, "The workspace's answer", words, as_page=allowed.line.kind is Kind.PAGE, close=True)
