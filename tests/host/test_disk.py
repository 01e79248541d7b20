"""A disk that runs full stops those who fill it, and nobody else; nothing begins on it."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientError

from host.disk import Disk, DiskError, usual_reserve
from host.room import SERVER
from sandbox.spec import GB, MB
from tests.host.conftest import wait, what_a_cell_says
from tests.loops import ended

FILL = """
import os, time
with open('/home/researcher/fill', 'wb', buffering=0) as file:
    for _ in range(2000):
        file.write(os.urandom(1 << 20)); os.fsync(file.fileno())
print('written')"""


@dataclass
class Person:
    places: tuple[Path, ...]

    def write(self, name: str, size: int) -> None:
        self.places[0].mkdir(exist_ok=True)
        (self.places[0] / name).write_bytes(b"x" * size)


@pytest.fixture
def people(tmp_path):
    both = tmp_path / "both"
    both.mkdir()
    return Person((tmp_path / "ada", both)), Person((tmp_path / "grace", both))


def low(tmp_path):
    disk = Disk(tmp_path, 0)
    disk.reserve = disk.left() + GB
    return disk


def test_who_writes_much_while_the_disk_is_low_fills_it(tmp_path, people):
    ada, grace = people
    ada.write("before", 64 * MB)
    disk = low(tmp_path)
    assert disk.who_fills_it(people) == [], "nobody knows yet who is at it"

    grace.write("now", 48 * MB)
    ada.write("notebook", MB)
    assert disk.who_fills_it(people) == [grace]
    assert disk.who_fills_it(people) == [], "she has stopped"


def test_a_shared_folder_is_filled_by_all_who_write_there(tmp_path, people):
    disk = low(tmp_path)
    disk.who_fills_it(people)
    (people[0].places[1] / "shared").write_bytes(b"x" * 48 * MB)

    assert disk.who_fills_it(people) == list(people)


def test_with_room_enough_nobody_is_looked_at(tmp_path, people):
    disk = Disk(tmp_path, 0)
    disk.who_fills_it(people)
    people[0].write("now", 48 * MB)

    assert disk.who_fills_it(people) == []
    disk.demand_room()


def test_nothing_begins_on_a_low_disk(tmp_path):
    with pytest.raises(DiskError, match=r"nearly full: .* GB are left"):
        low(tmp_path).demand_room()


def test_the_usual_reserve_is_a_twentieth_and_bounded(tmp_path):
    assert 0 < usual_reserve(tmp_path / "not" / "there") <= 5 * GB


@pytest.mark.slow
def test_a_workspace_that_fills_the_disk_is_stopped_and_its_neighbour_lives(place):
    limits = place.plan()["limits"] | {"home": 3 * GB}
    run, neighbour = place.started(limits=limits), place.started()
    disk = place.host.means.disk
    disk.reserve = disk.left() + 100 * GB
    wait(lambda: disk._sizes)

    with pytest.raises((ClientError, TypeError)):  # its server is gone before the cell has ended
        ended(what_a_cell_says(run.folders.inner / SERVER, FILL))
    wait(lambda: run.is_over)

    assert run.notes.end["why"] == "disk"
    assert "nearly full" in run.notes.end["words"]
    assert not neighbour.is_over
    late = place.order(place.plan())
    wait(lambda: late.is_over)
    assert "nearly full" in late.notes.end["words"]
