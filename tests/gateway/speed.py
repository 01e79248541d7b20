"""How fast the gateway passes bytes on, beside the same bytes over a direct connection: `measure()`, for ./caia bench.

Both are taken in turns in one run, server and gateway each a program of its own, so that load meets both alike.
"""

import asyncio
import json
import multiprocessing
import statistics
import time
from pathlib import Path

from aiohttp import ClientSession, UnixConnector, web

from tests.gateway.world import CHANNELS, FETCH, MB, ORIGIN, PREFIX, World

FILE, FRAME, FRAMES, ROUNDS = b"x" * (4 * MB), b"x" * MB, 24, 7


class Apart:
    """A fast server in a program of its own."""

    async def start(self, path: Path):
        self._program = multiprocessing.get_context("spawn").Process(target=_serve, args=(str(path),), daemon=True)
        self._program.start()
        while not path.exists():
            await asyncio.sleep(0.05)

    async def stop(self):
        self._program.terminate()
        await asyncio.to_thread(self._program.join)


def _serve(path):
    async def answer(request):
        if request.headers.get("Upgrade") != "websocket":
            return web.Response(body=FILE, content_type="application/json")
        socket = web.WebSocketResponse(max_msg_size=0, compress=False)
        await socket.prepare(request)
        async for _ in socket:
            for _ in range(FRAMES):
                await socket.send_bytes(FRAME)
        return socket

    app = web.Application()
    app.router.add_get("/{tail:.*}", answer)
    web.run_app(app, path=path, print=None, access_log=None)


async def measure() -> dict[str, float]:
    """Megabytes a second through the gateway and beside it, and their ratio."""
    found: dict[str, list[float]] = {}
    generous = {"warn": 10**12, "pause": 10**13}
    async with World(Apart(), is_apart=True, meter=generous) as world:
        await world.sign_in()
        direct = ClientSession(ORIGIN, connector=UnixConnector(path=f"{world.folder}/server.sock"))
        async with direct:
            for _ in range(ROUNDS):
                for name, browser in (("gateway", world.browser), ("direct", direct)):
                    for kind, once in (("file", _file), ("socket", _socket)):
                        began = time.perf_counter()
                        size = await once(browser)
                        found.setdefault(f"{kind}_{name}", []).append(size / MB / (time.perf_counter() - began))
    middle = {name: round(statistics.median(values), 1) for name, values in found.items()}
    for kind in ("file", "socket"):
        middle[f"{kind}_ratio"] = round(middle[f"{kind}_gateway"] / middle[f"{kind}_direct"], 2)
    return middle


async def _file(browser) -> int:
    size = 0
    for _ in range(6):
        async with browser.get(f"{PREFIX}api/contents/a.csv?type=file", headers=FETCH) as answer:
            assert answer.status == 200
            async for piece in answer.content.iter_any():
                size += len(piece)
    return size


async def _socket(browser) -> int:
    size = 0
    hello = {"header": {"msg_type": "kernel_info_request"}, "content": {}}
    async with browser.ws_connect(f"{PREFIX}{CHANNELS}", headers={"Origin": ORIGIN}, max_msg_size=0) as socket:
        await socket.send_str(json.dumps(hello))
        for _ in range(FRAMES):
            size += len((await socket.receive()).data)
    return size


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure()), indent=1))
