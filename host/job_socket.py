"""The way to jobs from inside a workspace: one socket for each run, on which five requests pass to the portal.

Who asks is decided by which socket was used, and never by what is said: a run's folder is mounted in its own sandbox
alone, the kernel says under which account somebody connects, and the run's identifier is ours. What is asked is bounded
in size, pace and time, and has to be one of a few known words; whether it is allowed, only the portal decides, for the
member whose run it is. Nothing here holds anything: a host that was restarted opens the same sockets again.

On a cluster there is no such socket: a sandbox's pod stands apart from everything that holds the host's secret, so jobs
are handed in on the portal's page there, and `caia-job` says so.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from host.portal import Portal
from host.wire import Unreachable

SMALL, LARGE = 16 * 1024, 7 * 1024**2  # bytes of a body; code comes packed and in base64
READ_SECONDS = 30.0  # until the whole request is here
ANSWER_SECONDS = 40.0  # of the portal
MOST_AT_ONCE = 4  # requests of one run
MOST_LARGE = 4  # of all runs together: each is in memory some times over
_PEER = struct.Struct("3i")
_PASSED_ON = {200, 403, 404, 409, 410, 422}
_BUSY = "This workspace asks too much at once. Try again in a moment."
log = logging.getLogger("host")


@dataclass(frozen=True)
class Asked:
    """A request that passes: the most bytes of its body, and the words that it may hold."""

    largest: int
    words: frozenset[str]


ASKED: Mapping[str, Asked] = {
    "submit": Asked(
        LARGE,
        frozenset(
            ("name", "command", "file", "content", "datasets", "cpus", "memory", "gpus", "hours", "grace",
             "priority", "seed")
        ),
    ),
    "list": Asked(SMALL, frozenset()),
    "show": Asked(SMALL, frozenset(("job",))),
    "log": Asked(SMALL, frozenset(("job", "attempt", "offset"))),
    "cancel": Asked(SMALL, frozenset(("job", "reason"))),
}  # fmt: skip
_all_large = threading.BoundedSemaphore(MOST_LARGE)


class Refused(Exception):
    """What was asked does not pass; the status and the sentence of the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass
class Pace:
    """So many requests a second in the long run, and some more at once."""

    per_second: float = 5.0
    most: float = 40.0
    left: float = 40.0
    at: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def takes_one(self) -> bool:
        """Whether there is room for one more; it is counted."""
        with self.lock:
            now = time.monotonic()
            self.left, self.at = min(self.most, self.left + (now - self.at) * self.per_second), now
            if self.left < 1:
                return False
            self.left -= 1
            return True


class JobSocket(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Listens for one run. `path` lies in a folder that nobody but this run's sandbox sees."""

    daemon_threads = True
    request_queue_size = 16

    def __init__(self, portal: Portal, run: str, uid: int, path: Path, *, read_seconds: float = READ_SECONDS) -> None:
        self.portal, self.run, self.read_seconds = portal, run, read_seconds
        self.welcome = {os.geteuid(), uid}
        self.pace = Pace()
        self.large = threading.Lock()
        self._places = threading.BoundedSemaphore(MOST_AT_ONCE)
        path.unlink(missing_ok=True)
        super().__init__(str(path), _Requests)
        if os.geteuid() == 0:
            os.chown(path, 0, uid)
        path.chmod(0o660)
        threading.Thread(target=self.serve_forever, name=f"jobs of {run}", daemon=True).start()

    def close(self) -> None:
        """Hear nobody any more."""
        self.shutdown()
        self.server_close()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Only the run's own account, whoever else may have got hold of the folder."""
        peer = request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        uid = _PEER.unpack(peer)[1]
        if uid not in self.welcome:
            log.warning("%s: uid %s knocked at its socket for jobs", self.run, uid)
        return uid in self.welcome

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for it, where there is a place; else nothing of it is read."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up in the middle is no news."""
        log.debug("%s: a request for jobs broke off", self.run, exc_info=True)


class _Requests(BaseHTTPRequestHandler):
    server: JobSocket
    timeout = 15  # seconds without a byte
    server_version = "jobs"
    sys_version = ""

    def setup(self) -> None:
        super().setup()
        self._is_read = False
        self._hangs_up = threading.Timer(self.server.read_seconds, self._hang_up)
        self._hangs_up.daemon = True
        self._hangs_up.start()

    def finish(self) -> None:
        self._hangs_up.cancel()
        super().finish()

    def do_POST(self) -> None:
        """One of the five."""
        what = self.path.removeprefix("/")
        asked = ASKED.get(what) if self.path.startswith("/") else None
        try:
            if asked is None:
                raise Refused(404, f"There is nothing here but {', '.join(ASKED)}.")
            if not self.server.pace.takes_one():
                raise Refused(429, _BUSY)
            status, facts = self._carried(what, asked)
        except Refused as refused:
            status, facts = refused.status, {"reason": str(refused)}
        self._answer(status, facts)

    def _carried(self, what: str, asked: Asked) -> tuple[int, dict[str, Any]]:
        size = self._size(asked)
        if size <= SMALL:
            return self._pass_on(what, self._body(size, asked))
        if not self.server.large.acquire(blocking=False):
            raise Refused(429, _BUSY)
        try:
            if not _all_large.acquire(timeout=self.server.read_seconds):
                raise Refused(503, "This machine takes in much code just now. Try again in a moment.")
            try:
                return self._pass_on(what, self._body(size, asked))
            finally:
                _all_large.release()
        finally:
            self.server.large.release()

    def _size(self, asked: Asked) -> int:
        lengths = self.headers.get_all("Content-Length", [])
        said = lengths[0] if len(lengths) == 1 else ""
        if "Transfer-Encoding" in self.headers or not (said.isascii() and said.isdigit()):
            raise Refused(411, "A request says how many bytes it has.")
        if len(said) > 12 or int(said) > asked.largest:
            raise Refused(413, f"It has at most {asked.largest:,} bytes. Data comes by the catalog, not with the code.")
        return int(said)

    def _body(self, size: int, asked: Asked) -> dict[str, Any]:
        sent = self.rfile.read(size)
        self._is_read = True
        self._hangs_up.cancel()
        if len(sent) < size:
            raise Refused(400, "It took too long, or broke off.")
        try:
            facts = json.loads(sent)
        except (ValueError, RecursionError):
            raise Refused(400, "The body is not JSON.") from None
        if not isinstance(facts, dict):
            raise Refused(400, "The body is no JSON object.")
        if unknown := sorted(set(facts) - asked.words):
            raise Refused(400, f"“{unknown[0][:40]}” is nothing that can be said here.")
        return facts

    def _pass_on(self, what: str, facts: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """To the portal, as this socket's run."""
        server = self.server
        try:
            answer = server.portal.post(f"/internal/runs/{server.run}/jobs/{what}", facts, timeout=ANSWER_SECONDS)
        except Unreachable as error:
            log.info("%s: the portal was asked about jobs: %s", server.run, error)
            raise Refused(503, "The portal does not answer now. Try again in a moment.") from error
        if answer.status not in _PASSED_ON:
            log.warning("%s: the portal answered %s to %s", server.run, answer.status, what)
            raise Refused(503, "The portal can't answer this now. Try again in a moment.")
        return answer.status, answer.facts

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Everything that is not one of the five, in the same shape."""
        self._answer(code, {"reason": "Only POST is understood here, with a body of JSON."})

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)

    def address_string(self) -> str:
        return self.server.run

    def _hang_up(self) -> None:
        try:
            self.connection.shutdown(socket.SHUT_RD)
        except OSError:  # it has hung up itself
            return

    def _answer(self, status: int, facts: dict[str, Any]) -> None:
        body = json.dumps(facts).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if not self._is_read:
            self._let_go()

    def _let_go(self) -> None:
        """Take what still comes, within bounds: who is sending when we hang up reads no answer."""
        self.connection.shutdown(socket.SHUT_WR)
        left = LARGE
        while left > 0 and (piece := self.rfile.read1(min(left, SMALL))):
            left -= len(piece)
