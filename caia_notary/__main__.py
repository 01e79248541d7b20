"""`python -m caia_notary init | run | once | vkey | rotate`: make the key, keep the record in order, change the key."""

from __future__ import annotations

import json
import signal
import sys
import time
from types import FrameType

import psycopg

from caia_notary import anchor, collect
from caia_notary.place import NotSet, Place, place_from
from caia_notary.sequencer import BATCH, SIGNING, Alarm, Sequencer, clear_alarms, raise_alarm
from tlog.checkpoint import Malformed
from tlog.keys import KeyFileUnsafe, create_key, load_key, rotate_key
from tlog.notes import Unsigned

RESTS = (1.0, 2.0, 5.0)  # seconds to wait after the database was lost


class Stop:
    """Set by SIGTERM and SIGINT; the step at hand is finished first."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True


def main(words: list[str]) -> int:
    """Carry out one command; its exit code."""
    command = words[0] if words else "run"
    try:
        place = place_from()
        if command == "init":
            return _init(place)
        if command == "vkey":
            print(load_key(place.key).verifier)
            return 0
        if command == "rotate":
            return _rotate(place)
        if command in {"run", "once"}:
            return _run(place, once=command == "once")
    except FileNotFoundError as error:
        print(f"caia_notary: {error.filename} is not there; run init first.", file=sys.stderr)
        return 1
    except (NotSet, Alarm, KeyFileUnsafe, Malformed, Unsigned, UnicodeError, psycopg.Error, OSError) as error:
        print(f"caia_notary: {str(error).strip()}", file=sys.stderr)
        return 1
    print(__doc__, file=sys.stderr)
    return 2


def _init(place: Place) -> int:
    place.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not place.key.exists():
        create_key(place.key, place.origin)
    print(load_key(place.key).verifier)
    return 0


def _rotate(place: Place) -> int:
    """Put a new key in the old one's place from the present size on; stop the running notary first."""
    with psycopg.connect(place.database_url, connect_timeout=5) as connection:
        size = Sequencer(place, connection).head.frontier.size
    key, statement = rotate_key(place.key, origin=place.origin, from_size=size, at=int(time.time()))
    print(f"{key.verifier}\nthe statement that links the keys: {statement}")
    return 0


def _run(place: Place, *, once: bool) -> int:
    stop, failures = Stop(), 0
    while not stop.asked:
        try:
            with psycopg.connect(place.database_url, connect_timeout=5) as connection:
                failures = 0
                _work(place, connection, stop, once=once)
        except psycopg.OperationalError as error:
            _say(event="database_lost", words=str(error).strip())
            time.sleep(RESTS[min(failures, len(RESTS) - 1)])
            failures += 1
        if once:
            break
    return 0


def _work(place: Place, connection: psycopg.Connection, stop: Stop, *, once: bool) -> None:
    try:
        sequencer = Sequencer(place, connection)
        _say(event="started", size=sequencer.head.frontier.size)
        rounds, is_first = -place.witness_every, True
        while not stop.asked:
            grown = sequencer.step()
            if grown:
                if is_first:  # an alarm about it ended the process before this one
                    clear_alarms(connection, SIGNING)
                    is_first = False
                _say(event="signed", size=sequencer.head.frontier.size, entries=grown)
            if once or collect.due(rounds, place.witness_every):
                rounds = time.monotonic()
                for line in collect.collect(connection, sequencer.tiles, sequencer.head, place.witnesses()):
                    _say(event="witness", words=line)
                anchor.keep(connection, place.home, sequencer.head, _say)
            if once and not grown:
                return
            if not once and grown < BATCH:
                time.sleep(
                    place.pause
                )  # also after a step: each head costs a row for good and a check at each verifying
    except Alarm as error:
        raise_alarm(connection, str(error), about=error.about)
        _say(event="alarm", words=str(error))
        raise


def _say(**facts: object) -> None:
    print(json.dumps({"logger": "caia.notary", **facts}), file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
