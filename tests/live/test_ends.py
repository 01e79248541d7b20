"""E64: what a workspace rests on ends while it runs: websocket and files within 5 s, kernels and mounts within 60 s.

Two of the ends are days: the clock of a running portal can't be turned, so their last day is moved into the past in the
database, by its superuser with the triggers asleep.
"""

import html
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg
import pytest
import requests
import websockets

from tests.live.lab import PAGE, Gone, Kernel, Lab
from tests.live.site import Person, Site, sites, until

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1"])]

ROSA, JULIA, BRAM = "Rosa Jimenez", "Julia Santos", "Bram Visser"
OTHERS, OWN = "ehr-alliance-gbsg2", "genomics-johns-hopkins-khan-srbct"  # of another center, of Julia's own

FILES = "api/contents?content=1&type=directory"


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
    shut_at: float = 0.0

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

    def read_on(self) -> threading.Thread:
        """List the files again and again over HTTP, and note when that is refused."""

        def look() -> None:
            until_then = time.monotonic() + 90
            while not self.shut_at and time.monotonic() < until_then:
                with suppress(requests.RequestException):
                    if self.lab.ask("GET", FILES).status_code == 200:
                        time.sleep(0.2)
                        continue
                self.shut_at = time.time()

        thread = threading.Thread(target=look, daemon=True)
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
        with suppress(FileNotFoundError):  # another one ends at this moment
            notes = json.loads(file.read_text())
            if notes["run"] == lab.run:
                first = json.loads((Path(notes["sandbox"]) / "keeper.json").read_text())["first"]
                return Running(person, project, lab, first, file.parent)
    raise AssertionError("the host has no notes of this run")


def ended(site: Site, name: str, data: str, act: Callable[[Running], float]) -> Running:
    """Do it to a running workspace; how its line and everything else of it ended."""
    run = running(site, name, data)
    try:
        assert run.remains()
        with run.lab.kernel() as line:
            threads = (run.follow(line), run.read_on())
            time.sleep(1)
            assert not run.shut_at, "its files were refused before anything ended"
            done = act(run)
            until(lambda: not run.remains(), 60 - (time.time() - done), "nothing of it is left")
            gone = time.time()
            for thread in threads:
                thread.join(30)
    except BaseException:  # where it went well nothing is left, and the next page tells why only once
        run.person.leave(run.project)
        raise
    closed, shut = run.closed_at - done, run.shut_at - done
    told = f"line closed after {closed:.1f} s, files refused after {shut:.1f} s, nothing left after {gone - done:.1f} s"
    print(told)
    assert 0 < run.closed_at <= done + 5, told
    assert 0 < run.shut_at <= done + 5, told
    return run


def by(site: Site, way: str, name: str) -> Callable[[Running], float]:
    """One of the portal's own commands; the moment at which it was done."""
    return lambda run: float(site.inside(way, run.project, name, module="tests.live.arrange_ends"))


def refused(run: Running) -> str:
    """The page offers no start; the answer to a form that is sent all the same."""
    assert "/workspace/start/" not in run.person.page_of(run.project)
    sent = run.person.post(f"/projects/{run.project}/workspace/start/", "/account/")
    assert sent.status_code == 403, sent.status_code
    return html.unescape(sent.text)


def shut_out(run: Running) -> None:
    """Neither the portal nor the Hub knows this browser any more; a mail tells its owner why."""
    place = f"To: {run.person.name.lower().replace(' ', '.')}@"
    folder = run.person.site.place / "mail"
    until(lambda: any(place in (mail := file.read_text()) and "suspended" in mail for file in folder.iterdir()), 30)
    for address in (f"/projects/{run.project}/workspace/", run.lab.address):
        answer = run.person.get(address, headers=PAGE)
        assert "/sign-in/" in answer.url, (answer.status_code, answer.url)


@contextmanager
def yesterday(site: Site, table: str, column: str, of: str) -> Iterator[float]:
    """The last day of these rows was yesterday; inside, when that became so."""
    ports = json.loads((site.place / "ports").read_text())
    password = json.loads((site.place / "secrets").read_text())["postgres"]
    with psycopg.connect(
        host="127.0.0.1", port=ports["postgres"], user="postgres", password=password, dbname="caia", autocommit=True
    ) as connection:
        connection.execute("set session_replication_role = replica")
        before = connection.execute(f"select id, {column} from {table} where {of}").fetchall()
        assert before, f"no row of {table} is meant"
        connection.execute(f"update {table} set {column} = current_date - 1 where {of}")
        try:
            yield time.time()
        finally:
            for key, day in before:
                connection.execute(f"update {table} set {column} = %s where id = %s", [day, key])


TAKEN = {
    "revoke": "approves it (revoked)",
    "suspend project": "The project is suspended",
    "close project": "The project is closed",
}
DAYS = {
    "training": (
        "alliance_trainingrecord", "valid_until",
        f"status = 'accepted' and member_id = (select id from alliance_member where name = '{ROSA}')",
        "Your training is valid",
    ),
    "agreement": (
        "agreements_agreementversion", "ends_on",
        "status = 'in_force' and agreement_id in (select a.id from agreements_agreement a"
        " join alliance_center g on g.id = a.providing_id and g.short_name = 'Fred Hutch'"
        " join alliance_center t on t.id = a.receiving_id and t.short_name = 'Dana-Farber')",
        "An agreement between",
    ),
}  # fmt: skip


def test_whatever_a_workspace_rests_on_takes_it_along_as_it_ends(site):
    """One after the other, since the last ones take away what the first ones stand on; all are tried, then told."""
    failed = []
    for what, end in ENDS.items():
        try:
            end(site)
        except (AssertionError, requests.RequestException, websockets.WebSocketException, OSError) as failure:
            failed.append(f"{what}: {failure!r}")
    assert not failed, "\n".join(failed)


def _taken(site, way):
    words = TAKEN[way]
    said = refused(ended(site, ROSA, OTHERS, by(site, way, ROSA)))
    assert words in said, f"{words} is not in: {_plainly(said)}"


def _plainly(page: str) -> str:
    return re.sub(r"<[^>]+>|\s+", " ", page)[:2000]


def test_a_terminated_agreement_takes_its_workspaces_along(own_site):
    said = refused(ended(own_site, ROSA, OTHERS, by(own_site, "terminate agreement", ROSA)))

    assert "An agreement between" in said, _plainly(said)


def _last_day_is_over(site, what):
    table, column, of, word = DAYS[what]
    with ExitStack() as until_then:
        run = ended(site, ROSA, OTHERS, lambda _: until_then.enter_context(yesterday(site, table, column, of)))
        said = refused(run)
    assert "You may not use any of the project's data now" in said, _plainly(said)
    assert word in said, f"{word} is not in: {_plainly(said)}"


ENDS: dict[str, Callable[[Site], None]] = {
    **{way: partial(_taken, way=way) for way in TAKEN},
    **{f"last day of {what}": partial(_last_day_is_over, what=what) for what in DAYS},
    "suspend member": lambda site: shut_out(ended(site, JULIA, OWN, by(site, "suspend member", JULIA))),
    "suspend center": lambda site: shut_out(ended(site, BRAM, OTHERS, by(site, "suspend center", BRAM))),
}
