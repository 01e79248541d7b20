"""Asking a witness over HTTP (https://c2sp.org/tlog-witness), for the notary and for whoever checks on the notary."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from hashlib import sha256
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Event, Timer
from urllib.parse import urlsplit

from tlog.merkle import consistency_proof
from tlog.notes import Note
from tlog.proof import WitnessRequest
from tlog.tiles import TileNodes, TileReader

TIMEOUT = 5.0  # seconds; a witness that is down delays nobody
DEADLINE = 8.0  # seconds for all of an answer
LONGEST = 8192  # bytes of an answer


def request_for(tiles: TileReader, note: Note, old: int) -> WitnessRequest:
    """To a witness that has seen the first `old` entries: cosign this head, which continues them."""
    size = note.checkpoint().size
    return WitnessRequest(old, tuple(consistency_proof(TileNodes(tiles, size), old, size)), note)


def get_checkpoint(url: str, origin: str) -> tuple[int, str]:
    """Status and newest checkpoint that the witness at this address has of a log; raises OSError where there is none.

    Leaves no trace at the witness and makes it sign nothing.
    """
    return _answer(f"{_address(url)}/{sha256(origin.encode()).hexdigest()}/checkpoint", None)


def post_checkpoint(url: str, asked: WitnessRequest) -> tuple[int, str]:
    """Status and answer of the witness at this address; raises OSError where there is none."""
    return _answer(f"{_address(url)}/add-checkpoint", str(asked).encode())


def _address(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise OSError(f"{url} is no address of the web")
    return url.rstrip("/")


def _answer(url: str, body: bytes | None) -> tuple[int, str]:
    """No redirects, and an end to it also where the witness sends a byte now and then."""
    there = urlsplit(url)
    secure = there.scheme == "https"
    kind = HTTPSConnection if secure else HTTPConnection
    with socket.create_connection((there.hostname, there.port or (443 if secure else 80)), TIMEOUT) as plain:
        handle = plain.dup()  # wrapping takes the first one over
        is_late = Event()
        end = Timer(DEADLINE, _cut, [handle, is_late])
        end.start()
        connection = kind(there.hostname or "", there.port, timeout=TIMEOUT)
        try:
            connection.sock = (
                ssl.create_default_context().wrap_socket(plain, server_hostname=there.hostname) if secure else plain
            )
            connection.request("GET" if body is None else "POST", there.path, body)
            response = connection.getresponse()
            answer = response.read(LONGEST).decode("utf-8", "replace")
            if is_late.is_set():
                raise OSError("it takes too long to answer")
            return response.status, answer
        except HTTPException as error:
            raise OSError(f"it does not speak HTTP: {error!r}") from error
        finally:
            end.cancel()
            connection.close()
            handle.close()


def _cut(handle: socket.socket, is_late: Event) -> None:
    is_late.set()
    with suppress(OSError):
        handle.shutdown(socket.SHUT_RDWR)
