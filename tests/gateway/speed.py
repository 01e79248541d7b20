"""How fast the gateway passes bytes on, beside the same bytes over a direct connection: `measure()`, for ./caia bench.

A real JupyterLab answers both, in turns in one run, so that what the machine does besides meets both alike.
"""

import asyncio
import contextlib
import json
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import ClientSession, UnixConnector

from door import environments
from tests.gateway.test_jupyterlab import JupyterLab
from tests.gateway.world import FETCH, MB, ORIGIN, PREFIX, World

ROUNDS = 9
Found = dict[str, list[float]]


async def measure(environment: Path) -> dict[str, float]:
    """Megabytes a second of a file of 4 MB, milliseconds of a small answer, through the gateway and beside it."""
    found: Found = {}
    async with contextlib.AsyncExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory(prefix="gw-home-")))
        (home / "a.csv").write_text("0123456789,abcdefgh\n" * (4 * MB // 20))
        generous = {"warn": 10**12, "pause": 10**13}
        world = await stack.enter_async_context(World(JupyterLab(environment, home), is_apart=True, meter=generous))
        await world.sign_in()
        direct = ClientSession(ORIGIN, connector=UnixConnector(path=str(world.settings.server)))
        await stack.enter_async_context(direct)
        for _ in range(ROUNDS):
            await _once("gateway", world.browser, FETCH, found)
            await _once("direct", direct, {"Host": "localhost"}, found)
    middle = {name: round(statistics.median(values), 1) for name, values in found.items()}
    return {**middle, "file_ratio": round(middle["file_gateway"] / middle["file_direct"], 2)}


async def _once(name: str, browser: ClientSession, headers: dict[str, str], found: Found) -> None:
    began = time.perf_counter()
    size = await _read(browser, f"{PREFIX}api/contents/a.csv?type=file&format=text&content=1", headers)
    found.setdefault(f"file_{name}", []).append(size / MB / (time.perf_counter() - began))
    began = time.perf_counter()
    await _read(browser, f"{PREFIX}api/kernelspecs", headers)
    found.setdefault(f"small_{name}", []).append(1000 * (time.perf_counter() - began))


async def _read(browser: ClientSession, path: str, headers: dict[str, str]) -> int:
    size = 0
    async with browser.get(path, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        async for piece in answer.content.iter_any():
            size += len(piece)
    return size


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(measure(environments.make_ready("python-cancer"))), indent=1) + "\n")
