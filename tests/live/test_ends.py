"""What a workspace rests on ends while it runs: its websocket within 5 s, its kernels and mounts within 60 s of the act.

Two of the ends are days: the clock of a running portal can't be turned, so their last day is moved into the past in the
database, by its superuser with the triggers asleep.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.live.lab import Gone, Kernel, Lab
from tests.live.site import Person, Site, sites, until

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1"])]

ROSA, JULIA = "Rosa Jimenez", "Julia Santos"
OTHERS, OWN = "ehr-alliance-gbsg2", "genomics-johns-hopkins-khan-srbct"  # of another center, of Julia's own


@pytest.fixture(scope="module")
def site(environment: Path) -> Iterator[Site]:
    """One for these tests alone: they take away what others stand on."""
    with sites(environment.parent) as standing:
        yield standing


@dataclass
class Running:
    """A workspace with an open line to a kernel, and everything of it on this machine."""

    person: Person
    project: str
    lab: Lab
    first: int
    folder: Path
    closed_at: float = 0.0

    def follow(self, line: Kernel) -> threading.Thread:
        """Compute without end, and note when the line closes."""

        def wait() -> None:
            with suppress(TimeoutError):
                try:
                    line.execute("import time\nwhile True: time.sleep(0.1)", 90)
                except Gone:
                    self.closed_at = time.time()

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        return thread

    def remains(self) -> list[str]:
        """What is still there of it: its first process with all below it, its mounts, its sockets."""
        mounts = Path(f"/proc/{self.first}/mounts")
        with suppress(OSError):
            return [f"process {self.first}", *mounts.read_text().splitlines()]
        return [str(path) for path in self.folder.glob("s/*/*")]


def running(site: Site, name: str, data: str) -> Running:
    project, person = site.project(name, data), site.person(name)
    lab = person.opened(project)
    for file in (site.place / "ws" / "r").glob("*/run.json"):
        notes = json.loads(file.read_text())
        if notes["run"] == lab.run:
            first = json.loads((Path(notes["sandbox"]) / "keeper.json").read_text())["first"]
            return Running(person, project, lab, first, file.parent)
    raise AssertionError("the host has no notes of this run")


def ended(site: Site, name: str, data: str, act: Callable[[Running], float]) -> Running:
    """Do it to a running workspace; how its line and everything else of it ended."""
    run = running(site, name, data)
    assert run.remains()
    with run.lab.kernel() as line:
        thread = run.follow(line)
        time.sleep(1)
        done = act(run)
        until(lambda: not run.remains(), 60 - (time.time() - done), "nothing of it is left")
        gone = time.time()
        thread.join(30)
    told = f"its line closed after {run.closed_at - done:.1f} s, nothing was left after {gone - done:.1f} s"
    assert run.closed_at and run.closed_at - done <= 5, told
    return run


def by(site: Site, way: str, name: str) -> Callable[[Running], float]:
    """One of the portal's own commands; the moment at which it was done."""
    return lambda run: float(site.inside(way, run.project, name, module="tests.live.arrange_ends"))


def refused(run: Running) -> str:
    """What the page says instead of starting it, and the answer to a form that is sent all the same."""
    page = run.person.page_of(run.project)
    assert "/workspace/start/" not in page
    sent = run.person.post(f"/projects/{run.project}/workspace/start/", "/account/")
    assert sent.status_code in {403, 409}, sent.status_code
    return re.sub(r"<[^>]+>|\s+", " ", page + sent.text)


@contextmanager
def moved_into_the_past(site: Site, statement: str, *values: str) -> Iterator[float]:
    """Each row that this statement names ends yesterday; as before afterwards."""
    ports = json.loads((site.place / "ports").read_text())
    password = json.loads((site.place / "secrets").read_text())["postgres"]
    with psycopg.connect(
        host="127.0.0.1", port=ports["postgres"], user="postgres", password=password, dbname="caia", autocommit=True
    ) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(f"update {statement}", values)
        yield time.time()


def test_the_owner_revokes(site):
    run = ended(site, ROSA, OTHERS, by(site, "revoke", ROSA))

    assert "revoked" in refused(run)
