"""A job from the queue to its end: slots, fences, tries, and who may say what."""

from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from apps.core.errors import AlreadyDelivered, Invalid, NotAllowed, WrongState
from apps.core.models import Message, Notice
from apps.jobs import limits
from apps.jobs.actors import DISPATCHER, HOST, WATCH
from apps.jobs.asked import Code, Wish
from apps.jobs.models import Account, Attempt, Job, Pulse, Result, Slot, Usage
from apps.jobs.services import attempts, dispatching, submitting, watching
from apps.jobs.services.attempts import Ending
from apps.projects.models import AccessInterval
from apps.projects.services import decisions
from tests import factories_jobs as make
from tests.projects.world import proposed, published

GB = 10**9
KEPT = "stays what it was asked to be|permission denied"
CODE = Code("a" * 64, 100, 1)
WISH = Wish("train", ("python", "train.py"), cpus=1, memory=GB, seconds=60)
GOOD = Ending("finished", exit_code=0, cpu_seconds=2.5, memory_peak=7)


def again(row):
    return type(row).objects.get(pk=row.pk)


def free(host):
    return Slot.objects.filter(host=host, attempt=None, is_gone=False).count()


def started(job, host):
    attempts.dispatch(job, by=DISPATCHER, host=host)
    return Attempt.objects.get(job=job, ended_at=None)


def running(job, host):
    attempt = started(job, host)
    attempts.plan(attempt, by=HOST)
    attempts.begin(again(attempt), by=HOST, environment_hash="e" * 64, not_kept=[])
    return again(attempt)


# ── handing in ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_job_keeps_what_it_was_asked_to_be(world):
    made = submitting.submit(world.project, by=world.lead, code=CODE, wish=WISH, datasets=[world.dataset.pk])

    assert (made.status, made.fence, made.command) == ("queued", 0, ["python", "train.py"])
    assert [one.version_id for one in made.data.all()] == [world.version.pk]
    assert made.snapshot.sha256 == CODE.sha256
    assert Account.objects.get(project=world.project).center_id == world.home.pk
    assert Message.objects.filter(task="jobs.dispatch").exists()


def test_the_same_code_is_kept_once(world):
    first, second = (
        submitting.submit(world.project, by=by, code=CODE, wish=WISH, datasets=[world.dataset.pk])
        for by in (world.lead, world.lead)
    )
    assert first.snapshot_id == second.snapshot_id
    assert first.uid != second.uid


@pytest.mark.parametrize(("field", "value"), [
    ("cpus", 0), ("cpus", 65), ("memory", 1), ("seconds", 0), ("seconds", 10**9), ("grace", 0), ("priority", 3),
    ("gpus", 9), ("command", ()), ("command", ("python", "a\nb")), ("command", ("x" * 1001,)), ("seed", 2**63),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused_by_its_field(world, field, value):
    wish = Wish(**{**WISH.__dict__, field: value})
    with pytest.raises(Invalid) as refused:
        submitting.submit(world.project, by=world.lead, code=CODE, wish=wish, datasets=[world.dataset.pk])

    assert field in refused.value.fields
    assert not Job.objects.exists()


@pytest.mark.parametrize("asked", [{"cpus": 3}, {"memory": 5 * GB}, {"gpus": 1}])
def test_what_no_machine_could_ever_hold_is_refused_while_there_is_one(world, asked):
    ask = {"by": world.lead, "code": CODE, "datasets": [world.dataset.pk], "wish": replace(WISH, **asked)}
    assert submitting.submit(world.project, **ask).status == "queued"
    make.host(cpus=2, slot_memory=2 * GB)
    with pytest.raises(Invalid) as refused:
        submitting.submit(world.project, **ask)
    assert "No machine has that much" in refused.value.fields["cpus"]


def test_data_that_one_may_not_use_is_refused(world):
    other = again(world.dataset)
    with pytest.raises(Invalid, match="You may not use one of these"):
        submitting.submit(world.project, by=world.lead, code=CODE, wish=WISH, datasets=[world.project.pk, other.pk])
    with pytest.raises(Invalid, match="Choose 1 to"):
        submitting.submit(world.project, by=world.lead, code=CODE, wish=WISH, datasets=[])


def test_checkpoints_are_for_those_who_may_use_what_they_were_made_from(world, waiting):
    foreign = make.job(world.colleague, proposed(world.colleague, world.version), data=[world.version])
    more = make.job(world.lead, world.project, data=[world.version, published(world.owner, world.steward, slug="more")])
    ask = {"by": world.lead, "code": CODE, "wish": WISH, "datasets": [world.dataset.pk]}

    assert submitting.submit(world.project, resumes=waiting, **ask).resumes == waiting
    with pytest.raises(Invalid, match="same project"):
        submitting.submit(world.project, resumes=foreign, **ask)
    with pytest.raises(Invalid) as refused:
        submitting.submit(world.project, resumes=more, **ask)
    assert "choose all of its datasets" in refused.value.fields["datasets"]


@pytest.mark.parametrize("who", ["steward", "official", "manager"])
def test_nobody_outside_the_team_hands_one_in(world, who):
    with pytest.raises(NotAllowed, match="team"):
        submitting.submit(world.project, by=getattr(world, who), code=CODE, wish=WISH, datasets=[world.dataset.pk])


def test_where_access_is_gone_nothing_is_handed_in(world):
    decisions.revoke(world.request, by=world.steward, reason="Over.")
    with pytest.raises(NotAllowed, match="may not use any"):
        submitting.submit(world.project, by=world.lead, code=CODE, wish=WISH, datasets=[world.dataset.pk])


def test_a_project_has_a_bounded_queue(world, monkeypatch):
    monkeypatch.setattr(limits, "MOST_WAITING", 1)
    make.job(world.lead, world.project)
    with pytest.raises(WrongState, match="Hand in more as they end"):
        submitting.submit(world.project, by=world.lead, code=CODE, wish=WISH, datasets=[world.dataset.pk])


# ── from the queue to the end ───────────────────────────────────────────────────────────────────────────────────────
def test_a_job_takes_its_slots_runs_ends_and_is_counted(world, host, waiting):
    attempt = running(waiting, host)
    assert (again(waiting).status, free(host), attempt.fence) == ("running", 1, 1)

    with time_machine.travel(timezone.now() + timedelta(seconds=30), tick=False):
        attempts.end(attempt, by=HOST, ending=Ending("finished", exit_code=0, results=(("model.pt", "b" * 64, 5),)))

    job, attempt = again(waiting), again(attempt)
    assert (job.status, attempt.outcome, attempt.exit_code, free(host)) == ("succeeded", "succeeded", 0, 2)
    assert [(one.path, one.bytes) for one in Result.objects.all()] == [("model.pt", 5)]
    used = Usage.objects.get()
    assert (used.resource, used.is_charged, used.project_id) == ("cpu", True, world.project.pk)
    assert used.seconds == pytest.approx(30, abs=3)
    assert Account.objects.get(project=world.project).used == pytest.approx(used.seconds)
    assert Notice.objects.filter(to=world.lead, subject__contains="succeeded").exists()


def test_memory_takes_processors_with_it(world, waiting):
    host = make.host("h2", cpus=4, slot_memory=GB)
    make_large = make.job(world.lead, world.project, data=[world.version], memory=3 * GB)
    started(make_large, host)

    assert free(host) == 1
    with pytest.raises(WrongState, match="slots were taken"):
        attempts.dispatch(make.job(world.lead, world.project, memory=2 * GB), by=DISPATCHER, host=host)
    assert free(host) == 1


@pytest.mark.parametrize(("ending", "status", "words"), [
    (Ending("finished", exit_code=3), "failed", "exit code 3"),
    (Ending("memory", exit_code=137), "failed", "more memory"),
    (Ending("time"), "failed", "time was up"), (Ending("disk"), "failed", "fits into its folder"),
    (Ending("signal", exit_code=139), "failed", "Segmentation fault"),
    (Ending("refused", "No room."), "failed", "No room."),
])  # fmt: skip
def test_what_a_program_does_wrong_is_not_tried_again(world, host, waiting, ending, status, words):
    attempts.end(running(waiting, host), by=HOST, ending=ending)

    job = again(waiting)
    assert job.status == status
    assert words in job.reason
    assert free(host) == 2


def test_who_asks_for_another_turn_gets_it_and_keeps_its_place(world, host, waiting):
    before = waiting.queued_at
    attempts.end(running(waiting, host), by=HOST, ending=Ending("time", exit_code=limits.AGAIN))

    job = again(waiting)
    assert (job.status, job.failures, job.queued_at) == ("queued", 0, before)
    assert running(job, host).fence == 2


def test_a_lost_machine_is_tried_again_three_times_and_never_charged(world, host, waiting):
    for round_number in range(limits.MOST_FAILURES + 1):
        job = again(waiting)
        assert job.status == "queued", round_number
        attempts.lose(running(job, host), by=WATCH, reason="Silent.")
    job = again(waiting)
    assert (job.status, job.failures) == ("failed", 4)
    assert "lost 4 times" in job.reason
    assert {one.is_charged for one in Usage.objects.all()} == {False}
    assert free(host) == 2


def test_a_loss_after_a_good_while_is_the_first_one_again(world, host, waiting):
    for _ in range(2):
        attempts.lose(running(again(waiting), host), by=WATCH, reason="Silent.")
    attempt = running(again(waiting), host)
    with time_machine.travel(timezone.now() + limits.GOOD_WHILE + timedelta(seconds=1)):
        attempts.lose(attempt, by=WATCH, reason="Silent.")

    assert (again(waiting).status, again(waiting).failures) == ("queued", 1)


def test_a_host_that_is_silent_is_given_nothing_and_costs_no_tries(world, host, waiting):
    Pulse.objects.update(seen_at=timezone.now() - limits.HEARD - timedelta(seconds=1))
    assert dispatching.dispatch_all() == 0
    Pulse.objects.update(seen_at=timezone.now())
    assert dispatching.dispatch_all() == 1


def test_as_slots_become_free_the_next_is_dispatched_at_once(world, host, waiting):
    attempt = running(waiting, host)
    before = Message.objects.filter(task="jobs.dispatch").count()
    attempts.end(attempt, by=HOST, ending=GOOD)
    assert Message.objects.filter(task="jobs.dispatch").count() == before + 1


def test_who_was_quicker_leaves_one_refusal_and_not_hundreds(world, host, waiting, monkeypatch):
    """Somebody else holds its slots for a moment: this round ends, the next one comes."""
    asked = []

    def taken(job, **_):
        asked.append(job)
        raise WrongState("Its slots were taken a moment ago.")

    monkeypatch.setattr(attempts, "dispatch", taken)
    assert dispatching.dispatch_all() == 0
    assert asked == [waiting]


def test_after_a_loss_it_rests_longer_each_time(world, host, waiting):
    rests = []
    for _ in range(3):
        attempts.lose(running(again(waiting), host), by=WATCH, reason="Silent.")
        rests.append((again(waiting).not_before - timezone.now()).total_seconds())
    assert rests == pytest.approx([10, 20, 40], abs=2)


# ── fences ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("say", [
    lambda one: attempts.plan(one, by=HOST),
    lambda one: attempts.begin(one, by=HOST, environment_hash="", not_kept=[]),
    lambda one: attempts.end(one, by=HOST, ending=GOOD),
    lambda one: attempts.lose(one, by=WATCH, reason="Silent."),
])  # fmt: skip
def test_the_word_of_an_attempt_that_was_given_up_counts_no_more(world, host, waiting, say):
    old = running(waiting, host)
    attempts.lose(old, by=WATCH, reason="Silent.")
    new = running(again(waiting), host)

    with pytest.raises(AlreadyDelivered):
        say(again(old))
    assert (again(waiting).status, again(new).ended_at) == ("running", None)
    assert free(host) == 1


def test_a_job_has_one_live_attempt(world, host, waiting):
    started(waiting, host)
    with pytest.raises(IntegrityError), transaction.atomic():
        Attempt.objects.create(job=waiting, fence=9, host=host)


@pytest.mark.parametrize("statement", [
    "update jobs_job set command = '[]' where id = %s", "update jobs_job set fence = 0 where id = %s",
    "update jobs_job set seconds = 1 where id = %s", "delete from jobs_job where id = %s",
])  # fmt: skip
def test_postgresql_keeps_what_was_asked_for(world, host, waiting, statement):
    started(waiting, host)
    with pytest.raises(DatabaseError, match=KEPT), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [waiting.pk])


def test_postgresql_keeps_an_end(world, host, waiting):
    attempt = running(waiting, host)
    attempts.end(attempt, by=HOST, ending=GOOD)
    for statement, row in (
        ("update jobs_job set status = 'queued', ended_at = null where id = %s", waiting),
        ("update jobs_attempt set exit_code = 1 where id = %s", attempt),
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [row.pk])


# ── taking back, cancelling ─────────────────────────────────────────────────────────────────────────────────────────
def test_what_waits_is_taken_back_at_once(world, waiting):
    submitting.withdraw(waiting, by=world.lead, reason="Wrong seed.")

    assert (again(waiting).status, again(waiting).reason) == ("cancelled", "Wrong seed.")


def test_what_runs_is_cancelled_once_its_host_says_that_nothing_is_left(world, host, waiting):
    attempt = running(waiting, host)
    submitting.cancel(again(waiting), by=world.steward, reason="Not so.")
    assert (again(waiting).status, again(attempt).stops_at_once) == ("cancelling", False)
    assert Notice.objects.filter(to=world.lead, text__contains="Not so.").exists()

    told = Notice.objects.count()
    attempts.end(again(attempt), by=HOST, ending=Ending("stopped", "Not so."))
    assert Notice.objects.count() == told, "whose it is knows already"
    assert (again(waiting).status, again(attempt).outcome) == ("cancelled", "cancelled")


@pytest.mark.parametrize("who", ["manager", "official", "colleague"])
def test_nobody_else_cancels_it(world, waiting, who):
    with pytest.raises(NotAllowed, match="handed it in"):
        submitting.withdraw(waiting, by=getattr(world, who), reason="I want to.")


# ── access that ends ────────────────────────────────────────────────────────────────────────────────────────────────
def test_what_ends_well_just_after_its_basis_ended_leaves_nothing(world, host, waiting):
    """No heartbeat has come by since: its end is the first to ask."""
    attempt = running(waiting, host)
    decisions.revoke(world.request, by=world.steward, reason="Over.")
    attempts.end(attempt, by=HOST, ending=replace(GOOD, results=(("a", "a" * 64, 1),)))

    assert (again(waiting).status, again(attempt).outcome) == ("failed", "failed")
    assert "not so" in again(waiting).reason
    assert not Result.objects.exists()
    assert Usage.objects.get().is_charged


def test_what_waits_without_a_basis_is_refused_and_what_runs_ends_at_once(world, host, waiting):
    other = make.job(world.lead, world.project, data=[world.version])
    attempt = running(waiting, host)
    decisions.revoke(world.request, by=world.steward, reason="Over.")
    watching.stop_baseless_of(world.project)

    assert again(other).status == "failed"
    assert "not so" in again(other).reason
    assert (again(waiting).status, again(attempt).stops_at_once) == ("cancelling", True)


def test_a_round_stops_what_runs_and_the_dispatcher_refuses_what_waits(world, host, waiting):
    other = make.job(world.lead, world.project, data=[world.version])
    attempt = running(waiting, host)
    decisions.revoke(world.request, by=world.steward, reason="Over.")
    watching.reconcile()

    assert (again(waiting).status, again(attempt).stops_at_once) == ("cancelling", True)
    assert (again(other).status, Attempt.objects.count()) == ("failed", 1)


def test_the_end_of_an_access_is_heard(world, waiting):
    interval = AccessInterval(project=world.project)
    watching.when_access_ends([interval, interval])

    assert [one.args for one in Message.objects.filter(task="jobs.stop_baseless")] == [[str(world.project.pk)]]


def test_just_before_its_start_it_is_asked_once_more(world, host, waiting):
    attempt = started(waiting, host)
    decisions.revoke(world.request, by=world.steward, reason="Over.")

    assert "not so" in attempts.plan(attempt, by=HOST)
    assert (again(waiting).status, again(attempt).outcome, free(host)) == ("failed", "refused", 2)


# ── the watch ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_silent_host_loses_its_attempts_after_their_lease(world, host, waiting):
    attempt = running(waiting, host)
    attempt.figures.seen_at = timezone.now()
    attempt.figures.save()
    with time_machine.travel(timezone.now() + limits.LEASE - timedelta(seconds=2)):
        watching.give_up_lost()
        assert again(attempt).ended_at is None
    with time_machine.travel(timezone.now() + limits.LEASE + timedelta(seconds=2)):
        watching.give_up_lost()
    assert (again(attempt).outcome, again(waiting).status) == ("lost", "queued")


def test_an_attempt_that_no_host_took_is_given_up(world, host, waiting):
    attempt = started(waiting, host)
    with time_machine.travel(timezone.now() + limits.HANDED + timedelta(seconds=2)):
        watching.give_up_lost()
    assert again(attempt).outcome == "lost"


def test_a_round_can_be_repeated(world, host, waiting):
    for _ in range(3):
        dispatching.dispatch_all()
        watching.reconcile()
    assert Attempt.objects.filter(job=waiting).count() == 1
