"""A host with everything around it: portal and storage as stand-ins on loopback, sandbox and JupyterLab as they are."""

import asyncio
import contextlib
import http.client
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

import aiohttp
import pytest

from door.home import REPO
from host import wire
from host.host import Host
from host.life import Run
from host.settings import Settings
from sandbox.ground import probe
from tests.host.stand_ins import SECRET, Portal, Storage
from tests.uids import next_uid

GATEWAY = (sys.executable, str(Path(__file__).with_name("gateway_stand_in.py")))
HUB = {
    "api_url": "http://127.0.0.1:9/hub/api",
    "client_id": "client",
    "token": "a token",
    "authorize_url": "http://workspaces.localhost:9/hub/api/oauth2/authorize",
    "scopes": ["access:servers!server=m1/p1"],
}
ORIGIN = "http://m1.workspaces.localhost:8000"


@dataclass
class Place:
    """A host that can be ended and begun again, and requests to the servers inside."""

    root: Path
    settings: Settings
    portal: Portal
    storage: Storage
    hosts: list[Host] = field(default_factory=list)
    programs: list[subprocess.Popen] = field(default_factory=list)

    def begin(self) -> Host:
        host = Host(self.settings)
        host.begin()
        self.hosts.append(host)
        return host

    def begin_program(self) -> subprocess.Popen:
        """A host as a program of its own, which can be killed."""
        facts = {"portal": self.settings.portal, "secret": SECRET, "state": str(self.settings.state), "name": "here",
                 "run": str(self.settings.run), "environments": str(self.settings.environments),
                 "heartbeat": 0.2, "gateway": self.settings.gateway}  # fmt: skip
        file = self.root / "host.json"
        file.write_text(json.dumps(facts))
        log = (self.root / "host.log").open("ab")
        words = [sys.executable, "-m", "host", str(file)]
        program = subprocess.Popen(words, cwd=REPO, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        self.programs.append(program)
        wait(lambda: self.health() == 200)
        return program

    def health(self) -> int:
        try:
            return wire.ask("GET", wire.unix(self.settings.socket) + "/health").status
        except wire.Unreachable:
            return 0

    def told(self, run: str, method: str = "GET") -> dict:
        """What the host says of a run over its socket."""
        return wire.ask(method, f"{wire.unix(self.settings.socket)}/runs/{run}").facts

    def started_by_program(self, **changes) -> str:
        """A run that is ready, started as the Hub would; its id."""
        run = self.plan(**changes)["run"]
        order = {"run": run, "prefix": "/user/m1/p1/", "origin": ORIGIN, "hub": HUB}
        assert wire.ask("POST", wire.unix(self.settings.socket) + "/runs", order).status == 202
        wait(lambda: self.told(run)["state"] != "starting", 90)
        assert self.told(run)["state"] == "running", self.told(run)
        return run

    @property
    def host(self) -> Host:
        return self.hosts[-1] if self.hosts else self.begin()

    def plan(self, *files: dict, **changes) -> dict:
        files = list(files) or [self.storage.put(b"id,age\nCANARY-1,61\n")]
        dataset = {"slug": "demo-study", "version": "v-1", "readme": "What this is.\n", "files": files}
        return self.portal.plan(next_uid(), [dataset], changes)

    def order(self, plan: dict, **changes) -> Run:
        return self.host.order({"run": plan["run"], "prefix": "/user/m1/p1/", "origin": ORIGIN, "hub": HUB} | changes)

    def started(self, **changes) -> Run:
        """A run that is ready."""
        return self.ready(self.order(self.plan(**changes)))

    def ready(self, run: Run) -> Run:
        wait(lambda: run.notes.state in {"running", "ended"}, 90)
        assert run.notes.state == "running", (run.notes.end, run.running and run.running.output()[-3000:])
        return run

    def close(self) -> None:
        for program in self.programs:
            if program.poll() is None:
                program.send_signal(signal.SIGINT)
                program.wait(60)
        if self.hosts:
            self.hosts[-1].close(stop_runs=True)
        for far in (self.portal, self.storage):
            far.server.shutdown()
            far.server.server_close()
        shutil.rmtree(self.root, ignore_errors=True)


def wait(is_so, seconds=30.0):
    """Until it is so; fails when it takes longer."""
    until = time.monotonic() + seconds
    while not (found := is_so()):
        assert time.monotonic() < until, "it did not come to that in time"
        time.sleep(0.05)
    return found


def ask(run: Run, path: str, method: str = "GET", body: dict | None = None, by: Path | None = None):
    """A request by way of the gateway, as a browser's would come; status and body."""
    connection = http.client.HTTPConnection("localhost", timeout=20)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(20)
    connection.sock.connect(str(by or run.folders.listen))
    with contextlib.closing(connection):
        connection.request(method, f"/user/m1/p1/{path}", body=json.dumps(body) if body else None)
        answer = connection.getresponse()
        return answer.status, answer.read()


async def what_a_cell_says(server, code):
    """Start a kernel as the page does and run this in it."""
    cell = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    head = {"msg_id": "1", "msg_type": "execute_request", "username": "", "session": "1", "version": "5.3", "date": ""}
    message = {"header": head, "parent_header": {}, "metadata": {}, "content": cell, "channel": "shell"}
    kernels = "http://localhost/user/m1/p1/api/kernels"
    async with asyncio.timeout(60), aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(server))) as browser:
        async with browser.post(kernels, json={"name": "python3"}) as answer:
            kernel = (await answer.json())["id"]
        async with browser.ws_connect(f"{kernels}/{kernel}/channels?session_id=1") as line:
            await line.send_json(message)
            while True:
                told = await line.receive_json()
                if told["msg_type"] == "stream":
                    return told["content"]["text"]


@pytest.fixture
def place(environment):
    with places(environment) as place:
        yield place


@contextlib.contextmanager
def places(environment: Path, gateway: tuple[str, ...] = GATEWAY):
    """A place of its own, and nothing of it left."""
    root = Path(mkdtemp(prefix="caia-"))
    root.chmod(0o755)
    portal, storage = Portal(), Storage()
    settings = Settings(
        portal=portal.url, secret=SECRET, state=root / "state", run=root / "run", environments=environment.parent,
        name="here", heartbeat=0.2, gateway=gateway,
    )  # fmt: skip
    probe()
    place = Place(root, settings, portal, storage)
    try:
        yield place
    finally:
        place.close()
