"""A bound on what a request may send, kept before anything of it is stored."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

LARGEST = 12 * 1024 * 1024  # bytes: a certificate of 10 MB with its form around it

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
More = Callable[[MutableMapping[str, Any]], int]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class TooLarge(Exception):
    """More bytes came than a request may have."""


def bounded(app: Callable[..., Awaitable[None]], *, largest: int = LARGEST, more: More | None = None) -> App:
    """An ASGI application that answers 413 to a body over `largest` bytes, announced or not.

    `more` says how many bytes beyond it this very request may have; it is asked before anything of it is read.
    """

    async def limited(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        bound = largest + (more(scope) if more else 0)
        if _announced(scope) > bound:
            return await _refuse(send, bound)
        seen, started = 0, False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > bound:
                raise TooLarge
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await app(scope, counted, watched)
        except TooLarge:
            if not started:
                await _refuse(send, bound)

    return limited


def _announced(scope: MutableMapping[str, Any]) -> int:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return max((int(value) for value in lengths if value.isdigit()), default=0)


async def _refuse(send: Send, bound: int) -> None:
    words = f"This is larger than {bound // 1024**2:,} MB, and nothing of it was kept. Send a smaller file.".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(words)).encode()),
        (b"connection", b"close"),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": words})
