"""The witness's HTTP side: two addresses, small bodies, short waits, few requests at once."""

from __future__ import annotations

import logging
import re
import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, cast

from caia_witness.witness import Answer, Witness
from tlog.checkpoint import Malformed
from tlog.keys import KeyFileUnsafe

MAX_BODY = 128 * 1024
MAX_AT_ONCE = 32
LONGEST = 30.0  # seconds for a whole connection: who sends a byte now and then takes no place for good
PATIENCE = 10.0  # seconds for each read or write of a connection
log = logging.getLogger("caia_witness")


class WitnessServer(ThreadingHTTPServer):
    """Serves one witness."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], witness: Witness) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.witness = witness
        self._places = threading.BoundedSemaphore(MAX_AT_ONCE)
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Without the base class's question to the name servers."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.exception("a request from %s failed", client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "caia-witness"
    sys_version = ""
    timeout = PATIENCE

    def setup(self) -> None:
        super().setup()
        self._end = threading.Timer(LONGEST, self._cut)
        self._end.daemon = True
        self._end.start()

    def finish(self) -> None:
        self._end.cancel()
        super().finish()

    def _cut(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.headers.get("Transfer-Encoding") or not re.fullmatch("[0-9]{1,9}", length):
            self._close_with(Answer(411, "a request needs its Content-Length\n"))
            return
        if int(length) > MAX_BODY:
            self._close_with(Answer(413, f"a request has at most {MAX_BODY} bytes\n"))
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return
        if self.path != "/add-checkpoint":
            self._send(Answer(404, "the only address for POST is /add-checkpoint\n"))
            return
        try:
            answer = self._witness.add_checkpoint(body)
        except (OSError, Malformed, KeyFileUnsafe):
            # Its disk is full, or a file of its folder is broken: nothing was promised, and the operator is told.
            log.exception("this witness can't do its work")
            answer = Answer(500, "this witness can't do its work now; its log says why\n")
        self._send(answer)

    def do_GET(self) -> None:
        match = re.fullmatch("/([0-9a-f]{64})/checkpoint", self.path)
        self._send(self._witness.head(match[1]) if match else Answer(404, "nothing is here\n"))

    @property
    def _witness(self) -> Witness:
        return cast("WitnessServer", self.server).witness

    def _close_with(self, answer: Answer) -> None:
        self.close_connection = True
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        body = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        log.info("%s %s", self.address_string(), format % args)
