"""A run in the real sandbox with the real JupyterLab: what it sees, what is told of it, that nothing stays."""

import fcntl
import json
import os
import signal
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from environments import environment_hash
from host.network import WHY
from host.room import SERVER
from sandbox import cgroups
from tests.host.conftest import ask, wait, what_a_cell_says
from tests.loops import ended
from tests.sandbox.place import is_alive

pytestmark = pytest.mark.slow
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="a uid for each workspace needs root")


def test_a_workspace_starts_and_shows_its_data_which_nobody_can_change(place):
    run = place.started()

    status, said = ask(run, "api/status")
    listing = json.loads(ask(run, "api/contents/data/demo-study?content=1")[1])
    row = json.loads(ask(run, "api/contents/data/demo-study/rows.csv?content=1")[1])
    refused = ask(
        run, "api/contents/data/demo-study/rows.csv", "PUT", {"type": "file", "format": "text", "content": "x"}
    )

    assert status == 200
    assert "kernels" in json.loads(said)
    assert {one["name"] for one in listing["content"]} == {"README.md", "rows.csv"}
    assert "CANARY-1" in row["content"]
    assert refused[0] >= 400
    started = wait(
        lambda: next((event for event in place.portal.events[run.notes.run] if event["kind"] == "started"), 0)
    )
    assert started["data"] == [{"version": "v-1", "files": 1, "bytes": 19}]
    assert len(started["environment"]) == 64
    assert {one["promise"]: one["kept"] for one in started["promises"]}[
        "no network: nothing but its own loopback, and the sockets it was given"
    ]
    wait(lambda: (place.portal.state(run.notes.run) or {}).get("state") == "running")


def test_a_cell_runs_in_a_kernel_and_answers(place):
    run = place.started()

    said = ended(what_a_cell_says(run.folders.inner / SERVER, "import os; print(sorted(os.listdir('/data')))"))

    assert "demo-study" in said


def test_nothing_of_a_run_stays_when_it_is_over(place):
    run = place.started()
    first, gateway = run.running.first, run.gateway.pid

    run.stop("It is over.")
    wait(lambda: run.is_over)

    assert not is_alive(first)
    assert not is_alive(gateway)
    assert not run.folders.root.exists()
    assert not Path(run.notes.sandbox).exists()
    assert str(place.root) not in Path("/proc/mounts").read_text()
    losetup = subprocess.run(["losetup", "-a"], capture_output=True, text=True, check=False).stdout
    assert str(place.root) not in losetup
    for base in {*cgroups._bases().values(), *cgroups._unified()}:
        assert not list((base / cgroups.ALL).glob(f"{cgroups.PREFIX}{run.notes.name}-*"))
    wait(lambda: "ended" in place.portal.kinds(run.notes.run))
    ended = place.portal.events[run.notes.run][-1]
    assert ended["kind"] == "ended"
    assert ended["words"] == "It is over."
    assert ended["usage"]["wall_seconds"] > 0


def test_what_tries_to_reach_a_network_is_counted_and_told(place):
    run = place.started()
    tries = "import socket, errno"
    for _ in range(3):
        tries += "\ntry: socket.create_connection(('192.0.2.1', 443), 5)\nexcept OSError as no: said = no.errno"
    said = ended(what_a_cell_says(run.folders.inner / SERVER, f"{tries}\nprint(said == errno.ENETUNREACH)"))
    run.stop("Enough.")
    wait(lambda: run.is_over and run.outbox.is_clear())

    told = [event for event in place.portal.events[run.notes.run] if event.get("why") == WHY]
    assert said == "True\n"
    assert sum(event["times"] for event in told) == 3
    assert len(told) <= 2


def test_who_tries_nothing_is_told_of_nothing(place):
    run = place.started()
    assert ended(what_a_cell_says(run.folders.inner / SERVER, "print(1)")) == "1\n"
    run.stop("Enough.")
    wait(lambda: run.is_over and run.outbox.is_clear())

    assert not [event for event in place.portal.events[run.notes.run] if event.get("why") == WHY]


def test_files_under_data_that_are_opened_are_told_with_their_number(place):
    run = place.started()
    for _ in range(3):
        assert ask(run, "api/contents/data/demo-study/rows.csv?content=1")[0] == 200
        time.sleep(1.5)  # further apart than what counts as one
    note = ask(run, "api/contents/data/demo-study/README.md?content=1")[0]  # the last moment counts, too
    run.stop("Enough.")
    wait(lambda: run.is_over and run.outbox.is_clear())

    told = [event for event in place.portal.events[run.notes.run] if event["kind"] in {"opened", "not_watched"}]
    if os.geteuid() != 0:
        assert [event["kind"] for event in told] == ["not_watched"]
        return
    (opened,) = [event for event in told if event["path"] == "rows.csv"]
    assert opened["dataset"] == "demo-study"
    assert opened["times"] == 3
    assert note == 200
    assert "README.md" in {event["path"] for event in told}


def test_home_lasts_and_another_start_of_the_workspace_finds_it(place):
    plan = place.plan()
    run = place.ready(place.order(plan))
    note = {"type": "file", "format": "text", "content": "my note"}
    assert ask(run, "api/contents/note.txt", "PUT", note)[0] == 201
    run.stop("Enough.")
    wait(lambda: run.is_over)

    again = place.started(workspace=plan["workspace"], uid=plan["uid"])

    assert json.loads(ask(again, "api/contents/note.txt?content=1")[1])["content"] == "my note"
    examples = json.loads(ask(again, "api/contents/examples?content=1")[1])["content"]
    assert {"ehr.ipynb", "pathology.ipynb", "radiology.ipynb", "genomics.ipynb"} <= {one["name"] for one in examples}
    assert not any(one["writable"] for one in examples)


def test_a_file_in_the_home_takes_no_modules_place_at_the_next_start(place):
    plan = place.plan()
    run = place.ready(place.order(plan))
    early = {"type": "file", "format": "text", "content": "raise SystemExit('this ran before anything was watched')"}
    for name in ("json.py", "logging.py", "jupyterlab.py"):
        assert ask(run, f"api/contents/{name}", "PUT", early)[0] == 201
    run.stop("Enough.")
    wait(lambda: run.is_over)

    again = place.started(workspace=plan["workspace"], uid=plan["uid"])

    assert ask(again, "api/status")[0] == 200


@ROOT_ONLY
def test_nobody_inside_puts_anything_in_the_place_of_the_servers_socket(place):
    run = place.started()
    code = (
        "import os\nfor work in (lambda: os.unlink('/run/ws/server.sock'), lambda: os.symlink('/tmp', '/run/ws/link'),"
        " lambda: open('/run/ws/fill', 'w'), lambda: os.chmod('/run/ws', 0o777)):\n"
        "    try: work()\n    except OSError as error: print(error.errno, end=' ')\n    else: print('worked', end=' ')"
    )

    said = ended(what_a_cell_says(run.folders.inner / SERVER, code))

    assert said.split() == ["13", "13", "13", "1"]
    assert os.listdir(run.folders.inner) == [SERVER]


@ROOT_ONLY
def test_each_member_reads_and_writes_what_another_put_into_shared(place):
    project = place.plan()["shared"]
    first, second = place.started(shared=project), place.started(shared=project)
    stranger = place.started()
    note = {"type": "file", "format": "text", "content": "from the first"}
    assert first.notes.uid != second.notes.uid
    assert ask(first, "api/contents/shared/folder", "PUT", {"type": "directory"})[0] == 201
    assert ask(first, "api/contents/shared/folder/note.txt", "PUT", note)[0] == 201

    read = json.loads(ask(second, "api/contents/shared/folder/note.txt?content=1")[1])
    written = ask(second, "api/contents/shared/folder/note.txt", "PUT", note | {"content": "from the second"})[0]
    moved = ask(second, "api/contents/mine.txt", "PUT", note)[0]
    renamed = ask(second, "api/contents/shared/folder/second.txt", "PUT", note)[0]

    assert read["content"] == "from the first"
    assert (written, moved, renamed) == (200, 201, 201)
    assert json.loads(ask(first, "api/contents/shared/folder/note.txt?content=1")[1])["content"] == "from the second"
    assert json.loads(ask(stranger, "api/contents/shared?content=1")[1])["content"] == []
    place_of = place.host.means.room.common / project
    assert (place_of.stat().st_mode & 0o007) == 0


def test_a_refusal_of_the_portal_is_told_as_it_was_said(place):
    plan = place.plan()
    place.portal.refusals[plan["run"]] = (403, {"reason": "The agreement ended on Monday.", "lines": []})

    run = place.order(plan)
    wait(lambda: run.is_over)

    assert run.notes.end == {"why": "refused", "words": "The agreement ended on Monday."}
    wait(lambda: place.portal.kinds(run.notes.run) == ["ended"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"environment": "nowhere"}, "knows no environment"),
        ({"uid": 0}, "must lie between"),
        ({"datasets": "nonsense"}, "can't be read"),
        ({"shared": "../../etc"}, "no proper shared"),
        ({"workspace": "/" * 36}, "no proper workspace"),
        ({"name": "Ada Lovelace"}, "no proper name"),
    ],
)
def test_a_plan_that_cannot_be_meant_starts_nothing(place, changes, words):
    run = place.order(place.plan(**changes))
    wait(lambda: run.is_over)

    assert run.notes.end["why"] == "refused"
    assert words in run.notes.end["words"]


def test_addresses_that_grew_old_are_asked_for_anew(place):
    named = place.storage.put(b"rows" * 1000)
    place.storage.refused.add(named["sha256"])

    assert place.ready(place.order(place.plan(named)))


def test_a_stop_by_the_portal_comes_with_the_next_heartbeat(place):
    run = place.started()
    place.portal.stop = [{"run": run.notes.run, "reason": "Your access was revoked.", "now": True}]

    wait(lambda: run.is_over, 30)

    assert run.notes.end["words"] == "Your access was revoked."
    wait(lambda: "ended" in place.portal.kinds(run.notes.run))
    assert [event["why"] for event in place.portal.events[run.notes.run] if event.get("path") == "/close"] == [
        "Your access was revoked."
    ], "open pages were closed first"


def test_a_stop_while_it_starts_ends_the_start(place):
    place.storage.slow = threading.Event()
    run = place.order(place.plan())
    wait(lambda: run.progress)
    run.stop("Not any more.")
    place.storage.slow.set()
    wait(lambda: run.is_over)

    assert run.notes.end == {"why": "stopped", "words": "Not any more."}
    assert run.running is None


def test_nothing_done_for_long_enough_stops_it(place):
    run = place.started(idle_seconds=4)

    wait(lambda: run.is_over, 40)

    assert "Nothing was done" in run.notes.end["words"]
    assert run.notes.end["why"] == "idle"


def test_a_server_that_ends_by_itself_ends_the_run(place):
    run = place.started()
    os.kill(run.running.first, signal.SIGKILL)

    wait(lambda: run.is_over)

    assert run.notes.end["why"] in {"signal", "lost", "finished"}
    assert not is_alive(run.gateway.pid)


def test_files_of_a_workspace_are_erased_when_the_portal_says_so_and_nothing_of_it_runs(place):
    plan = place.plan()
    run = place.ready(place.order(plan))
    home = place.host.means.room.homes / plan["workspace"]
    place.portal.erase = [{"workspace": plan["workspace"]}, {"workspace": "../../../etc"}]
    beats = len(place.portal.beats)
    wait(lambda: len(place.portal.beats) > beats + 2)
    assert home.exists(), "it runs"

    run.stop("Enough.")
    wait(lambda: plan["workspace"] in place.portal.erased)

    assert not home.exists()
    assert place.portal.erased == {plan["workspace"]}


def test_a_gateway_that_does_not_start_ends_the_run_in_words(place):
    place.settings = replace(place.settings, gateway=("/bin/false",))
    run = place.order(place.plan())
    wait(lambda: run.is_over, 30)

    assert run.notes.end["why"] == "refused"
    assert "gateway ended while it started" in run.notes.end["words"]
    assert not Path(run.notes.sandbox).exists()


def test_while_the_environment_is_being_built_a_start_is_refused_in_words_and_fetches_nothing(place, tmp_path):
    place.settings = replace(place.settings, environments=tmp_path)
    with (tmp_path / f".lock-{environment_hash('python-cancer')}").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run = place.order(place.plan())
        wait(lambda: run.is_over)
    other = place.order(place.plan())
    wait(lambda: other.is_over)

    assert run.notes.end["words"] == "The environment is still being built; try again in some minutes."
    assert "is not built on this machine" in other.notes.end["words"]
    assert place.storage.asked == []
