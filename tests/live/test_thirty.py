"""Thirty workspaces at once on two cores: each becomes usable, and the portal's pages stay quick meanwhile."""

import json
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.live.site import Person, Site

# Alone: whatever else runs beside it would be measured, too.
pytestmark = [pytest.mark.long, pytest.mark.alone, pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1"])]

PEOPLE = {"Rosa Jimenez": "ehr-dana-farber-colorectal-2016", "Julia Santos": "genomics-johns-hopkins-khan-srbct"}
EACH = 15
PAGES = ("/", "/projects/", "/datasets/", "/workspaces/")
ASKED = 200
SECONDS = 600


class Onlooker:
    """Somebody who reads pages one after the other, and how long each took."""

    def __init__(self, person: Person) -> None:
        self.person, self.times, self.is_over = person, list[float](), threading.Event()

    def read(self, pages: int = 10**6) -> None:
        for number in range(pages):
            if self.is_over.is_set():
                return
            began = time.perf_counter()
            assert self.person.get(PAGES[number % len(PAGES)]).status_code == 200
            self.times.append(time.perf_counter() - began)
            time.sleep(0.1)

    def p95(self) -> float:
        return statistics.quantiles(self.times, n=20)[-1]


def test_thirty_workspaces_at_once(own_site: Site) -> None:
    projects = [(name, own_site.project(name, data)) for name, data in PEOPLE.items() for _ in range(EACH)]
    before = Onlooker(own_site.person("Mateo Silva"))
    before.read(40)
    before.times.clear()
    before.read(ASKED)

    meanwhile = Onlooker(before.person)
    reading = threading.Thread(target=meanwhile.read)
    people = {name: own_site.person(name) for name in PEOPLE}
    began = time.monotonic()
    for name, project in projects:
        assert people[name].start(project).status_code == 200
    reading.start()
    try:
        with ThreadPoolExecutor(4) as hands:
            took = list(hands.map(lambda one: usable(own_site, *one, began), projects))
    finally:
        meanwhile.is_over.set()
        reading.join(60)
    idle, busy = before.p95(), meanwhile.p95()

    told = {
        "usable_first_s": round(min(took), 1), "usable_last_s": round(max(took), 1), "pages": len(meanwhile.times),
        "p95_idle_ms": round(idle * 1000, 1), "p95_ms": round(busy * 1000, 1), "ratio": round(busy / idle, 2),
    }  # fmt: skip
    print(json.dumps(told))
    assert len(meanwhile.times) >= 60, told
    assert busy < 2 * idle, told


def usable(site: Site, name: str, project: str, began: float) -> float:
    """Seconds until a cell has answered in it; its page looks again every two seconds, as a page does."""
    person = site.person(name)
    while not (address := person.address(project)):
        assert "The last start failed" not in person.page_of(project)
        assert time.monotonic() - began < SECONDS, "it did not open"
        time.sleep(2)
    ran = person.lab(project, address).execute("print(6 * 7)", 120)
    assert (ran.text, ran.error) == ("42\n", "")
    return time.monotonic() - began
