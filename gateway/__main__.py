"""`python -m gateway FILE`: read the file, listen, stay until told to end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from aiohttp import web

from gateway.connections import Connections
from gateway.control import control
from gateway.gate import Gate
from gateway.run import Run
from gateway.settings import Settings, SettingsError, read

log = logging.getLogger("gateway")


async def serve(settings: Settings, ended: asyncio.Event, ready: asyncio.Event | None = None) -> None:
    """Listen on both sockets until `ended`."""
    run = Run(settings)
    runners = [
        web.ServerRunner(Connections(Gate(run), settings), shutdown_timeout=3),
        web.AppRunner(control(run), shutdown_timeout=3, access_log=None),
    ]
    watches = [asyncio.create_task(run.sessions.watch()), asyncio.create_task(run.denials.run())]
    try:
        for runner, path, mode in zip(runners, (settings.listen, settings.control), (0o660, 0o600), strict=True):
            await runner.setup()
            await _listen(runner, path, mode)
        log.info("ready: %s", settings.listen)
        if ready is not None:
            ready.set()
        await ended.wait()
    finally:
        run.close("The workspace has ended.")
        for watch in watches:
            watch.cancel()
        for runner in runners:
            await runner.cleanup()
        await run.leave()
        for path in (settings.listen, settings.control):
            path.unlink(missing_ok=True)


async def _listen(runner: web.BaseRunner, path: Path, mode: int) -> None:
    path.unlink(missing_ok=True)
    before = os.umask(0o177)  # nobody connects before the mode is right
    try:
        await web.UnixSite(runner, str(path), backlog=256).start()
    finally:
        os.umask(before)
    path.chmod(mode)


async def _until_told(settings: Settings) -> None:
    ended = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    await serve(settings, ended)


def main(words: list[str]) -> int:
    """0 after a clean end, 2 when the file can't be meant so."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s")
    if len(words) != 1:
        sys.stderr.write("python -m gateway FILE\n")
        return 2
    try:
        settings = read(Path(words[0]))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    asyncio.run(_until_told(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
