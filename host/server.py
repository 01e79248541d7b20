"""The host's socket: three requests of the Hub, and of nobody else."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import socketserver
import struct
from http.server import BaseHTTPRequestHandler
from typing import Any

from host.host import Host, Taken
from host.life import Run
from host.notes import OrderError

_RUN = re.compile(r"/runs/([0-9a-f-]{36})")
_MOST_BODY = 64 * 1024
_MOST_LET_GO = 16 * _MOST_BODY
_PEER = struct.Struct("3i")
_TIMEOUT = 15
log = logging.getLogger("host")


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Listens for the Hub."""

    daemon_threads = True
    request_queue_size = 256  # the Hub asks after each start that goes on, of all of them at once

    def __init__(self, host: Host) -> None:
        self.host = host
        path = host.settings.socket
        path.unlink(missing_ok=True)
        super().__init__(str(path), _Requests)
        uid, gid = host.settings.hub_account
        self.welcome = {os.geteuid(), uid}
        if os.geteuid() == 0:
            os.chown(path, -1, gid)
        path.chmod(0o660)


class _Requests(BaseHTTPRequestHandler):
    server: Server
    timeout = _TIMEOUT
    server_version = "host"
    sys_version = ""

    def handle_one_request(self) -> None:
        peer = self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        if _PEER.unpack(peer)[1] not in self.server.welcome:
            log.warning("uid %s knocked at the host's socket", _PEER.unpack(peer)[1])
            self.close_connection = True
            return
        super().handle_one_request()

    def do_GET(self) -> None:
        run = self._run()
        if self.path == "/health":
            self._answer(200, {"runs": len(self.server.host.runs)})
        elif run is not None:
            self._answer(200, told(run))
        else:
            self._answer(404, {"reason": "There is no such run here."})

    def do_POST(self) -> None:
        if self.path != "/runs":
            self._answer(404, {"reason": "There is nothing here."})
            return
        try:
            size = int(self.headers.get("Content-Length", "0"))
            if not 0 < size <= _MOST_BODY:
                self._let_go(size)
                raise OrderError("The body is empty or too long.")
            facts = json.loads(self.rfile.read(size))
            if not isinstance(facts, dict):
                raise OrderError("The body is no JSON object.")
            run = self.server.host.order(facts)
        except (OrderError, ValueError) as error:
            self._answer(400, {"reason": str(error)})
        except Taken as taken:
            self._answer(409, {"reason": str(taken)})
        else:
            self._answer(202, told(run))

    def do_DELETE(self) -> None:
        run = self._run()
        if run is None:
            self._answer(404, {"reason": "There is no such run here."})
            return
        run.stop("It was stopped.")
        self._answer(202, told(run))

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)

    def address_string(self) -> str:
        return "hub"

    def _run(self) -> Run | None:
        found = _RUN.fullmatch(self.path)
        return self.server.host.runs.get(found[1]) if found else None

    def _let_go(self, size: int) -> None:
        """Take a body that is too long, within bounds: who is still sending when we hang up reads no answer."""
        left = min(size, _MOST_LET_GO)
        while left > 0 and (piece := self.rfile.read(min(left, _MOST_BODY))):
            left -= len(piece)

    def _answer(self, status: int, facts: dict[str, Any]) -> None:
        body = json.dumps(facts).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def told(run: Run) -> dict[str, Any]:
    """A run as the Hub is told of it."""
    state = "running" if run.notes.state == "stopping" else run.notes.state
    if state == "running":
        run.is_known.set()
    return {
        "state": state,
        "progress": list(run.progress),
        "gateway": str(run.folders.listen),
        "end": run.notes.end,
    }
