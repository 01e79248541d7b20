"""The Hub by its REST API, in our words, with our errors and a timeout on every call."""

import http.client
import json
import socket
import time
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from django.conf import settings

from apps.core.errors import NotAllowed, Unavailable

TIMEOUT = 10  # seconds
PATIENCE, LOOK = 15, 0.2  # seconds that a start waits for the end of the run before, and between two looks
MOST = 64 * 1024  # bytes of an answer that are read
SORRY = "The Hub does not answer. It is asked again by itself."


class JupyterHub:
    """The Hub that starts workspaces: users and servers by names that tell nothing of whose they are."""

    def __init__(self, url: str = "", token: str = "") -> None:
        self._url, self._token = urlsplit(url or settings.HUB_API_URL), token or settings.HUB_TOKEN

    def start(self, member: str, server: str, *, run: str) -> None:
        """Have it start this server for the run; starting what starts or runs already changes nothing.

        Raises NotAllowed where the Hub refuses, Unavailable where it does not answer.
        """
        server = self._server(member, server)
        status, words = self._ask("POST", server, {"run": run})
        if status == 404:  # nobody of this name was there before
            self._enter(member)
            status, words = self._ask("POST", server, {"run": run})
        until = time.monotonic() + PATIENCE
        while (is_ending := status == 400 and "pending" in words) and time.monotonic() < until:
            time.sleep(LOOK)  # the run before is on its way out
            status, words = self._ask("POST", server, {"run": run})
        if is_ending:
            raise Unavailable(SORRY)
        is_there = status == 400 and "already" in words
        if status not in (201, 202) and not is_there:
            self._refuse(status)

    def _enter(self, member: str) -> None:
        status, _ = self._ask("POST", f"/users/{quote(member, safe='')}")
        if status not in (201, 409):  # made, or there already
            self._refuse(status)

    def stop(self, member: str, server: str) -> None:
        """Have it stop this server; stopping what does not run changes nothing."""
        status, _ = self._ask("DELETE", self._server(member, server))
        if status not in (202, 204, 400, 404):
            self._refuse(status)

    def sign_out(self, member: str) -> None:
        """Have it know no browser of this member's any more; whom it never saw it need not forget."""
        status, _ = self._ask("POST", f"/signed-out/{quote(member, safe='')}")
        if status not in (204, 404):
            raise Unavailable(SORRY)

    def _server(self, member: str, server: str) -> str:
        return f"/users/{quote(member, safe='')}/servers/{quote(server, safe='')}"

    def _refuse(self, status: int) -> None:
        if status >= 500 or status == 429:
            raise Unavailable(SORRY)
        raise NotAllowed(f"The Hub refused to start the workspace (it answered {status}). Tell the portal's operators.")

    def _ask(self, method: str, path: str, facts: dict[str, Any] | None = None) -> tuple[int, str]:
        """Its status and, where it says something to people, that."""
        connection = self._connection()
        headers = {"Authorization": f"token {self._token}", "Accept": "application/json"}
        body = json.dumps(facts).encode() if facts is not None else b""
        try:
            connection.request(method, f"{self._url.path.rstrip('/')}{path}", body, headers)
            answer = connection.getresponse()
            said = answer.read(MOST)
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(SORRY) from error
        finally:
            connection.close()
        return answer.status, _message(said)

    def _connection(self) -> http.client.HTTPConnection:
        if self._url.scheme == "http+unix":
            return _Unix(unquote(self._url.netloc))
        return http.client.HTTPConnection(self._url.hostname or "", self._url.port, timeout=TIMEOUT)


class _Unix(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(self._path)


def _message(said: bytes) -> str:
    try:
        read = json.loads(said)
    except ValueError:
        return ""
    return str(read.get("message", "")) if isinstance(read, dict) else ""
