"""HTTP as the host speaks it: to the portal, to a gateway's control socket, to the object storage. Always bounded."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

_MOST = 16 * 1024**2  # bytes of an answer that is read as JSON


class Unreachable(Exception):
    """The other side did not answer, or not in its language; the message says which and why."""


@dataclass(frozen=True)
class Answer:
    """A status and a JSON document; {} where there was none."""

    status: int
    facts: dict[str, Any]


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def unix(path: Path) -> str:
    """The address of a Unix socket."""
    return f"http+unix://{str(path).replace('%', '%25').replace('/', '%2F')}"


def ask(
    method: str, url: str, facts: Mapping[str, Any] | None = None, *, secret: str = "", timeout: float = 10.0
) -> Answer:
    """One request with a JSON body, and its answer. Unreachable where there is none that we can read."""
    headers = {"Accept": "application/json"}
    if secret:
        headers["Authorization"] = f"Bearer {secret}"
    body = None
    if facts is not None:
        body = json.dumps(facts).encode()
        headers["Content-Type"] = "application/json"
    with opened(method, url, headers, body=body, timeout=timeout) as answer:
        try:
            said = answer.read(_MOST + 1)
            if len(said) > _MOST:
                raise Unreachable(f"{_place(url)} answered with more than {_MOST} bytes.")
            read = json.loads(said) if said.strip() else {}
        except (OSError, http.client.HTTPException, ValueError) as error:
            if answer.status >= 400:
                return Answer(answer.status, {})  # a page for people, where something refused before our own code
            raise Unreachable(f"{_place(url)} gave an answer that can't be read: {error}.") from error
    return Answer(answer.status, read if isinstance(read, dict) else {})


@contextmanager
def opened(
    method: str, url: str, headers: Mapping[str, str], *, body: bytes | None = None, timeout: float
) -> Iterator[http.client.HTTPResponse]:
    """A request whose answer is read piece by piece; redirects are not followed."""
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "http+unix":
        connection = _UnixConnection(unquote(parts.netloc), timeout)
    elif parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(parts.netloc, timeout=timeout, context=context)
    elif parts.scheme == "http":
        connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    else:
        raise Unreachable(f"{parts.scheme or 'no scheme'} is no way to speak to anybody.")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        try:
            connection.request(method, target, body=body, headers=dict(headers))
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{_place(url)} does not answer: {error}.") from error
        yield answer
    finally:
        connection.close()


def _place(url: str) -> str:
    """The address without its query, which may hold a signature."""
    parts = urlsplit(url)
    return unquote(parts.netloc) if parts.scheme == "http+unix" else f"{parts.scheme}://{parts.netloc}"
