"""What computing costs: months, budgets that hold back what is new and nothing else, the word on them, the check."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from apps.alliance.models import Member
from apps.audit.models import Event
from apps.core.errors import AlreadyDelivered, Invalid, NotAllowed, WrongState
from apps.core.models import Notice
from apps.jobs import checking, tasks
from apps.jobs.actors import BOOKKEEPER, DISPATCHER, HOST, WATCH
from apps.jobs.admission import baseless
from apps.jobs.asked import Code, Wish
from apps.jobs.books import Balance, Month, balances, charged, spent, why_held_back, within
from apps.jobs.models import Attempt, Budget, Job, Slot, Usage
from apps.jobs.services import attempts, bookkeeping, dispatching, submitting
from apps.jobs.services.attempts import Ending
from apps.projects.actors import METER
from apps.projects.models import GpuUse
from apps.projects.services import closing
from tests import factories_jobs as make
from tests.factories import CenterFactory, arranged
from tests.jobs.booked import budgeted, manager_of, settled, used
from tests.projects.world import make_world

WISH = Wish("train", ("python", "train.py"), cpus=1, memory=10**9, seconds=60)
CODE = Code("a" * 64, 100, 1)
MIDDLE = datetime(2027, 3, 15, 12, tzinfo=UTC)


# ── months ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_months_follow_one_another_over_the_year():
    assert (str(Month(2026, 12).before(-1)), str(Month(2027, 1).before(1)), str(Month(2027, 3).before(14))) == (
        "2027-01", "2026-12", "2026-01",
    )  # fmt: skip
    assert Month.of(datetime(2026, 12, 31, 23, tzinfo=UTC).astimezone()).words == "December 2026"


@pytest.mark.parametrize("text", ["", "2026", "2026-13", "2026-00", "2026-1", "26-01", "٢٠٢٦-01", "2026-01-01", "x"])
def test_what_is_no_month_is_none(text):
    assert Month.read(text) is None


def test_what_ran_over_the_end_of_a_month_counts_in_both(over):
    used(over, 10, ended=datetime(2027, 3, 1, 4, tzinfo=UTC))

    hours = {
        str(month): sum(one.counted for one in within(Usage.objects.all(), month)) / 3600
        for month in (Month(2027, 1), Month(2027, 2), Month(2027, 3), Month(2027, 4))
    }

    assert hours == pytest.approx({"2027-01": 0, "2027-02": 6, "2027-03": 4, "2027-04": 0})


def test_what_took_no_time_counts_nothing_and_breaks_nothing(over):
    used(over, 0, ended=MIDDLE)

    assert [one.counted for one in within(Usage.objects.all(), Month(2027, 3))] == [0]


def test_what_runs_counts_up_to_now_and_what_machines_failed_at_does_not(world, host, over):
    used(over, 5, ended=MIDDLE)
    used(over, 7, ended=MIDDLE, is_charged=False)
    used(over, 3, ended=MIDDLE, resource="gpu")
    job = make.job(world.lead, world.project, data=[world.version], status="running")
    make.attempt(job, host, slots=2, started_at=MIDDLE - timedelta(hours=2))

    found = charged(MIDDLE, [world.home.pk])

    assert found == pytest.approx({(world.home.pk, "cpu"): 5 + 2 * 2, (world.home.pk, "gpu"): 3})
    assert charged(MIDDLE, [world.owner.pk]) == {}


# ── budgets ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("hours", "used_up", "percent", "level"), [
    (None, 900, 0, 0), (0, 0, 100, 100), (100, 79.9, 79, 0), (100, 80, 80, 80), (100, 99.9, 99, 80),
    (100, 100, 100, 100), (100, 250, 250, 100),
])  # fmt: skip
def test_a_budget_is_close_at_80_and_spent_at_100(hours, used_up, percent, level):
    balance = Balance(Member().pk, "cpu", used_up, hours)

    assert (balance.percent, balance.level, balance.is_spent) == (percent, level, level == 100)


def test_once_a_budget_is_used_up_nothing_new_is_taken_or_begun_and_what_ran_goes_on(world, host):
    first = make.job(world.lead, world.project, data=[world.version])
    attempts.dispatch(first, by=DISPATCHER, host=host)
    waiting = make.job(world.lead, world.project, data=[world.version])
    budgeted(world.home, 0)

    assert spent(timezone.now()).cpu == {world.home.pk}
    assert dispatching.dispatch_all() == 0, "a slot is free, and nothing begins"
    with pytest.raises(WrongState, match="used up its 0 hours of processors"):
        submitting.submit(world.project, by=world.lead, code=CODE, wish=WISH, datasets=[world.dataset.pk])
    assert Job.objects.get(pk=first.pk).status == "starting", "nothing that began ends for money"

    attempts.lose(Attempt.objects.get(job=first), by=WATCH, reason="Silent.")
    Job.objects.filter(pk=first.pk).update(not_before=timezone.now())
    assert dispatching.dispatch_all() == 1, "what ran before goes on"
    assert Job.objects.get(pk=first.pk).fence == 2

    budgeted(world.home, None)
    assert dispatching.dispatch_all() == 1
    assert Job.objects.get(pk=waiting.pk).status == "starting"


def test_a_budget_of_gpus_holds_back_what_asks_for_gpus_alone(world):
    host = make.host("h2", cpus=2, gpus=1)
    budgeted(world.home, 0, "gpu")
    with_gpu = make.job(world.lead, world.project, data=[world.version], gpus=1)
    without = make.job(world.lead, world.project, data=[world.version])

    assert dispatching.dispatch_all() == 1
    assert {one.status for one in (Job.objects.get(pk=with_gpu.pk),)} == {"queued"}
    assert Attempt.objects.get().job_id == without.pk
    assert Slot.objects.filter(host=host, kind="gpu", attempt=None).exists()
    assert why_held_back(balances(timezone.now(), [world.home.pk]), 0, "Home") == ""
    assert "Home has used up its 0 hours of graphics processors" in why_held_back(
        balances(timezone.now(), [world.home.pk]), 1, "Home"
    )


def test_anothers_budget_holds_back_nobody_else(world, host, waiting):
    with arranged():
        Budget.objects.create(center=CenterFactory(), resource="cpu", hours=0)

    assert dispatching.dispatch_all() == 1


def test_a_budget_begins_anew_each_month(world, over):
    budget = budgeted(world.home, 10)
    with time_machine.travel(MIDDLE, tick=False):
        used(over, 12, ended=MIDDLE - timedelta(days=1))
        assert spent(timezone.now()).cpu == {world.home.pk}
    assert spent(Month(2027, 4).start).cpu == frozenset()
    assert budget.hours == 10


def test_who_changes_a_budget_and_what_the_record_keeps(world):
    with pytest.raises(NotAllowed, match="Only a center manager of"):
        bookkeeping.set_budget(world.home, by=world.lead, resource="cpu", hours=5, reason="More.")
    with pytest.raises(NotAllowed, match="Only a center manager of"):
        bookkeeping.set_budget(world.home, by=manager_of(world.owner), resource="cpu", hours=5, reason="More.")
    for wrong in (
        {"resource": "tpu", "hours": 1},
        {"resource": "cpu", "hours": -1},
        {"resource": "cpu", "hours": 10**9},
    ):
        with pytest.raises(Invalid):
            bookkeeping.set_budget(world.home, by=manager_of(world.home), reason="More.", **wrong)
    with pytest.raises(Invalid):
        bookkeeping.set_budget(world.home, by=manager_of(world.home), resource="cpu", hours=1, reason=" ")

    budgeted(world.home, 5)
    budgeted(world.home, 7)

    told = [one.details for one in Event.objects.filter(event="jobs.budget.changed", outcome="success").order_by("id")]
    assert [(one["before"], one["after"]) for one in told] == [("no bound", "5"), ("5", "7")]


# ── the word to managers ────────────────────────────────────────────────────────────────────────────────────────────
def test_managers_are_told_at_80_and_at_100_each_once_a_month(world, over):
    budgeted(world.home, 10)

    def told():
        tasks.warn_of_budgets()
        tasks.warn_of_budgets()
        return Notice.objects.filter(to=manager_of(world.home), key__startswith="budget:").count()

    with time_machine.travel(MIDDLE, tick=False) as clock:
        assert told() == 0
        used(over, 8.5, ended=timezone.now())
        assert told() == 1
        used(over, 3, ended=timezone.now())
        assert told() == 2
        clock.move_to(MIDDLE + timedelta(days=31))
        assert told() == 2
        used(over, 20, ended=timezone.now())
        assert told() == 3
    assert "jobs wait" in Notice.objects.get(subject__contains="85 % used").text
    with pytest.raises(AlreadyDelivered), time_machine.travel(MIDDLE + timedelta(days=31), tick=False):
        bookkeeping.warn(Budget.objects.get(), by=BOOKKEEPER)


def test_a_changed_budget_is_told_of_anew(world, over):
    with time_machine.travel(MIDDLE, tick=False):
        used(over, 9, ended=timezone.now())
        for hours in (10, 11):
            budgeted(world.home, hours)
            tasks.warn_of_budgets()
        assert Notice.objects.filter(to=manager_of(world.home), key__startswith="budget:").count() == 2


# ── hours of graphics processors that a project was granted ─────────────────────────────────────────────────────────
def test_a_lead_is_told_of_granted_hours_at_80_and_100_and_nothing_is_counted_twice(db):
    world = make_world(gpu_hours=100)
    closing.use_gpu(world.project, by=METER, hours=Decimal(79), of="Attempt 1")
    assert not Notice.objects.filter(key__startswith="gpu-hours").exists()
    closing.use_gpu(world.project, by=METER, hours=Decimal(2), of="Attempt 2")
    with pytest.raises(AlreadyDelivered):
        closing.use_gpu(world.project, by=METER, hours=Decimal(2), of="Attempt 2")
    closing.use_gpu(world.project, by=METER, hours=Decimal(40), of="Attempt 3")

    told = Notice.objects.filter(to=world.lead, key__startswith="gpu-hours").order_by("pk")
    assert ["80 %" in told[0].subject, "100 %" in told[1].subject, len(told)] == [True, True, 2]


def test_what_runs_goes_on_when_its_projects_hours_are_used_up_and_nothing_new_begins(db, host):
    world = make_world(gpu_hours=10)
    running = make.job(world.lead, world.project, data=[world.version], status="running")
    make.attempt(running, host)
    waiting = make.job(world.lead, world.project, data=[world.version])
    closing.use_gpu(world.project, by=METER, hours=Decimal(10), of="Attempt 1")

    assert baseless(["running", "queued"]).keys() == {waiting.pk}


# ── the nightly check ───────────────────────────────────────────────────────────────────────────────────────────────
def ended(world, host, *, gpus=0, seconds=100):
    job = make.job(world.lead, world.project, data=[world.version], gpus=gpus)
    attempts.dispatch(job, by=DISPATCHER, host=host)
    attempt = Attempt.objects.get(job=job)
    with time_machine.travel(timezone.now() + timedelta(seconds=seconds), tick=False):
        attempts.end(attempt, by=HOST, ending=Ending("finished", exit_code=0, cpu_seconds=seconds / 2))
        tasks.count_gpu(str(attempt.pk))
        tasks.count_gpu(str(attempt.pk))
    return Attempt.objects.get(pk=attempt.pk)


def test_books_that_are_kept_agree(world):
    host = make.host("h2", cpus=2, gpus=1)
    ended(world, host, gpus=1)
    ended(world, host)

    assert checking.check() == (2, [])
    assert GpuUse.objects.count() == 1, "asked twice, counted once"


def test_each_way_in_which_the_books_could_be_wrong_is_found(world):
    host = make.host("h2", cpus=2, gpus=1)
    used(settled(world, host, seconds=100), 1, ended=timezone.now())  # nothing is wrong with it
    short = settled(world, host, seconds=100)
    busy = settled(world, host, seconds=100, cpu_seconds=5000)
    greedy = settled(world, host, slots=1)
    used(short, 0.01, ended=timezone.now())
    used(busy, 1, ended=timezone.now())
    with arranged():
        GpuUse.objects.create(project=world.project, hours=Decimal(9), of="Nobody knows")

    looked_at, found = checking.check()

    assert looked_at == 4
    wrong = {f"jobs.attempt:{one.pk}" for one in (short, busy, greedy)} | {f"projects.project:{world.project.pk}"}
    assert {one.about for one in found} == wrong
    tasks.check_books()
    managers = Notice.objects.filter(key__startswith="books:")
    assert managers.count() == len({one.to_id for one in managers})
    event = Event.objects.filter(event="jobs.books.checked").latest("id")
    assert (event.details["attempts"], event.details["differences"]) == (4, 4)
