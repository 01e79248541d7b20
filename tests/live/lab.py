"""JupyterLab as a browser speaks to it, through the proxy and the gateway: files, kernels, cells."""

import base64
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

PAGE = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}


@dataclass
class Ran:
    """What a cell wrote and complained of, what it showed, and how it failed."""

    text: str = ""
    complaint: str = ""
    shown: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""


class Gone(Exception):
    """The line to the kernel was closed; the code of the close."""


@dataclass
class Lab:
    """One running workspace as its owner's browser has it; `run` is the portal's identifier of it."""

    browser: requests.Session
    address: str
    run: str

    @property
    def base(self) -> str:
        return self.address.removesuffix("lab")

    @property
    def origin(self) -> str:
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"

    def enter(self) -> None:
        answer = self.browser.get(self.address, headers=PAGE, timeout=30)
        while seconds := answer.headers.get("Refresh"):  # as a browser does with a page that says so
            time.sleep(float(seconds))
            answer = self.browser.get(answer.url, headers=PAGE, timeout=30)
        assert answer.status_code == 200, (answer.status_code, answer.url, answer.text[:1500])
        assert answer.url.startswith(self.address), answer.url

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """A request as a script of its own page makes it; where it is led elsewhere, no script may read on."""
        headers = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors",
                   "Sec-Fetch-Dest": "empty", "Accept": "application/json"} | more.pop("headers", {})  # fmt: skip
        if token := self._token():
            headers.setdefault("X-XSRFToken", token)
        return self.browser.request(
            method, f"{self.base}{path}", headers=headers, **{"timeout": 60, "allow_redirects": False} | more
        )

    def _token(self) -> str:
        """What a page of this place repeats from its cookie; a Hub beside it has one of its own."""
        place = urlsplit(self.base)
        ours = [one for one in self.browser.cookies
                if one.name == "_xsrf" and one.domain.split(".local")[0] in place.netloc
                and place.path.startswith(one.path)]  # fmt: skip
        return str(max(ours, key=lambda one: len(one.path)).value) if ours else ""

    # ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────
    def put(self, path: str, content: bytes) -> None:
        """A file below the home, as the browser saves one."""
        facts = {"type": "file", "format": "base64", "content": base64.b64encode(content).decode()}
        answer = self.ask("PUT", f"api/contents/{path}", json=facts)
        assert answer.status_code in {200, 201}, answer.text

    # ── kernels ─────────────────────────────────────────────────────────────────────────────────────────────────────
    @contextmanager
    def kernel(self) -> Iterator["Kernel"]:
        """A kernel of one's own, ended afterwards where it still can be."""
        answer = self.ask("POST", "api/kernels", json={"name": "python3"})
        assert answer.status_code == 201, answer.text
        name = answer.json()["id"]
        kernel = Kernel(self, name)
        try:
            yield kernel
        finally:
            kernel.close()
            with suppress(requests.RequestException):
                self.ask("DELETE", f"api/kernels/{name}")

    def execute(self, code: str, seconds: float = 120) -> Ran:
        """One cell in a kernel of its own."""
        with self.kernel() as kernel:
            return kernel.execute(code, seconds)

    def cookies(self, url: str) -> str:
        request = requests.Request("GET", url)
        return self.browser.prepare_request(request).headers.get("Cookie", "")


class Kernel:
    """A line to one kernel; cells run in it one after the other."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab, self.name = lab, name
        self.line = self._connect()

    def _connect(self) -> ClientConnection:
        base = self.lab.base
        url = f"{base}api/kernels/{self.name}/channels?session_id={uuid.uuid4()}".replace("http", "ws", 1)
        headers = {"Cookie": self.lab.cookies(base), "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "websocket",
                   "Sec-Fetch-Dest": "websocket"}  # fmt: skip
        return connect(
            url,
            origin=self.lab.origin,
            additional_headers=headers,
            max_size=None,
            open_timeout=30,
            proxy=None,
            legacy=True,  # a plain connection, which its Kernel closes
        )

    def again(self) -> None:
        """A new line to the same kernel, after the old one was closed."""
        self.close()
        self.line = self._connect()

    def close(self) -> None:
        self.line.close()

    def send(self, code: str) -> str:
        """Send a cell; the message's name. Raises Gone where the line is closed meanwhile."""
        name = uuid.uuid4().hex
        header = {"msg_id": name, "username": "", "session": uuid.uuid4().hex, "msg_type": "execute_request",
                  "version": "5.3", "date": "2026-01-01T00:00:00Z"}  # fmt: skip
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False,
                   "stop_on_error": True}  # fmt: skip
        said = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
            "channel": "shell",
            "buffers": [],
        }
        try:
            self.line.send(json.dumps(said))
        except ConnectionClosed as closed:
            raise Gone(str(closed)) from closed
        return name

    def execute(self, code: str, seconds: float = 120) -> Ran:
        """Run a cell to its end. Raises Gone when the line is closed meanwhile, TimeoutError when it takes longer."""
        return self.follow(self.send(code), seconds)

    def follow(self, name: str, seconds: float = 120) -> Ran:
        """Read what a cell says until it ended."""
        ran = Ran()
        while True:
            message = self._next(seconds)
            kind, content = message["header"]["msg_type"], message["content"]
            if message.get("parent_header", {}).get("msg_id") != name:
                continue
            if kind == "stream" and content["name"] == "stderr":
                ran.complaint += content["text"]
            elif kind == "stream":
                ran.text += content["text"]
            elif kind in {"display_data", "execute_result"}:
                ran.shown.append(content["data"])
            elif kind == "error":
                ran.error = f"{content['ename']}: {content['evalue']}"
            elif kind == "status" and content["execution_state"] == "idle":
                return ran

    def _next(self, seconds: float) -> dict[str, Any]:
        try:
            said = self.line.recv(seconds)
        except ConnectionClosed as closed:
            raise Gone(str(closed)) from closed
        assert isinstance(said, str), "a binary message"
        return dict(json.loads(said))
