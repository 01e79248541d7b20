"""Each part is killed while a notebook computes: the kernel lives on, its owner comes back in, nobody runs unknown."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
import requests

from tests.live.lab import Kernel, Lab
from tests.live.machine import cut_the_power, traces
from tests.live.site import Person, Site, sites, until

pytestmark = [pytest.mark.long, pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1"])]

ROSA, DATA = "Rosa Jimenez", "ehr-alliance-gbsg2"
TICKS = """
import time
with open("/results/ticks", "w", buffering=1) as file:
    for number in range(100_000):
        file.write(f"{number}\\n")
        time.sleep(0.25)
"""
PARTS = ["hub", "proxy", "gateway", "host", "web-0", "web-1", "worker", "beat", "redis", "postgres", "seaweedfs"]


@pytest.fixture(scope="module")
def site(environment: Path) -> Iterator[Site]:
    """One for these tests alone."""
    with sites(environment.parent) as standing:
        yield standing


@pytest.fixture(scope="module")
def computing(site: Site) -> tuple[Person, str, str]:
    """A workspace in which a cell writes a line four times a second, and somebody who looks on."""
    project, rosa = site.project(ROSA, DATA), site.person(ROSA)
    lab = rosa.opened(project)
    answer = lab.ask("POST", "api/kernels", json={"name": "python3"})
    kernel = Kernel(lab, answer.json()["id"])
    kernel.send(TICKS)
    until(lambda: len(ticks(lab)) > 2, 60, "the cell computes")
    return rosa, project, lab.run


def ticks(lab: Lab) -> list[int]:
    """What the cell has written so far."""
    answer = lab.ask("GET", "api/contents/results/ticks?content=1&format=text&type=file")
    return [int(line) for line in answer.json()["content"].split()] if answer.status_code == 200 else []


def notes_of(site: Site, run: str) -> tuple[Path, dict]:
    """The host's notes of a run, and where they lie."""
    for path in (site.place / "ws" / "r").glob("*/run.json"):
        with suppress(OSError, ValueError):
            notes = json.loads(path.read_text())
            if notes["run"] == run:
                return path, notes
    raise AssertionError("the host has no notes of this run")


def kill(site: Site, part: str, run: str) -> None:
    """Kill -9 and wait until another stands in its place."""
    if part != "gateway":
        site.kill(part)
        return
    path, notes = notes_of(site, run)
    before = notes["gateway"][0]
    os.kill(before, signal.SIGKILL)
    until(lambda: json.loads(path.read_text())["gateway"][0] != before, 30, "the gateway comes back")


def database(site: Site) -> psycopg.Connection:
    ports = json.loads((site.place / "ports").read_text())
    password = json.loads((site.place / "secrets").read_text())["postgres"]
    return psycopg.connect(
        host="127.0.0.1", port=ports["postgres"], user="postgres", password=password, dbname="caia", autocommit=True
    )


def known(site: Site) -> list[tuple[str, str]]:
    """The runs that live and their workspaces, as the portal has them."""
    with database(site) as connection:
        rows = connection.execute(
            "select r.id::text, r.workspace_id::text from workspaces_run r"
            " where r.status in ('starting', 'running', 'stopping')"
        )
        return [(run, workspace) for run, workspace in rows.fetchall()]


def names(site: Site) -> list[str]:
    """How the host calls the workspaces that ever ran here."""
    found = [json.loads(path.read_text()) for path in (site.place / "ws" / "r").glob("*/run.json")]
    return [notes["name"] for notes in found if notes.get("name")]


@pytest.mark.parametrize("part", PARTS)
def test_a_kernel_lives_on_when_a_part_is_killed(site, computing, part):
    rosa, project, started = computing
    lab = until(lambda: entered(rosa, project), 90, "its owner is in")  # whatever an earlier kill has left
    before = until(lambda: ticks(lab), 60, "the cell computes")[-1]

    assert lab.run == started, "the run of before was lost"
    kill(site, part, started)

    until(lambda: rosa.address(project), 60, "the page says that it runs")
    again = until(lambda: entered(rosa, project), 60, "its owner comes in again")
    until(lambda: ticks(again) and ticks(again)[-1] > before + 4, 60, "the cell computes on")
    written = ticks(again)
    assert written == list(range(len(written))), "nothing that it wrote is missing"
    assert [run for run, _ in known(site)] == [started]
    seen = traces(site.place, names(site))
    assert (len(seen.gateways), len(seen.keepers)) == (1, 1)
    assert again.execute("6 * 7", 120).shown[0]["text/plain"] == "42"


def entered(rosa: Person, project: str) -> Lab | None:
    """Inside again by “Open”, signed in anew where that is over; None while somebody on the way does not answer yet."""
    with suppress(AssertionError, requests.RequestException):
        if "/sign-in/" in rosa.get("/").url:
            rosa.sign_in()
        if address := rosa.address(project):
            return rosa.lab(project, address)
    return None


def test_after_the_power_was_cut_the_state_is_right(environment):
    with sites(environment.parent) as site:
        project, rosa = site.project(ROSA, DATA), site.person(ROSA)
        lab = rosa.opened(project)
        lab.put("note.txt", b"kept")
        os.sync()
        called = names(site)
        cut_the_power(site.place, called)
        until(lambda: not any(traces(site.place, called).of_runs()[kind] for kind in ("gateways", "keepers")), 60)

        site.up()

        rosa = site.person(ROSA)
        page = until(lambda: ended_page(rosa, project), 60, "the page tells that it ended")
        assert "It was ended from outside, as by a restart of its machine. Start it again." in page
        assert known(site) == []
        left = until(lambda: clean(site, called), 30, "nothing of the former run is left")
        assert left
        lab = rosa.opened(project)
        assert lab.execute("print(open('note.txt').read())").text == "kept\n"
        rosa.stop(project)
        until(lambda: clean(site, called), 30, "nothing is left")


def ended_page(rosa: Person, project: str) -> str:
    page = rosa.page_of(project)
    return page if "/stop/" not in page else ""


def clean(site: Site, called: list[str]) -> bool:
    """Whether no trace of a run is on this machine."""
    return not any(traces(site.place, called).of_runs().values())
