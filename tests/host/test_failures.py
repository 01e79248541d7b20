"""What becomes of runs when a gateway, the host, the machine or the portal fails: nothing is lost, nothing is left."""

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from host import life
from host.notes import Notes
from tests.host.conftest import ask, wait
from tests.sandbox.place import is_alive

pytestmark = pytest.mark.slow
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="a uid for each workspace needs root")


def test_a_gateway_that_is_killed_comes_back_and_the_server_lives_on(place):
    run = place.started()
    first, gateway = run.running.first, run.gateway.pid
    os.kill(gateway, signal.SIGKILL)

    wait(lambda: run.gateway.pid != gateway and run.gateway.is_ready())

    assert run.running.first == first
    assert wait(lambda: ask(run, "api/status")[0] == 200)


def test_a_gateway_that_ends_again_and_again_ends_the_run(place, monkeypatch):
    monkeypatch.setattr(life, "_MOST_RESTARTS", 1)
    run = place.started()
    for _ in range(2):
        pid = run.gateway.pid
        os.kill(pid, signal.SIGKILL)
        wait(lambda: run.gateway.pid != pid or run.is_over)

    wait(lambda: run.is_over)

    assert "again and again" in run.notes.end["words"]


def test_a_host_that_is_killed_and_begun_again_finds_its_runs_and_loses_no_event(place):
    program = place.begin_program()
    run = place.started_by_program()
    gateway = Path(place.told(run)["gateway"])
    program.kill()
    program.wait()
    assert ask(None, "api/status", by=gateway)[0] == 200, "while no host is there, people work on"

    found = place.begin().runs[run]
    assert wait(lambda: ask(found, "api/status")[0] == 200)
    found.stop("Enough.")
    wait(lambda: found.is_over and found.outbox.is_clear())

    kinds = place.portal.kinds(run)
    assert kinds.count("started") == kinds.count("ended") == kinds.count("signed_in") == 1
    assert [event["seq"] for event in place.portal.events[run]] == list(range(1, len(kinds) + 1))


def test_a_start_that_a_killed_host_left_in_its_middle_is_ended(place):
    """Its server's folder was never closed, so somebody inside could still take the server's place."""
    program = place.begin_program()
    run = place.started_by_program()
    program.kill()
    program.wait()
    folder = next((place.settings.run / "r").iterdir())
    notes = Notes.read(folder)
    notes.state = "starting"
    notes.write(folder)
    first = json.loads((Path(notes.sandbox) / "keeper.json").read_text())["first"]

    found = place.begin().runs[run]
    wait(lambda: found.is_over)

    assert "while this workspace was being started" in found.notes.end["words"]
    assert not is_alive(first)


def test_a_machine_that_lost_all_its_programs_tells_so_when_it_is_back(place):
    program = place.begin_program()
    run = place.started_by_program()
    program.kill()
    program.wait()
    notes = Notes.read(next((place.settings.run / "r").iterdir()))
    for pid in (json.loads((Path(notes.sandbox) / "keeper.json").read_text())["pid"], notes.gateway[0]):
        os.kill(pid, signal.SIGKILL)

    found = place.begin().runs[run]
    wait(lambda: found.is_over)

    assert found.notes.end["why"] == "lost"
    wait(lambda: "ended" in place.portal.kinds(run))
    assert not found.folders.root.exists()


def test_a_host_that_is_told_to_end_leaves_runs_or_stops_them(place):
    program = place.begin_program()
    run = place.started_by_program()

    program.send_signal(signal.SIGTERM)
    assert program.wait(20) == 0
    program = place.begin_program()
    assert place.told(run)["state"] == "running"
    gateway = Path(place.told(run)["gateway"])
    program.send_signal(signal.SIGINT)

    assert program.wait(60) == 0
    assert not gateway.exists()
    assert place.portal.kinds(run)[-1] == "ended"


def test_a_sandbox_that_no_run_knows_of_is_ended(place):
    program = place.begin_program()
    place.started_by_program()
    program.kill()
    program.wait()
    folder = next((place.settings.run / "r").iterdir())
    notes = Notes.read(folder)
    os.kill(notes.gateway[0], signal.SIGKILL)
    (folder / "run.json").unlink()
    first = json.loads((Path(notes.sandbox) / "keeper.json").read_text())["first"]

    place.begin()

    assert not is_alive(first)
    assert not Path(notes.sandbox).exists()


def test_a_portal_that_is_silent_too_long_stops_everything_and_hears_of_it_later(place):
    place.settings = replace(place.settings, silent_seconds=2)
    run = place.started()
    place.portal.is_down = True

    wait(lambda: run.is_over)
    assert "could not be reached for too long" in run.notes.end["words"]
    assert not run.outbox.is_clear()

    place.portal.is_down = False
    wait(lambda: "ended" in place.portal.kinds(run.notes.run))


def test_a_portal_that_is_away_for_a_moment_stops_nothing(place):
    run = place.started()
    place.portal.is_down = True
    time.sleep(2)  # ten heartbeats
    place.portal.is_down = False
    seen = len(place.portal.beats)

    wait(lambda: len(place.portal.beats) > seen)
    assert run.notes.state == "running"


def test_events_whose_answer_was_lost_are_stored_once(place):
    place.portal.forgets_answers = 3
    run = place.started()
    run.stop("Enough.")
    wait(lambda: run.is_over and run.outbox.is_clear())

    kinds = place.portal.kinds(run.notes.run)
    assert kinds.count("started") == kinds.count("ended") == kinds.count("signed_in") == 1


def test_an_event_that_the_portal_cannot_read_holds_up_none_behind_it(place):
    place.portal.unreadable = {"signed_in"}
    run = place.started()
    run.stop("Enough.")
    wait(lambda: run.is_over and run.outbox.is_clear())

    kinds = place.portal.kinds(run.notes.run)
    assert kinds[-1] == "ended"
    assert "signed_in" not in kinds
    assert any("can't be stored" in event.get("why", "") for event in place.portal.events[run.notes.run])
