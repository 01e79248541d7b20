"""A gateway between a browser without a page and a server of the test's choice, all on sockets in one folder."""

import asyncio
import contextlib
import inspect
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import ClientSession, CookieJar, UnixConnector, web
from multidict import CIMultiDict
from yarl import URL

from gateway.__main__ import serve
from gateway.settings import understand
from tests.gateway.standin import HubStandIn

PREFIX, HOST = "/user/mx/px/", "mx.workspaces.localhost:8000"
ORIGIN = f"http://{HOST}"
KERNEL = "7e3805c0-a720-4365-a5d1-2be0e52d8e89"
CHANNELS = f"api/kernels/{KERNEL}/channels"
PAGE = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "document"}
FETCH = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", "Origin": ORIGIN}
MB = 1024**2
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Answer:
    """An answer, read to its end."""

    status: int
    headers: CIMultiDict
    body: bytes

    @property
    def text(self):
        return self.body.decode()


class Server:
    """A well-behaved server: keeps what it is asked, echoes what it is told."""

    def __init__(self):
        self.asked, self.heard = [], []
        self.protocol = None

    async def start(self, path: Path):
        app = web.Application(client_max_size=100 * MB)
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.UnixSite(self._runner, str(path)).start()

    async def stop(self):
        await self._runner.cleanup()

    async def _answer(self, request):
        self.asked.append((request.method, request.raw_path, dict(request.headers)))
        if request.headers.get("Upgrade") == "websocket":
            return await self._echo(request)
        body = await request.read()
        if "/lab" in request.path and "/lab/api" not in request.path:
            return web.Response(text="<!doctype html><title>JupyterLab</title>", content_type="text/html")
        return web.json_response({"path": request.path, "size": len(body)})

    async def _echo(self, request):
        socket = web.WebSocketResponse(protocols=(self.protocol,) if self.protocol else (), max_msg_size=0)
        await socket.prepare(request)
        async for message in socket:
            self.heard.append(message.data)
            send = socket.send_str if isinstance(message.data, str) else socket.send_bytes
            await send(message.data)
        return socket


class RawServer:
    """A server of one's own making: `answer(reader, writer)` says what it does with each connection."""

    def __init__(self, answer):
        self._answer, self.connections, self.written = answer, 0, 0
        self._open = set()

    @classmethod
    def saying(cls, *pieces: bytes):
        """Read the head of the request, then say this and hang up."""

        async def answer(server, reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                server.written += len(piece)

        return cls(answer)

    async def start(self, path: Path):
        self._server = await asyncio.start_unix_server(self._join, path)

    async def stop(self):
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _join(self, reader, writer):
        self.connections += 1
        self._open.add(task := asyncio.current_task())
        try:
            await self._answer(self, reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            writer.close()
            self._open.discard(task)


class World:
    """`async with World(server=…, times={…}) as world:` and then `world.get("api/me")` as the signed-in owner."""

    def __init__(self, server=None, *, is_apart=False, **changes):
        self.server, self._is_apart = server or Server(), is_apart
        self._changes = changes
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self):
        self.folder = Path(self._stack.enter_context(TemporaryDirectory(prefix="gw-")))
        self.hub = HubStandIn()
        await self.hub.start()
        self._stack.push_async_callback(self.hub.stop)
        await self.server.start(self.folder / "server.sock")
        self._stack.push_async_callback(self.server.stop)
        self.settings = self._settings()
        (self.folder / "spool").mkdir()
        _environment(self.folder / "environment")
        await (self._start_apart() if self._is_apart else self._start())
        self.browser = self.another_browser()
        return self

    async def __aexit__(self, *error):
        await self._stack.aclose()

    async def _start(self):
        ended, ready = asyncio.Event(), asyncio.Event()
        gateway = asyncio.create_task(serve(self.settings, ended, ready))
        self._stack.push_async_callback(_end, ended, gateway)
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({waiting, gateway}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    async def _start_apart(self):
        """The gateway as the program that it is; `program` has its standard error."""
        file = self.folder / "gateway.json"
        file.write_text(json.dumps(self.given))
        file.chmod(0o600)
        words = [sys.executable, "-m", "gateway", file]
        self.program = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        self._stack.callback(self.program.communicate)
        self._stack.callback(self.program.kill)
        await self.until(self.settings.control.exists, 60)

    async def until(self, is_so, seconds=30.0):
        """Look until it is so; TimeoutError when that takes longer."""
        async with asyncio.timeout(seconds):
            while True:
                found = is_so()
                if await found if inspect.isawaitable(found) else found:
                    return
                await asyncio.sleep(0.05)

    def _settings(self):
        self.given = given = {
            "listen": f"{self.folder}/gateway.sock", "control": f"{self.folder}/control.sock",
            "server": f"{self.folder}/server.sock", "spool": f"{self.folder}/spool",
            "environment": f"{self.folder}/environment", "prefix": PREFIX, "origin": ORIGIN,
            "hub": self.hub.settings(), "meter": {"warn": 50 * MB, "pause": 200 * MB, "window_seconds": 3600},
            "idle_seconds": 900,
        }  # fmt: skip
        for name, change in self._changes.items():
            given[name] = {**given.get(name, {}), **change} if isinstance(change, dict) else change
        return understand(given)

    # ── the browser ─────────────────────────────────────────────────────────────────────────────────────────────────
    def another_browser(self):
        jar = CookieJar(treat_as_secure_origin=URL(ORIGIN))
        session = ClientSession(ORIGIN, connector=UnixConnector(path=f"{self.folder}/gateway.sock"), cookie_jar=jar)
        self._stack.push_async_callback(session.close)
        return session

    async def sign_in(self, browser=None, path="lab"):
        """Go to the page, through the Hub, and back."""
        browser = browser or self.browser
        async with browser.get(URL(f"{PREFIX}{path}", encoded=True), headers=PAGE, allow_redirects=False) as sent:
            assert sent.status == 302, await sent.text()
        async with ClientSession() as outside, outside.get(sent.headers["Location"], allow_redirects=False) as hub:
            back = URL(hub.headers["Location"])
        async with browser.get(back.raw_path_qs, headers=PAGE, allow_redirects=False) as done:
            return Answer(done.status, done.headers.copy(), await done.read())

    async def ask(self, method, path, browser=None, **words):
        """Ask as a script of the page does; the answer with its body read."""
        words.setdefault("headers", FETCH)
        url = URL(ORIGIN + (path if path.startswith("/") else PREFIX + path), encoded=True)
        async with (browser or self.browser).request(method, url, allow_redirects=False, **words) as answer:
            return Answer(answer.status, answer.headers.copy(), await answer.read())

    async def get(self, path, **words):
        return await self.ask("GET", path, **words)

    def socket(self, path=CHANNELS, **words):
        words = {"headers": {"Origin": ORIGIN}, "max_msg_size": 0, **words}
        return self.browser.ws_connect(f"{PREFIX}{path}", **words)

    async def raw(self, *pieces: bytes, seconds=30.0) -> bytes:
        """Say these bytes to the gateway; whatever comes back until it hangs up."""
        reader, writer = await asyncio.open_unix_connection(self.settings.listen)
        with contextlib.suppress(OSError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
        try:
            return await asyncio.wait_for(reader.read(), seconds)
        finally:
            writer.close()

    @property
    def cookie(self) -> str:
        """The signed-in browser's cookies, as a header's value."""
        found = self.browser.cookie_jar.filter_cookies(URL(ORIGIN))
        return "; ".join(f"{name}={one.value}" for name, one in found.items())

    # ── the host ────────────────────────────────────────────────────────────────────────────────────────────────────
    async def host(self, method, path, **words):
        async with (
            ClientSession(connector=UnixConnector(path=f"{self.folder}/control.sock")) as host,
            host.request(method, f"http://localhost/{path}", **words) as answer,
        ):
            return await answer.json()

    def events(self, *kinds: str) -> list[dict]:
        lines = (self.folder / "spool/events.jsonl").read_text().splitlines()
        found = [json.loads(line) for line in lines]
        return [one for one in found if not kinds or one["kind"] in kinds]


async def _end(ended, gateway):
    ended.set()
    await gateway


def _environment(folder: Path):
    for name, text in (("share/jupyter/lab/static/main.js", "1"), ("share/jupyter/lab/static/x.html", "<b>")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
