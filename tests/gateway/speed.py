"""How fast the gateway passes bytes on, beside the same bytes over a direct connection: `measure()`, for ./caia bench.

A real JupyterLab answers both, in turns in one run, so that what the machine does besides meets both alike.
"""

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import ClientSession, UnixConnector

from door import environments
from gateway.kernel_messages import V1
from tests.gateway.test_jupyterlab import JupyterLab
from tests.gateway.test_kernel_messages import as_v1, message
from tests.gateway.world import FETCH, MB, ORIGIN, PREFIX, World

ROUNDS, PRINTED = 9, 8
CODE = f"import sys\nfor _ in range({PRINTED}):\n    sys.stdout.write('x' * 2**20); sys.stdout.flush()"
WORDS = ("--ZMQChannelsWebsocketConnection.iopub_data_rate_limit=1e12",)
Found = dict[str, list[float]]


async def measure(environment: Path) -> dict[str, float]:
    """Megabytes a second of files and outputs and milliseconds of a small answer, through the gateway and beside it."""
    found: Found = {}
    with TemporaryDirectory(prefix="gw-home-") as home:
        (Path(home) / "a.csv").write_text("0123456789,abcdefgh\n" * (4 * MB // 20))
        server, generous = JupyterLab(environment, Path(home), *WORDS), {"warn": 10**12, "pause": 10**13}
        async with World(server, is_apart=True, meter=generous) as world:
            await world.sign_in()
            kernel = json.loads((await world.ask("POST", "api/kernels", data=b"{}")).text)["id"]
            direct = ClientSession(ORIGIN, connector=UnixConnector(path=str(world.settings.server)))
            async with direct:
                for _ in range(ROUNDS):
                    await _once(world.browser, "gateway", FETCH, kernel, found)
                    await _once(direct, "direct", {"Host": "localhost"}, kernel, found)
    middle = {name: round(statistics.median(values), 1) for name, values in found.items()}
    for kind in ("file", "output"):
        middle[f"{kind}_ratio"] = round(middle[f"{kind}_gateway"] / middle[f"{kind}_direct"], 2)
    return middle


async def _once(browser: ClientSession, name: str, headers: dict[str, str], kernel: str, found: Found) -> None:
    path = f"{PREFIX}api/contents/a.csv?type=file&format=text&content=1"
    for kind, work in (
        ("file", _read(browser, path, headers)),
        ("output", _printed(browser, f"{PREFIX}api/kernels/{kernel}/channels", headers)),
        ("small", _read(browser, f"{PREFIX}api/kernelspecs", headers)),
    ):
        began = time.perf_counter()
        size = await work
        took = time.perf_counter() - began
        found.setdefault(f"{kind}_{name}", []).append(took * 1000 if kind == "small" else size / MB / took)


async def _read(browser: ClientSession, path: str, headers: dict[str, str]) -> int:
    size = 0
    async with browser.get(path, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        async for piece in answer.content.iter_any():
            size += len(piece)
    return size


async def _printed(browser: ClientSession, path: str, headers: dict[str, str]) -> int:
    size = 0
    async with browser.ws_connect(path, headers=headers, protocols=(V1,), max_msg_size=0) as socket:
        await socket.send_bytes(as_v1(message(code=CODE, silent=False, store_history=False, allow_stdin=False)))
        while size < PRINTED * MB:
            size += len((await socket.receive(timeout=60)).data)
    return size


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(measure(environments.make_ready("python-cancer"))), indent=1) + "\n")
