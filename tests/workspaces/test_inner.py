"""The inner addresses as a host asks them: who is answered, what it is told, and what is kept of what it says."""

import json
import uuid

import pytest
import requests
from django.conf import settings

from apps.audit.models import Event
from apps.catalog.gateways import DatasetStore
from apps.workspaces.models import CellCode, Run, RunData, RunEvent
from apps.workspaces.services import runs
from tests.factories import arranged
from tests.factories_workspaces import run as make_run
from tests.projects.world import again
from tests.workspaces.ends import revoked
from tests.workspaces.host import Host, began, cell, told_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def host():
    return Host()


@pytest.fixture
def starting(world, db):
    return runs.start(world.project, by=world.lead)


def events(name):
    return list(Event.objects.filter(event=name, outcome="success").order_by("id"))


PATHS = ["/internal/heartbeat", "/internal/runs/{}/plan", "/internal/runs/{}/events", "/internal/workspaces/{}/erased"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "shown", ["", "Bearer", "Bearer ", "Bearer wrong", "Basic x", "Bearer \N{SNOWMAN}", "{}", "bearer {}", "Bearer {}x"]
)
def test_without_the_secret_nothing_is_there(starting, path, shown):
    header = shown.format(settings.HOST_SECRET).encode().decode("latin-1")

    Host().post(path.format(starting.pk), {}, HTTP_AUTHORIZATION=header)
    answer = Host()
    answer.post(path.format(starting.pk), {"runs": [], "host": "h"}, HTTP_AUTHORIZATION=header)

    assert answer.status == 404


@pytest.mark.parametrize("path", PATHS)
def test_without_workspaces_nothing_is_there_even_for_an_empty_secret(starting, path, settings):
    settings.HAS_WORKSPACES, settings.HOST_SECRET = False, ""
    host = Host("")

    host.post(path.format(starting.pk), {})

    assert host.status == 404


def test_a_plan_names_what_may_be_mounted(world, starting, host):
    plan = host.plan(starting)

    assert host.status == 200
    workspace = starting.workspace
    assert (plan["run"], plan["workspace"], plan["uid"]) == (str(starting.pk), str(workspace.pk), workspace.uid)
    assert workspace.uid >= 20_000
    assert plan["name"] == workspace.name
    assert str(world.lead) not in json.dumps(plan)
    assert plan["shared"] == str(world.project.pk)
    assert set(plan["limits"]) == {"memory", "cpus", "processes", "seconds", "home", "shared", "results"}
    assert set(plan["meter"]) == {"warn", "pause", "window_seconds"}
    (data,) = plan["datasets"]
    assert (data["slug"], data["version"]) == (world.dataset.slug, str(world.version.pk))
    (file,) = data["files"]
    assert (file["path"], file["size"]) == ("a.csv", 4)
    for words in (world.dataset.title, "Owner", "CC0-1.0", "general research use", "The owner made no conditions"):
        assert words in data["readme"]
    assert RunData.objects.get(run=starting).version == world.version


def test_the_address_of_a_file_gives_its_bytes(world, starting, host):
    DatasetStore().ensure_bucket()
    file = world.version.files.get()
    DatasetStore().put(file.key, b"a,b\n", media_type="text/csv")

    (data,) = host.plan(starting)["datasets"]

    assert requests.get(data["files"][0]["url"], timeout=10).content == b"a,b\n"
    assert "X-Amz-Expires=90&" in data["files"][0]["url"]


def test_a_plan_that_admits_nothing_says_each_line_and_ends_the_run(world, starting, host):
    revoked(world)

    refusal = host.plan(starting)

    assert host.status == 403
    assert {"dataset", "words", "detail"} == set(refusal["lines"][0])
    assert any("approves it" in line["words"] for line in refusal["lines"])
    assert (again(starting).status, again(starting).reason) == ("failed", refusal["reason"])
    host.plan(starting)
    assert host.status == 409


def test_a_plan_is_for_a_run_that_starts(running, host):
    answer = host.plan(running)

    assert (host.status, set(answer)) == (409, {"reason"})


def test_a_run_that_was_never_there_has_no_plan_and_no_events(db, host):
    class Never:
        pk = uuid.uuid4()

    host.plan(Never)
    assert host.status == 404
    host.tell(Never, {"kind": "signed_in"})
    assert host.status == 404


def test_a_run_runs_once_its_host_says_so(world, starting, host):
    host.plan(starting)
    answer = host.tell(starting, began(world.version))

    assert (host.status, answer) == (200, {"acknowledged": 1})
    run = again(starting)
    assert (run.status, run.environment_hash) == ("running", "e" * 64)
    mount = run.mounts.get()
    assert (mount.files, mount.bytes, bool(mount.mounted_at)) == (1, 4, True)
    (event,) = events("workspaces.run.begun")
    assert event.details["mounts"] == [{"version": str(world.version.pk), "files": 1, "bytes": 4}]


def test_what_was_not_planned_is_not_believed(world, starting, host):
    host.tell(starting, began(world.version))

    assert host.status == 422
    assert again(starting).status == "starting"
    assert not RunEvent.objects.exists()


def test_each_event_is_stored_once(running, host):
    told = [{"kind": "signed_in"}, cell(), {"kind": "denied", "method": "GET", "path": "/files", "why": "download"}]
    assert host.tell(running, *told) == {"acknowledged": 3}
    assert host.tell(running, *told) == {"acknowledged": 3}
    assert host.tell(running, *told[1:], {"kind": "signed_in"}, first=2) == {"acknowledged": 4}

    assert list(running.told.order_by("seq").values_list("seq", "kind")) == [
        (1, "signed_in"), (2, "cell"), (3, "denied"), (4, "signed_in"),
    ]  # fmt: skip
    assert CellCode.objects.count() == 1
    assert len(events("workspaces.code.recorded")) == 1


def test_nothing_is_told_past_a_gap(running, host):
    answer = host.tell(running, {"kind": "signed_in"}, first=2)

    assert (host.status, "missing" in answer["reason"]) == (409, True)
    assert not running.told.exists()


def test_code_lies_in_its_own_table_and_its_hash_in_the_record(running, host):
    host.tell(running, cell("secret = 1"), cell("b"))

    (event,) = events("workspaces.code.recorded")
    assert [one["seq"] for one in event.details["cells"]] == [1, 2]
    assert "secret" not in event.entry
    assert "code" not in running.told.get(seq=1).details
    assert running.cells.get(seq=1).code == "secret = 1"


def test_odd_text_is_kept_as_far_as_the_database_can(running, host):
    host.tell(running, cell("a\0b\ud800c"))

    assert host.status == 200
    assert running.cells.get().code == "a�b?c"


def test_denials_stand_in_the_record_as_counts(running, host):
    denied = {"kind": "denied", "method": "GET", "path": "/files/x", "why": "Downloads are off."}
    opened = {"kind": "opened", "dataset": "luad", "path": "a.csv", "times": 3}
    host.tell(running, denied, denied, opened)

    (event,) = events("workspaces.run.reported")
    assert event.details["counts"] == {"denied": 2, "opened": 1}
    assert event.details["opened"] == {"luad": 1}


def test_a_paused_run_tells_its_stewards_and_goes_on_when_one_says_so(world, running, host):
    host.tell(running, {"kind": "paused", "bytes": 5_000_000, "window": 3600})
    assert again(running).paused_at
    assert world.steward.notices.filter(path=f"/runs/{running.pk}/").count() == 1
    assert host.beat(running)["resume"] == []

    runs.resume(again(running), by=world.steward, reason="A large figure.")
    assert host.beat(running)["resume"] == [str(running.pk)]
    host.tell(running, {"kind": "resumed"}, first=2)

    assert again(running).paused_at is None
    assert host.beat(running)["resume"] == []


@pytest.mark.parametrize(("why", "status"), [("finished", "stopped"), ("idle", "stopped"), ("memory", "failed")])
def test_a_run_ends_as_its_host_says(running, host, why, status):
    host.tell(running, {"kind": "ended", "why": why, "words": "It is over.", "usage": {}})

    assert (again(running).status, again(running).reason) == (status, "It is over.")


def test_a_run_that_was_asked_to_stop_is_stopped_however_it_ended(world, running, host):
    runs.stop(running, by=world.lead, reason="Lunch.")
    host.tell(running, {"kind": "ended", "why": "signal", "words": "A signal ended it.", "usage": {}})

    assert (again(running).status, again(running).reason) == ("stopped", "Lunch.")


def test_what_comes_late_of_an_ended_run_is_kept_and_changes_nothing(place, host):
    over = make_run(place, status="failed")
    answer = host.tell(over, cell(), {"kind": "ended", "why": "stopped", "words": "Late.", "usage": {}})

    assert answer == {"acknowledged": 2}
    assert (again(over).status, again(over).reason) == ("failed", "Enough for today.")


BROKEN = [
    b"", b"[]", b"{", b"null", b'{"events": 1}', b'{"events": [1]}', b"[" * 100_000, b'{"events": [{"seq": NaN}]}',
    json.dumps({"events": [{"seq": 0, "at": "2027-01-01T00:00:00Z", "kind": "cell"}]}),
    json.dumps({"events": [{"seq": True, "at": "2027-01-01T00:00:00Z", "kind": "signed_in"}]}),
    json.dumps({"events": [{"seq": 1, "at": "2027-01-01T00:00:00", "kind": "signed_in"}]}),
    json.dumps({"events": [{"seq": 1, "at": "2027-13-01T00:00:00Z", "kind": "signed_in"}]}),
    json.dumps({"events": [{"seq": 1, "at": "2027-01-01T00:00:00Z", "kind": "became_root"}]}),
    json.dumps({"events": [{"seq": n, "at": "2027-01-01T00:00:00Z", "kind": "signed_in"} for n in (1, 3)]}),
    json.dumps({"events": [{"seq": 1, "at": "2027-01-01T00:00:00Z", "kind": "cell", "kernel": "k", "code": "1"}]}),
    json.dumps({"events": [{"seq": 1, "at": "2027-01-01T00:00:00Z", "kind": "denied", "path": "x" * 70_000}]}),
]  # fmt: skip


@pytest.mark.parametrize("sent", BROKEN, ids=range(len(BROKEN)))
def test_what_is_no_report_is_refused_in_words(running, host, sent):
    answer = host.post(f"/internal/runs/{running.pk}/events", sent)

    assert (host.status, set(answer)) == (422, {"reason"})
    assert not running.told.exists()


def test_too_much_at_once_is_refused(running, host):
    answer = host.post(f"/internal/runs/{running.pk}/events", b" " * (8 * 1024 * 1024 + 1))

    assert (host.status, "at most" in answer["reason"]) == (422, True)


def test_a_heartbeat_keeps_the_figures(running, host):
    assert host.beat(running) == {"stop": [], "resume": [], "erase": []}

    figures = again(running).figures
    assert (figures.memory, figures.home, figures.bytes_out, figures.words) == (300_000_000, 1000, 4096, "Lab answers")
    assert figures.host == "h1"
    assert len(figures.samples) == 1


def test_a_run_that_is_unknown_or_over_comes_back_to_be_stopped(place, host):
    over, unknown = make_run(place, status="stopped"), uuid.uuid4()
    answer = host.beat(over, unknown)

    assert [(one["run"], one["now"]) for one in answer["stop"]] == [(str(over.pk), True), (str(unknown), True)]
    assert all(one["reason"] for one in answer["stop"])


@pytest.mark.parametrize(
    "sent",
    [
        {}, {"host": "h"}, {"host": 1, "runs": []}, {"host": "h", "runs": [{}]}, {"host": "h", "runs": [{"run": "x"}]},
        {"host": "h", "runs": [told_of("0" * 32)] * 2},
    ],
)  # fmt: skip
def test_what_is_no_heartbeat_is_refused(db, host, sent):
    answer = host.post("/internal/heartbeat", sent)

    assert (host.status, set(answer)) == (422, {"reason"})


def test_odd_figures_count_as_none(running, host):
    host.beat(running, memory="much", cpu_seconds=-1, disk=None, bytes_out=2**70, progress={"percent": 900})

    figures = again(running).figures
    assert (figures.memory, figures.cpu_seconds, figures.home, figures.bytes_out, figures.percent) == (0, 0, 0, 0, 100)


def test_a_host_is_told_what_to_erase_until_it_has(world, place, host):
    day = again(world.project).created_at.date()
    with arranged():
        type(place).objects.filter(pk=place.pk).update(status="sealed", sealed_at=place.created_at, delete_on=day)
    assert host.beat()["erase"] == [{"workspace": str(place.pk), "name": place.name, "uid": place.uid}]

    host.post(f"/internal/workspaces/{place.pk}/erased", {})

    assert again(place).status == "deleted"
    assert host.beat()["erase"] == []
    assert not Run.objects.filter(workspace=place).exists()
