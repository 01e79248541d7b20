"""The web process at its socket: what comes before a body has a bound, and there are no sockets of the web's kind."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from door.serve import LARGEST_HEAD, Bounded


async def hello(scope: dict[str, Any], receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(hello, http=Bounded, ws="none", lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join(timeout=10)
    listening.close()


def said(port: int, *parts: bytes) -> bytes:
    """The first line of the answer, or what came of sending."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
        try:
            for part in parts:
                caller.sendall(part)
            return caller.recv(65536).split(b"\r\n")[0]
        except ConnectionError:
            return b"closed"


GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


def test_a_request_is_answered(port: int) -> None:
    assert said(port, GET + b"X: " + b"a" * 30_000 + b"\r\n\r\n") == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize(
    "head",
    [
        [GET, b"X: ", *[b"a" * 65_536] * 64],
        [GET, *[b"X: %s\r\n" % (b"a" * 4096)] * 1000],
        [b"GET /", *[b"a" * 65_536] * 64],
    ],
    ids=["one header", "many headers", "the address"],
)
def test_a_head_without_end_is_refused(port: int, head: list[bytes]) -> None:
    assert said(port, *head) in {b"HTTP/1.1 400 Bad Request", b"closed"}


def test_a_large_body_is_no_large_head(port: int) -> None:
    post = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (4 * LARGEST_HEAD)

    assert said(port, post, b"a" * (4 * LARGEST_HEAD)) == b"HTTP/1.1 200 OK"


def test_a_web_socket_is_answered_as_any_request(port: int) -> None:
    upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"

    assert said(port, GET + upgrade + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n") == b"HTTP/1.1 200 OK"
