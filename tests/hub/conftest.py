"""The real Hub and the real proxy on free ports, with a host beside them and the portal as stand-ins on loopback."""

import contextlib
import http.client
import json
import os
import re
import secrets
import signal
import subprocess
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import psycopg
import pytest

from door import hub as door_hub
from door.ground import bin_path
from door.home import REPO, is_free
from tests.host.conftest import GATEWAY, Place, places, wait
from tests.hub.oidc_stand_in import Provider

# What a browser sends along when somebody goes to an address.
_PAGE = {"Accept": "text/html", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document", "Sec_Fetch_Site": "none"}


def free_port() -> int:
    return next(port for port in iter(lambda: secrets.randbelow(12_000) + 20_000, None) if is_free(port))


@dataclass
class Hub:
    """Programs of the Hub and its proxy, and requests as the portal and a browser make them."""

    place: Place
    provider: Provider
    database: str
    ports: dict[str, int] = field(default_factory=dict)
    programs: dict[str, subprocess.Popen] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        self.ports = {name: free_port() for name in ("public", "api", "proxy")}
        names = ("CAIA_HUB_TOKEN", "CAIA_PROXY_TOKEN", "CAIA_HUB_COOKIE_SECRET", "CAIA_HUB_CRYPT_KEY")
        self.secrets = {name: secrets.token_hex(32) for name in names}
        self.secrets["CAIA_HUB_CLIENT_SECRET"] = self.provider.client_secret

    @property
    def public(self) -> str:
        return f"http://workspaces.localhost:{self.ports['public']}"

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "CAIA_BASE_URL": self.provider.url,
            "CAIA_WORKSPACES_URL": self.public,
            "CAIA_HUB_API_URL": f"http://127.0.0.1:{self.ports['api']}/hub/api",
            "CAIA_PROXY_API_URL": f"http://127.0.0.1:{self.ports['proxy']}",
            "CAIA_HUB_DATABASE_URL": self.database,
            "CAIA_HOST_SOCKET": str(self.place.settings.socket),
            **self.secrets,
        }

    def begin(self) -> None:
        self.begin_proxy()
        self.begin_hub()

    def begin_proxy(self) -> None:
        words = door_hub.proxy_words(self.ports["public"], self.ports["proxy"], self.ports["api"])
        self._begin("proxy", words, {"CONFIGPROXY_AUTH_TOKEN": self.secrets["CAIA_PROXY_TOKEN"]})
        wait(lambda: not is_free(self.ports["public"]))

    def begin_hub(self) -> None:
        words = [str(bin_path("python")), "-m", "jupyterhub", "-f", str(REPO / "hub/jupyterhub_config.py")]
        self._begin("hub", words, self.environment())
        wait(lambda: self._is_up(), 60)

    def _is_up(self) -> bool:
        assert self.programs["hub"].poll() is None, self.log("hub")
        with contextlib.suppress(OSError):
            return self.api("GET", "/")[0] == 200 and "" in self.routes()
        return False

    def _begin(self, name: str, words: list[str], around: dict[str, str]) -> None:
        with (self.place.root / f"{name}.log").open("ab") as log:
            self.programs[name] = subprocess.Popen(
                words, cwd=REPO, env={"PATH": os.environ["PATH"]} | around, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log,
            )  # fmt: skip

    def log(self, name: str) -> str:
        return (self.place.root / f"{name}.log").read_text()[-9000:]

    def kill(self, name: str) -> None:
        self.programs[name].kill()
        self.programs[name].wait()

    def close(self) -> None:
        for program in self.programs.values():
            if program.poll() is None:
                program.send_signal(signal.SIGTERM)
                try:
                    program.wait(20)
                except subprocess.TimeoutExpired:
                    program.kill()
                    program.wait()
        self.provider.server.shutdown()
        self.provider.server.server_close()

    # ── as the portal's worker ──────────────────────────────────────────────────────────────────────────────────────
    def api(self, method: str, path: str, facts: dict | None = None, token: str | None = None):
        """The Hub's REST API; status and facts."""
        token = self.secrets["CAIA_HUB_TOKEN"] if token is None else token
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["api"], timeout=90)
        with contextlib.closing(connection):
            body = json.dumps(facts) if facts is not None else None
            connection.request(method, f"/hub/api{path}", body, {"Authorization": f"token {token}"})
            answer = connection.getresponse()
            said = answer.read()
            return answer.status, json.loads(said) if said.strip() else {}

    def enter(self) -> str:
        """Somebody whom the portal has entered and vouches for; their name at the Hub."""
        name = f"m{secrets.token_hex(10)}"
        assert self.api("POST", f"/users/{name}")[0] == 201
        self.provider.welcome.add(name)
        self.provider.person = name
        return name

    def start(self, name: str, server: str, run: str):
        return self.api("POST", f"/users/{name}/servers/{server}", {"run": run})

    def server_of(self, name: str, server: str) -> dict | None:
        return self.api("GET", f"/users/{name}")[1].get("servers", {}).get(server)

    def started(self, name: str | None = None) -> tuple[str, str, str]:
        """Somebody's server that is ready: name, server, run."""
        name = name or self.enter()
        server, run = f"p{secrets.token_hex(10)}", self.place.plan()["run"]
        status, said = self.start(name, server, run)
        assert status in {201, 202}, (said, self.log("hub"))
        wait(lambda: self.place.portal.state(run), 30)
        wait(lambda: (self.routes() or {}).get(f"/{name}.workspaces.localhost/user/{name}/{server}"), 90)
        return name, server, run

    def routes(self) -> dict:
        """What the proxy routes, by the address without its last slash."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["proxy"], timeout=10)
        with contextlib.closing(connection):
            token = self.secrets["CAIA_PROXY_TOKEN"]
            connection.request("GET", "/api/routes", headers={"Authorization": f"token {token}"})
            rows = json.loads(connection.getresponse().read())
        return {path.rstrip("/"): row["target"] for path, row in rows.items()}

    # ── as a browser ────────────────────────────────────────────────────────────────────────────────────────────────
    def get(self, host: str, path: str, jar: dict | None = None, method: str = "GET", body=None, **around: str):
        """One request through the proxy; status, headers, body. `jar` keeps this host's cookies."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["public"], timeout=30)
        headers = {"Host": f"{host}:{self.ports['public']}"} | {key.replace("_", "-"): v for key, v in around.items()}
        if jar:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            for line in answer.headers.get_all("Set-Cookie") or []:
                found = re.match(r"([^=]+)=([^;]*)", line)
                if jar is not None and found:
                    jar[found[1]] = found[2]
            return answer.status, answer.headers, answer.read().decode(errors="replace")

    def visit(self, url: str, jars: dict[str, dict[str, str]]):
        """Go where this leads, as a browser does; the last status, its headers, its body, and where that was."""
        for _ in range(12):
            parts = urlsplit(url)
            path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
            if parts.port == self.ports["public"]:
                status, headers, body = self.get(parts.hostname, path, jars.setdefault(parts.hostname, {}), **_PAGE)
            else:
                connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=10)
                with contextlib.closing(connection):
                    connection.request("GET", path)
                    answer = connection.getresponse()
                    status, headers, body = answer.status, answer.headers, answer.read().decode()
            if status not in {301, 302, 303, 307}:
                return status, headers, body, url
            url = urljoin(url, headers["Location"])
        raise AssertionError(f"redirects without end: {url}")

    def sign_in(self, name: str) -> dict[str, str]:
        """Walk through the portal's sign-in as this person; the cookies of the Hub."""
        self.provider.person, jar = name, {}
        _, headers, _ = self.get("workspaces.localhost", "/hub/oauth_login?next=%2Fhub%2Fhome", jar)
        asked = urlsplit(headers["Location"])
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(self.provider.url).port, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", f"{asked.path}?{asked.query}")
            back = urlsplit(connection.getresponse().headers["Location"])
        self.answer = self.get("workspaces.localhost", f"{back.path}?{back.query}", jar)
        return jar


@contextlib.contextmanager
def database():
    """A database of the Hub's own, as the door makes one."""
    parts, name = urlsplit(os.environ["DATABASE_OWNER_URL"]), f"hub_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(parts.geturl(), autocommit=True) as owner:
        owner.execute(f"CREATE DATABASE {name}")
        try:
            yield parts._replace(path=f"/{name}").geturl()
        finally:
            owner.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def hubs(built: Path, gateway: tuple[str, ...]):
    with places(built, gateway) as place, database() as url:
        place.begin_program()
        hub = Hub(place, Provider(secrets.token_hex(32)), url)
        try:
            hub.begin()
            yield hub
        finally:
            hub.close()


@pytest.fixture
def hub(environment):
    """With a gateway that lets everybody in; for tests that end a part of it."""
    with hubs(environment, GATEWAY) as hub:
        yield hub


@pytest.fixture(scope="module")
def standing(environment):
    """The same for all tests that only ask it."""
    with hubs(environment, GATEWAY) as hub:
        yield hub


@pytest.fixture(scope="module")
def real(environment):
    """With the real gateway."""
    with hubs(environment, ()) as hub:
        yield hub
