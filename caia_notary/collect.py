"""Asking the centers' witnesses to cosign the newest head, and keeping what they answer (C2SP tlog-witness)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg

from caia_notary.place import WitnessPlace
from caia_notary.sequencer import Head, raise_alarm
from tlog.asking import post_checkpoint, request_for
from tlog.checkpoint import Malformed
from tlog.notes import Note, Unsigned, VerifierKey
from tlog.proof import with_cosignatures
from tlog.tiles import TileBroken, TileDirectory, TileMissing


class WitnessRefused(Exception):
    """The witness did not cosign; the message is its answer in words."""


def collect(
    connection: psycopg.Connection, tiles: TileDirectory, head: Head, witnesses: list[WitnessPlace]
) -> Iterator[str]:
    """One round: each witness that has not seen this head is asked; yields a line of log for each answer."""
    if head.note is None:
        return
    for witness in witnesses:
        _make_known(connection, witness)
        try:
            old = _last_seen(connection, witness)
            if old < head.frontier.size:
                line = _ask(tiles, head, head.note, witness, old)
                _keep(connection, head, witness, line)
                yield f"{witness.center} cosigned {head.frontier.size}"
        except WitnessRefused as error:
            raise_alarm(connection, f"The witness of {witness.center} refused the record's head: {error}")
            yield f"{witness.center} refused: {error}"
        except (TileBroken, TileMissing) as error:
            words = f"The record's tiles are damaged ({error}): remove them and start the notary again, which makes"
            raise_alarm(connection, f"{words} them anew from the entries.")
            yield f"{witness.center} was not asked: {error}"
        except OSError as error:
            yield f"{witness.center} does not answer: {error}"


def _last_seen(connection: psycopg.Connection, witness: WitnessPlace) -> int:
    row = connection.execute("select max(size) from audit.cosignature where witness = %s", [witness.center]).fetchone()
    return int(row[0]) if row and row[0] else 0


def _ask(tiles: TileDirectory, head: Head, note: Note, witness: WitnessPlace, old: int) -> str:
    """The witness's cosignature line for this head; one more try where it has seen more than we remember."""
    status, answer = post_checkpoint(witness.url, request_for(tiles, note, old))
    if status == 409 and answer.strip().isdigit():
        old = int(answer)
        if old > head.frontier.size:
            words = f"it has seen {old} entries, the record has {head.frontier.size}"
            raise WitnessRefused(f"{words}: the record was set back")
        status, answer = post_checkpoint(witness.url, request_for(tiles, note, old))
    if status != 200:
        raise WitnessRefused(f"status {status}: {answer.strip()[:200]}")
    key = VerifierKey.parse(witness.vkey)
    try:
        cosigned = with_cosignatures(note, answer, [key])
    except (Malformed, Unsigned) as error:
        raise WitnessRefused(str(error)) from error
    return next(str(one).rstrip("\n") for one in cosigned.signatures if one.is_by(key))


def _make_known(connection: psycopg.Connection, witness: WitnessPlace) -> None:
    connection.execute(
        "insert into audit.witness (center, vkey, url) values (%s, %s, %s) "
        "on conflict (center) do update set vkey = excluded.vkey, url = excluded.url "
        "where (witness.vkey, witness.url) <> (excluded.vkey, excluded.url)",
        [witness.center, witness.vkey, witness.url],
    )


def _keep(connection: psycopg.Connection, head: Head, witness: WitnessPlace, line: str) -> None:
    connection.execute(
        "insert into audit.cosignature (size, witness, line) values (%s, %s, %s) on conflict do nothing",
        [head.frontier.size, witness.center, line],
    )


def due(last: float, every: float) -> bool:
    """Whether a round is due."""
    return time.monotonic() - last >= every
