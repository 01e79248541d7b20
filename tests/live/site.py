"""A whole portal with workspaces, started by ./caia up in a home of its own, and people who use it by its pages."""

import contextlib
import html
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests
from requests.cookies import RequestsCookieJar

from door.home import REPO, Home
from door.leftovers import recorded
from tests.door.conftest import clean_environment, run_caia
from tests.live.lab import Lab
from tests.live.names import look_up_localhost_here

SECONDS = 60  # for what a person waits for


def until(found: Callable[[], Any], seconds: float = SECONDS, what: str = "") -> Any:
    """What it finds at last; an AssertionError once the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := found():
            return answer
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds:g} s: {what or found}")


@dataclass
class Site:
    """The running portal; `place` is its home."""

    place: Path
    environments: Path

    # ── its life ────────────────────────────────────────────────────────────────────────────────────────────────────
    def caia(self, *words: str, seconds: float = 300) -> subprocess.CompletedProcess[str]:
        more = {"CAIA_WORKSPACES": "on", "CAIA_ENVIRONMENTS": str(self.environments)}
        return run_caia(self.place, *words, seconds=seconds, **more)

    def up(self) -> None:
        answer = self.caia("up", "--wait", seconds=900)  # on a busy machine, minutes
        assert answer.returncode == 0, answer.stdout + answer.stderr

    def down(self) -> None:
        self.caia("down")

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.caia("status", "--json").stdout))

    def log(self, part: str) -> str:
        return self.caia("logs", part).stdout[-6000:]

    def pid(self, part: str) -> int:
        """The process of a part, such as "hub"."""
        return int(recorded(Home(self.place))[part])

    def kill(self, part: str) -> None:
        """Kill -9, and wait until another process stands in its place and everything answers."""
        before = self.pid(part)
        os.kill(before, signal.SIGKILL)
        until(lambda: recorded(Home(self.place)).get(part) not in (None, before), 90, f"{part} comes back")
        until(lambda: self.status()["is_ready"], 90, f"everything answers after {part} was killed")

    # ── what it is told ─────────────────────────────────────────────────────────────────────────────────────────────
    @property
    def values(self) -> dict[str, str]:
        """The portal's settings, as its own processes have them."""
        return dict(line.split("=", 1) for line in (self.place / "env").read_text().splitlines())

    @property
    def url(self) -> str:
        return self.values["CAIA_BASE_URL"]

    @property
    def workspaces_url(self) -> str:
        return self.values["CAIA_WORKSPACES_URL"]

    def inside(self, *words: str, module: str = "tests.live.arrange", seconds: float = 300) -> Any:
        """`python -m <module> …` as the portal's own role in this home; what it prints, read as JSON."""
        values = {name: value for name, value in self.values.items() if name != "DATABASE_OWNER_URL"}
        values["DJANGO_SETTINGS_MODULE"] = "caia_portal.settings"
        answer = subprocess.run(
            [sys.executable, "-m", module, *words],
            cwd=REPO, env=clean_environment(self.place, **values), capture_output=True, text=True, timeout=seconds,
            check=False,
        )  # fmt: skip
        assert answer.returncode == 0, answer.stderr[-4000:]
        return json.loads(answer.stdout.strip().splitlines()[-1])

    def project(self, lead: str, *data: str, team: tuple[str, ...] = ()) -> str:
        """A running project of this person that may use these datasets (slugs); its identifier."""
        return str(self.inside("project", lead, json.dumps(data), json.dumps(team)))

    def person(self, name: str) -> "Person":
        """Somebody of the demo alliance, signed in."""
        person = Person(self, name)
        person.sign_in()
        return person


class Cookies(RequestsCookieJar):
    """As a browser keeps them, to which this machine is a safe place: what is marked Secure is sent here, too."""

    def set_cookie(self, cookie: Any, *words: Any, **more: Any) -> Any:
        cookie.secure = False
        return super().set_cookie(cookie, *words, **more)


@dataclass
class Person:
    """Somebody with a browser's cookies, who reads pages and sends their forms."""

    site: Site
    name: str
    browser: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        look_up_localhost_here()
        self.browser.cookies = Cookies()
        self.browser.headers["Accept"] = "text/html"

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.browser.get(self._at(path), timeout=30, **more)

    def post(self, path: str, page: str = "/", **typed: Any) -> requests.Response:
        """Send a form that stands on `page`."""
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(page).text)
        assert found, f"{page} has no form"
        facts = {"csrfmiddlewaretoken": found[1], **typed}
        return self.browser.post(self._at(path), facts, timeout=30, headers={"Referer": self._at(page)})

    def _at(self, path: str) -> str:
        return path if "://" in path else f"{self.site.url}{path}"

    def sign_in(self) -> None:
        page = self.get("/sign-in/").text
        found = re.search(rf'value="([0-9a-f-]{{36}})" aria-label="Become {re.escape(self.name)},', page)
        assert found, f"nobody can become {self.name}"
        form = re.search(r'<form[^>]*action="([^"]*)"[^>]*>(?:(?!</form>).)*become-one', page, re.DOTALL)
        assert form
        self.post(html.unescape(form[1]), "/sign-in/", member=found[1])
        assert self.get("/sign-in/").url != self._at("/sign-in/"), "the sign-in was refused"

    def is_signed_in(self) -> bool:
        """Whether the portal still knows them: a session ends when nothing is done for a while."""
        return self.get("/account/", allow_redirects=False).status_code == 200

    # ── workspaces ──────────────────────────────────────────────────────────────────────────────────────────────────
    def page_of(self, project: str) -> str:
        """The text of one's workspace's page."""
        answer = self.get(f"/projects/{project}/workspace/")
        assert answer.status_code == 200, answer.status_code
        return html.unescape(answer.text)

    def start(self, project: str) -> requests.Response:
        page = f"/projects/{project}/workspace/"
        return self.post(f"{page}start/", page)

    def address(self, project: str) -> str:
        """Where “Open” leads; nothing while it is not running."""
        found = re.search(
            rf'href="({re.escape(self.site.workspaces_url[:7])}[^"]*/user/[^"]*/lab)"', self.page_of(project)
        )
        return found[1] if found else ""

    def run_of(self, project: str) -> str:
        """The identifier of the run that lives."""
        found = re.search(r"/runs/([0-9a-f-]{36})/stop/", self.page_of(project))
        assert found, "nothing runs"
        return found[1]

    def opened(self, project: str, seconds: float = SECONDS) -> Lab:
        """Start the workspace where it does not run, wait for “Open”, and go in."""
        if not self.address(project) and "/stop/" not in self.page_of(project):
            answer = self.start(project)
            assert answer.status_code == 200, answer.text
        address = until(lambda: self.address(project) or self._failed(project), seconds, "the workspace is open")
        return self.lab(project, address)

    def _failed(self, project: str) -> str:
        page = self.page_of(project)
        assert "The last start failed" not in page, re.sub(r"<[^>]+>|\s+", " ", page)[:3000]
        return ""

    def lab(self, project: str, address: str) -> Lab:
        """Go in by the browser: the sign-in at the Hub passes by on the way."""
        lab = Lab(self.browser, address, self.run_of(project))
        lab.enter()
        return lab

    @contextlib.contextmanager
    def at_work(self, project: str, seconds: float = SECONDS) -> Iterator[Lab]:
        """Inside the workspace, which does not run on afterwards, whatever came of it."""
        try:
            yield self.opened(project, seconds)
        finally:
            self.leave(project)

    def leave(self, project: str) -> None:
        """Stop it where it still runs; not a word where it does not."""
        answer = self.get(f"/projects/{project}/workspace/")
        if answer.url.endswith("/workspace/") and re.search(r"/runs/[0-9a-f-]{36}/stop/", answer.text):
            self.stop(project)

    def stop(self, project: str, why: str = "Enough for today.") -> None:
        page = f"/projects/{project}/workspace/"
        answer = self.post(f"/runs/{self.run_of(project)}/stop/", page, reason=why)
        assert answer.status_code == 200, answer.text
        until(lambda: f"{page}start/" in self.page_of(project), 60, "it stopped and can be started again")


@contextlib.contextmanager
def sites(environments: Path) -> Iterator[Site]:
    """A site of one's own, up; down again at the end."""
    with TemporaryDirectory(prefix="caia-") as folder:
        Path(folder).chmod(0o755)
        site = Site(Path(folder) / "var", environments)
        try:
            site.up()
            yield site
        finally:
            site.down()
