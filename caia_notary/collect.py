"""Asking the centers' witnesses to cosign the newest head, and keeping what they answer (C2SP tlog-witness)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import psycopg

from caia_notary.place import WitnessPlace
from caia_notary.sequencer import Head, clear_alarms, raise_alarm
from tlog.asking import post_checkpoint, request_for
from tlog.checkpoint import Malformed
from tlog.notes import Note, Unsigned, VerifierKey
from tlog.proof import with_cosignatures
from tlog.tiles import TileBroken, TileDirectory, TileMissing

SIZE = re.compile("[0-9]{1,18}")
CLOCK_SLACK = 300  # seconds between the notary's clock and a witness's


class WitnessRefused(Exception):
    """The witness did not cosign; the message is its answer in words."""


def collect(
    connection: psycopg.Connection, tiles: TileDirectory, head: Head, witnesses: list[WitnessPlace]
) -> Iterator[str]:
    """One round: each witness that has not seen this head is asked; yields a line of log for each answer."""
    if head.note is None:
        return
    _let_go(connection, witnesses)
    asked = damaged = False
    for witness in witnesses:
        try:
            key = _make_known(connection, witness)
            old = _last_seen(connection, witness)
            if old < head.frontier.size:
                line = _ask(tiles, head, head.note, witness, key, old)
                _keep(connection, head, witness, line)
                asked = True
                yield f"{witness.center} cosigned {head.frontier.size}"
        except WitnessRefused as error:
            words = f"The witness of {witness.center} refused the record's head: {error}"
            raise_alarm(connection, words, about=_about(witness))
            yield f"{witness.center} refused: {error}"
        except (TileBroken, TileMissing) as error:
            damaged = True
            words = f"The record's tiles are damaged ({error}): remove them and start the notary again, which makes"
            raise_alarm(connection, f"{words} them anew from the entries.", about="tiles")
            yield f"{witness.center} was not asked: {error}"
        except OSError as error:
            yield f"{witness.center} does not answer: {error}"
    if asked and not damaged:
        clear_alarms(connection, "tiles")


def _shown(answer: str) -> str:
    """The beginning of what a stranger said, fit for the database and a page."""
    return "".join(one if one.isprintable() else "\ufffd" for one in answer.strip()[:200])


def _about(witness: WitnessPlace) -> str:
    return f"witness {witness.center}"


def _last_seen(connection: psycopg.Connection, witness: WitnessPlace) -> int:
    row = connection.execute("select max(size) from audit.cosignature where witness = %s", [witness.center]).fetchone()
    return int(row[0]) if row and row[0] else 0


def _ask(tiles: TileDirectory, head: Head, note: Note, witness: WitnessPlace, key: VerifierKey, old: int) -> str:
    """The witness's cosignature line for this head; one more try where it has seen more than we remember."""
    status, answer = post_checkpoint(witness.url, request_for(tiles, note, old))
    if status == 409 and SIZE.fullmatch(answer.strip()):
        old = int(answer)
        if old > head.frontier.size:
            words = f"it has seen {old} entries, the record has {head.frontier.size}"
            raise WitnessRefused(f"{words}: the record was set back")
        status, answer = post_checkpoint(witness.url, request_for(tiles, note, old))
    if status != 200:
        raise WitnessRefused(f"status {status}: {_shown(answer)}")
    try:
        cosigned = with_cosignatures(note, answer, [key])
    except (Malformed, Unsigned) as error:
        raise WitnessRefused(str(error)) from error
    apart = cosigned.signers([key])[key] - int(time.time())
    if abs(apart) > CLOCK_SLACK:  # later ones would stand before it, and each export be called broken
        raise WitnessRefused(f"it signed with a time that is {apart} seconds from ours")
    return next(str(one).rstrip("\n") for one in cosigned.signatures if one.is_by(key))


def _make_known(connection: psycopg.Connection, witness: WitnessPlace) -> VerifierKey:
    """Store where it is and its key, under which its signatures are checked ever after."""
    try:
        key = VerifierKey.parse(witness.vkey)
    except Malformed as error:
        raise WitnessRefused(f"its key in witnesses.json is none ({error})") from error
    known = connection.execute("select vkey from audit.witness union select vkey from audit.log_key").fetchall()
    if any(vkey != witness.vkey and VerifierKey.parse(vkey).public == key.public for (vkey,) in known):
        raise WitnessRefused("its key is in use under another name")  # no verifier reads an export that says so
    connection.execute(
        "insert into audit.witness (center, vkey, url) values (%s, %s, %s) "
        "on conflict (center, vkey) do update set url = excluded.url, left_at = null "
        "where witness.url <> excluded.url or witness.left_at is not null",
        [witness.center, witness.vkey, witness.url],
    )
    return key


def _let_go(connection: psycopg.Connection, witnesses: list[WitnessPlace]) -> None:
    """Who is no longer in witnesses.json is asked no more; its row stays, for what it signed must stay checkable."""
    connection.execute(
        "update audit.witness set left_at = clock_timestamp() where left_at is null and not exists "
        "(select from unnest(%s::text[], %s::text[]) as here (center, vkey) "
        "where (here.center, here.vkey) = (witness.center, witness.vkey))",
        [[one.center for one in witnesses], [one.vkey for one in witnesses]],
    )


def _keep(connection: psycopg.Connection, head: Head, witness: WitnessPlace, line: str) -> None:
    clear_alarms(connection, _about(witness))
    connection.execute(
        "insert into audit.cosignature (size, witness, line) values (%s, %s, %s) on conflict do nothing",
        [head.frontier.size, witness.center, line],
    )


def due(last: float, every: float) -> bool:
    """Whether a round is due."""
    return time.monotonic() - last >= every
