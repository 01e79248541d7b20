"""Carries bytes between a port and a Unix socket, so that a server which listens on a socket is reached in a cluster.

`python -m sandbox.relay tcp:8443=unix:/run/ws/server.sock …`: listens on the left, connects to the right for each
connection. It reads nothing of what it carries, and knows no names: who may connect is the network policies' to say.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

_PIECE = 1 << 16
_CONNECT_SECONDS = 10.0
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Carry = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


class WordError(ValueError):
    """A word of the command line can't be meant; the message says which."""


def understood(word: str) -> tuple[str, str]:
    """Left and right of one word: where to listen and where to connect."""
    left, _, right = word.partition("=")
    for place in (left, right):
        kind, _, rest = place.partition(":")
        is_path = kind == "unix" and rest.startswith("/")
        is_port = kind == "tcp" and rest.rpartition(":")[2].isdecimal()
        if not is_path and not is_port:
            raise WordError(f"“{word}” is no pair of tcp:PORT, tcp:HOST:PORT or unix:/PATH with = between them.")
    return left, right


async def listen(left: str, right: str) -> asyncio.Server:
    """Carry from now on; what listens is closed by the caller."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.wait_for(_connect(right), _CONNECT_SECONDS)
        except (OSError, TimeoutError):
            await _close(writer)
            return
        await asyncio.gather(_flow(reader, far_writer), _flow(far_reader, writer))
        await _close(far_writer)
        await _close(writer)

    return await _listen(left, carry)


async def _listen(left: str, carry: Carry) -> asyncio.Server:
    kind, _, rest = left.partition(":")
    if kind == "tcp":
        host, _, port = rest.rpartition(":")
        return await asyncio.start_server(carry, host or None, int(port))
    Path(rest).unlink(missing_ok=True)
    before = os.umask(0o177)  # its own account alone
    try:
        return await asyncio.start_unix_server(carry, rest)
    finally:
        os.umask(before)


async def _connect(right: str) -> Streams:
    kind, _, rest = right.partition(":")
    if kind == "unix":
        return await asyncio.open_unix_connection(rest)
    host, _, port = rest.rpartition(":")
    return await asyncio.open_connection(host or "127.0.0.1", int(port))


async def _flow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One way, until its end; the other way may go on."""
    with contextlib.suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
            return
    writer.close()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _until_told(words: list[str]) -> None:
    ended = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    servers = [await listen(*understood(word)) for word in words]
    await ended.wait()
    for server in servers:
        server.close()


def main(words: list[str]) -> int:
    """0 after a clean end, 2 where a word can't be meant."""
    try:
        for word in words:
            understood(word)
    except WordError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    asyncio.run(_until_told(words))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
