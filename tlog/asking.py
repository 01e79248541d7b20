"""Asking a witness over HTTP (https://c2sp.org/tlog-witness), for the notary and for whoever checks on the notary."""

from __future__ import annotations

import urllib.error
import urllib.request
from hashlib import sha256
from http.client import HTTPException

from tlog.merkle import consistency_proof
from tlog.notes import Note
from tlog.proof import WitnessRequest
from tlog.tiles import TileNodes, TileReader

TIMEOUT = 5.0  # seconds; a witness that is down delays nobody
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
    request = urllib.request.Request(url, data=body)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310
            return response.status, response.read(LONGEST).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read(LONGEST).decode("utf-8", "replace")
    except HTTPException as error:
        raise OSError(f"it does not speak HTTP: {error!r}") from error
