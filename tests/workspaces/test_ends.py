"""However the basis of a run ends: the next heartbeat says stop, the sweep too, and a new start is refused."""

from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine
from django.conf import settings
from django.utils import timezone

from apps.audit.models import Event
from apps.core.commands import may
from apps.core.errors import NotAllowed, WrongState
from apps.core.models import Message, Notice
from apps.core.outbox import deliver
from apps.projects.actors import ACCESS_CLOCK
from apps.projects.models import Project
from apps.projects.services import ending
from apps.workspaces.limits import KEPT_DAYS, LONGEST_START, START_SECONDS, UNSEEN_SECONDS
from apps.workspaces.models import Run, RunFigures
from apps.workspaces.services import runs
from apps.workspaces.services.heartbeat import ASKED_EVERY
from apps.workspaces.tasks import keep_runs
from tests.factories_workspaces import run as make_run
from tests.factories_workspaces import workspace
from tests.projects.world import again, in_days, published
from tests.workspaces.ends import WAYS, project_closed, revoked
from tests.workspaces.host import Host

pytestmark = pytest.mark.django_db


@pytest.fixture
def host():
    return Host()


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_next_heartbeat_says_stop(world, running, host, way):
    assert host.beat(running)["stop"] == []
    way(world)

    with time_machine.travel(timezone.now() + timedelta(seconds=6)):
        (stop,) = host.beat(running)["stop"]

    assert (stop["run"], stop["now"]) == (str(running.pk), True)
    assert world.dataset.title in stop["reason"]
    assert (again(running).status, again(running).stop_asked_by) == ("stopping", None)


@pytest.mark.parametrize("days", [201, 251, 301, 401], ids=["vouch", "ethics", "approval", "agreement"])
def test_an_end_by_its_date_needs_nobody(world, running, host, days):
    midnight = datetime.combine(in_days(days), time.min, tzinfo=UTC)
    if days == 201:
        with time_machine.travel(midnight - timedelta(seconds=10), tick=False):
            assert host.beat(running)["stop"] == []

    with time_machine.travel(midnight, tick=False):
        assert [one["now"] for one in host.beat(running)["stop"]] == [True]


@pytest.mark.parametrize(("days", "line"), [
    (201, "Home vouches for you"), (251, "Ethics approval is valid"), (301, "Owner approves it"),
    (401, "An agreement between Owner and Home covers it"),
])  # fmt: skip
def test_a_new_start_after_a_last_day_is_refused_with_the_reason(world, days, line):
    moment = datetime.combine(in_days(days), time.min, tzinfo=UTC)

    with time_machine.travel(moment, tick=False), pytest.raises(NotAllowed) as refusal:
        runs.start(again(world.project), by=again(world.lead))

    assert line in str(refusal.value)
    assert not Run.objects.exists()


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_sweep_says_stop_where_no_host_speaks(world, running, way):
    way(world)
    keep_runs()

    assert (again(running).status, again(running).stops_at_once) == ("stopping", True)


REASONS = {
    "revoked": "Data of Owner: not so: Owner approves it (revoked).",
    "agreement_terminated": "An agreement between Owner and Home covers it (none is in force)",
    "member_suspended": "Your membership is suspended. Your center's managers can help.",
    "center_suspended": "Home is suspended in the alliance, so its people can't act now.",
    "project_suspended": "The project is suspended; workspaces run while it is active.",
    "project_closed": "The project is closed; workspaces run while it is active.",
    "version_withdrawn": "Version 1 is published (it was withdrawn)",
    "vouch_ended": "Home vouches for you",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_new_start_is_refused_with_the_reason(world, way):
    WAYS[way](world)
    lead = type(world.lead).objects.select_related("center").get(pk=world.lead.pk)

    with pytest.raises(NotAllowed) as refusal:
        runs.start(again(world.project), by=lead)

    assert REASONS[way] in str(refusal.value)
    assert not Run.objects.exists()


def test_a_gentle_stop_becomes_a_stop_at_once_where_the_basis_ends_meanwhile(world, running, host):
    runs.stop(running, by=world.lead, reason="Enough.")
    assert [one["now"] for one in host.beat(running)["stop"]] == [False]
    revoked(world)

    with time_machine.travel(timezone.now() + timedelta(seconds=6)):
        assert [one["now"] for one in host.beat(running)["stop"]] == [True]


def test_the_end_of_an_access_is_heard_at_once(world, running):
    ending.begin(world.project, by=ACCESS_CLOCK)
    revoked(world)
    ending.end(again(world.project), by=ACCESS_CLOCK)

    assert deliver(Message.objects.get(task="workspaces.stop_baseless").pk)
    assert again(running).status == "stopping"


def test_a_stop_says_which_line_is_missing(world, running):
    revoked(world)
    keep_runs()

    reason = again(running).reason
    assert "Owner approves it (revoked)" in reason
    assert Notice.objects.filter(to=world.lead, key=f"workspace-stopped:{running.pk}", text__contains=reason).exists()


def test_a_run_without_that_data_goes_on(world, place):
    other = published(world.owner, world.steward, slug="other")
    run = make_run(place)
    revoked(world)
    keep_runs()

    assert again(run).status == "running"
    assert other.pk != world.version.pk


def test_data_is_asked_for_at_most_once_a_second(world, running, host, after, django_assert_max_num_queries):
    host.beat(running)
    asked = again(running).figures.asked_at
    with django_assert_max_num_queries(12):
        host.beat(running)

    assert again(running).figures.asked_at == asked
    after(ASKED_EVERY.total_seconds())
    host.beat(running)
    assert again(running).figures.asked_at == asked
    after(0.1)
    host.beat(running)
    assert again(running).figures.asked_at > asked


def test_many_runs_are_asked_for_by_as_many_queries_as_one(world, running, host, django_assert_max_num_queries):
    others = [make_run(workspace(one, world.project), data=[world.version]) for one in (world.colleague, world.steward)]
    RunFigures.objects.update(asked_at=timezone.now())
    with django_assert_max_num_queries(12):
        host.beat(running, *others)


# ── lost machines, and starts that never come ───────────────────────────────────────────────────────────────────────
@pytest.fixture
def after():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        yield lambda seconds: clock.shift(timedelta(seconds=seconds))


def test_it_looks_every_ten_seconds():
    schedules = [one["schedule"] for one in settings.CELERY_BEAT_SCHEDULE.values() if one["task"] == keep_runs.name]

    assert schedules
    assert max(schedules) <= 10


@pytest.mark.parametrize("status", ["starting", "running", "stopping"])
def test_a_run_that_no_host_tells_of_is_lost(world, place, after, status):
    run = make_run(place, status=status, data=[world.version])
    after(UNSEEN_SECONDS - 1)
    keep_runs()
    assert again(run).status == status

    after(2)
    keep_runs()
    assert (again(run).status, "machine" in again(run).reason) == ("failed", True)


def test_a_start_that_no_host_takes_up_has_failed_after_five_minutes(world, after):
    run = runs.start(world.project, by=world.lead)
    after(START_SECONDS - 1)
    keep_runs()
    assert again(run).status == "starting"

    after(2)
    keep_runs()
    assert (again(run).status, "five minutes" in again(run).reason) == ("failed", True)
    assert runs.start(world.project, by=world.lead)


def test_a_start_that_its_host_is_at_work_on_may_take_an_hour_and_no_more(world, place, after):
    run = make_run(place, status="starting", data=[world.version])
    for _ in range(LONGEST_START // UNSEEN_SECONDS):
        after(UNSEEN_SECONDS - 1)
        Host().beat(run, progress={"percent": 30, "words": "Fetching the data"})
    keep_runs()
    assert again(run).status == "starting"

    after(UNSEEN_SECONDS)
    Host().beat(run)
    keep_runs()
    assert (again(run).status, "within an hour" in again(run).reason) == ("failed", True)


def test_a_start_that_was_stopped_before_any_host_had_it_is_stopped(world, after):
    run = runs.start(world.project, by=world.lead)
    runs.stop(again(run), by=world.lead, reason="Never mind.")
    after(UNSEEN_SECONDS + 1)
    keep_runs()

    assert (again(run).status, again(run).reason) == ("stopped", "Never mind.")


# ── the end of a project ────────────────────────────────────────────────────────────────────────────────────────────
def test_a_closed_project_seals_its_workspaces_once_nothing_runs(world, running, place, host):
    project_closed(world)
    keep_runs()
    assert (again(running).status, again(place).status) == ("stopping", "open")

    host.tell(running, {"kind": "ended", "why": "stopped", "words": "It stopped.", "usage": {}})
    keep_runs()

    sealed = again(place)
    assert sealed.status == "sealed"
    assert (sealed.delete_on - sealed.sealed_at.date()).days == KEPT_DAYS
    assert host.beat()["erase"] == []
    with time_machine.travel(timezone.now() + timedelta(days=KEPT_DAYS + 1)):
        assert [one["uid"] for one in host.beat()["erase"]] == [place.uid]


def test_files_are_not_erased_before_their_time(world, place, host):
    project_closed(world)
    keep_runs()
    host.post(f"/internal/workspaces/{place.pk}/erased", {})

    assert (host.status, again(place).status) == (409, "sealed")


def test_a_suspended_project_seals_nothing(world, place):
    WAYS["project_suspended"](world)
    keep_runs()

    assert again(place).status == "open"
    assert Project.objects.get(pk=world.project.pk).status == "suspended"


def test_an_open_workspace_is_never_sealed_while_its_project_lives(world, place):
    from apps.workspaces.actors import WATCH
    from apps.workspaces.services import keeping

    with pytest.raises(WrongState, match="not closed"):
        keeping.seal(place, by=WATCH)
    assert may("workspaces.workspace.sealed", world.lead, place).reason
    assert not Event.objects.filter(event="workspaces.workspace.sealed", outcome="success").exists()
