"""What a researcher did is on the run's page for those who may read it; too much to the browser pauses it."""

import re

import pytest
import requests

from tests.live.lab import Lab
from tests.live.site import Person, until

pytestmark = [pytest.mark.slow, pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1"])]

ROSA, STEWARD, AUDITOR, STRANGER = "Rosa Jimenez", "Carmen Ruiz", "Isaac Cohen", "Julia Santos"
DATA = "ehr-alliance-gbsg2"
CELL = f"table = open('/data/{DATA}/gbsg2.csv').read(); print(len(table.splitlines()))"
LARGE = 4_900_000  # just below what comes to a browser at once


def shown(person: Person, path: str) -> str:
    """The words of a page."""
    answer = person.get(path)
    assert answer.status_code == 200, (person.name, path, answer.status_code)
    return re.sub(r"<[^>]+>|\s+", " ", answer.text)


def test_what_was_done_is_on_the_runs_page_for_those_who_may_read_it(site):
    project, rosa = site.project(ROSA, DATA), site.person(ROSA)
    steward, auditor, stranger = (site.person(name) for name in (STEWARD, AUDITOR, STRANGER))
    with rosa.at_work(project) as lab:
        assert (lab.execute(CELL).text, lab.ask("GET", "files/gbsg2.csv").status_code) == ("687\n", 403)
        page = f"/runs/{lab.run}/"
        until(lambda: "Refused: GET files/gbsg2.csv" in shown(steward, page), what="the refusal is told")
        assert f"/data/{DATA}" in shown(steward, page), "the mount"

    until(lambda: "Opened gbsg2.csv" in shown(steward, page), what="the opened file is told")
    for reader in (rosa, auditor):
        assert "print(len(table.splitlines()))" in shown(reader, f"{page}code/")
    assert steward.get(f"{page}code/").status_code in {403, 404}, "a steward sees what happened, not the code"
    assert stranger.get(page).status_code == 404


@pytest.mark.long
def test_who_sends_too_much_to_the_browser_is_paused_until_a_steward_lets_it_go_on(site):
    project, rosa, steward = site.project(ROSA, DATA), site.person(ROSA), site.person(STEWARD)
    with rosa.at_work(project) as lab:
        lab.execute(f"open('large.txt', 'w').write('x' * {LARGE})")
        last = read_until_refused(lab)
        assert (last.status_code, "so it is paused" in last.json()["message"]) == (403, True)
        page = f"/runs/{lab.run}/"
        until(lambda: "Paused, since much went to your browser" in rosa.page_of(project), what="its owner reads it")
        until(lambda: "Paused, since much went to the browser" in shown(steward, page), what="the steward reads it")
        assert rosa.post(f"{page}resume/", f"/projects/{project}/workspace/", reason="Mine.").status_code == 403
        assert small(lab) == 403

        steward = site.person(STEWARD)  # who lets it go on has shown a factor just now
        assert steward.post(f"{page}resume/", page, reason="Tables for a talk.").status_code == 200

        until(lambda: small(lab) == 200, what="it goes on")
        until(lambda: "It goes on." in shown(steward, page), what="that is told")
        assert "Paused, since" not in rosa.page_of(project)


def read_until_refused(lab: Lab):
    """Read the same large file again and again; the first answer that is a refusal."""
    for _ in range(60):
        try:
            answer = lab.ask("GET", "api/contents/large.txt?content=1&type=file&format=text", timeout=20)
        except requests.RequestException:  # the one that went too far is cut off in its middle
            continue
        if answer.status_code != 200:
            return answer
    raise AssertionError("nothing was refused")


def small(lab: Lab) -> int:
    return lab.ask("GET", "api/contents?content=0&type=directory").status_code
