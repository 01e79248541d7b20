"""A notary on this worker's own database, with its key and tiles in a folder of the test."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from apps.alliance.roles import Role
from apps.alliance.services import people
from apps.audit.ids import uuid7
from caia_notary import collect
from caia_notary.place import Place, WitnessPlace
from caia_notary.sequencer import Sequencer
from tests import database
from tests.factories import MemberFactory, holder
from tests.record.judges import ROOT, Judges
from tlog.canonical import canonical
from tlog.keys import create_key

ORIGIN = "caia.example.org/record"


class Witness:
    """A running caia_witness on a free port of this machine."""

    def __init__(self, folder: Path, vkey: str) -> None:
        self.folder = folder
        said = self.command("init", "--name", "witness.north.example", "--log", vkey)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "caia_witness", "--folder", str(folder), "run", "--port", "0"],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        url = self.process.stdout.readline().split()[-1]
        self.place = WitnessPlace("North", url, said.splitlines()[0])

    def command(self, *words: str) -> str:
        command = [sys.executable, "-m", "caia_witness", "--folder", str(self.folder), *words]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    def sees(self, notary: Sequencer) -> str:
        """The notary shows it the newest head; what the notary notes of its answer."""
        (line,) = shown(notary, self.place)
        return line

    def seen(self) -> str:
        """All that it ever saw, as its center's auditor gives it to a verifier."""
        return self.command("show", "--seen")

    def stop(self) -> None:
        self.process.terminate()
        self.process.stdout.close()
        self.process.wait(10)


def shown(notary: Sequencer, *places: WitnessPlace) -> list[str]:
    """One round of the notary with these as its witnesses."""
    return list(collect.collect(notary.connection, notary.tiles, notary.head, list(places)))


def notary_url() -> str:
    """The notary's own role on the database that the worker uses."""
    base = os.environ["NOTARY_DATABASE_URL"].rpartition("/")[0]
    return f"{base}/{settings.DATABASES['default']['NAME']}"


@pytest.fixture
def place(tmp_path, transactional_db) -> Place:
    found = Place(notary_url(), tmp_path, ORIGIN, pause=0.05, witness_every=0.1)
    create_key(found.key, ORIGIN)
    return found


@pytest.fixture
def notary(place) -> Iterator[Sequencer]:
    """A notary that stands still until it is told to step()."""
    with psycopg.connect(place.database_url) as connection:
        yield Sequencer(place, connection)


@pytest.fixture
def superuser() -> Iterator[psycopg.Connection]:
    """The database's owner with every guard at hand: what an attacker inside the computer center could do."""
    with database.owner() as connection:
        yield connection


@pytest.fixture
def dba() -> Iterator[psycopg.Connection]:
    """The server's superuser with every trigger asleep: the strongest hand inside the computer center."""
    try:
        with database.superuser() as connection:
            yield connection
    except FileNotFoundError:
        pytest.skip("only at a server that ./caia started is the superuser's password known")


@pytest.fixture
def at_hand(notary, settings) -> Sequencer:
    """The notary, with its tiles where the portal looks for them."""
    settings.RECORD_TILES = notary.place.tiles
    return notary


@pytest.fixture
def filled(at_hand) -> Sequencer:
    """A record of some hundred entries under six heads, three of them over changes of people."""
    manager = holder(Role.CENTER_MANAGER)
    for number in range(3):
        people.suspend(MemberFactory(center=manager.center), by=manager, reason=f"Number {number}.")
        at_hand.step()
    for hundred in range(3):
        noted(200, beginning=200 * hundred)
        at_hand.step()
    return at_hand


@pytest.fixture
def judges(tmp_path_factory) -> Iterator[Judges]:
    """Both verifiers of bundles, each one process; they must agree."""
    both = Judges(tmp_path_factory.mktemp("bundles"))
    yield both
    both.close()


def noted(count: int, *, beginning: int = 0, **facts: Any) -> list[str]:
    """Events that change no row, straight through the door in one transaction; their ids."""
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    events = [
        {"id": str(uuid7()), "kind": "test.noted", "number": number, "occurred_at": at, "outcome": "success", **facts}
        for number in range(beginning, beginning + count)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "select audit.append(text) from unnest(%s::text[]) text", [[canonical(event) for event in events]]
        )
    return [event["id"] for event in events]


@pytest.fixture
def witness(notary, tmp_path) -> Iterator[Witness]:
    """A center's witness as a process of its own, which knows the notary's key and has seen nothing yet."""
    running = Witness(tmp_path / "witness", str(notary.key.verifier))
    yield running
    running.stop()
