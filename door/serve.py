"""One web process, on the listening socket that supervisord holds: a restart loses no visitor."""

from __future__ import annotations

import socket

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD = 64 * 1024  # bytes of a request before its body


class Bounded(HttpToolsProtocol):
    """uvicorn's protocol with a bound on a request's head, which it would gather in memory without end."""

    _in_head = False
    _head = 0  # bytes so far of a head that is not complete

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._head = self._head + len(data) if self._in_head else 0
        if self._head > LARGEST_HEAD and not self.transport.is_closing():
            self.send_400_response("The head of this request is too large.")

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()


def main() -> None:
    """Take the socket from file descriptor 0 with its true family, and serve until told to stop."""
    listening = socket.socket(fileno=0)
    config = uvicorn.Config(
        "caia_portal.asgi:application",
        http=Bounded,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=8,
    )
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
