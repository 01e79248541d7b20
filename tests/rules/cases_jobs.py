"""The cases of jobs: who hands in, takes back and cancels, and what only hosts, dispatcher and watch write down."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.alliance.models import Alliance, Center
from apps.jobs.asked import Code, Wish
from apps.jobs.models import Attempt, Budget, Host, Job, Slot
from apps.jobs.services.attempts import Ending, Offer
from apps.projects.models import Project
from tests.house.samples import World
from tests.rules.cases_access import allow

WISH = Wish("train", ("python", "train.py"), cpus=1, memory=10**9, seconds=60)


def running(world: World) -> Job:
    return Job.objects.get(pk=world.jobs.running.pk)


def waiting(world: World) -> Job:
    return Job.objects.get(pk=world.jobs.waiting.pk)


def attempt(world: World) -> Attempt:
    return Attempt.objects.get(pk=world.jobs.attempt.pk)


def cancelling_fields(world: World) -> dict[str, Any]:
    """What a job has that is to end."""
    return {"cancel_asked_at": timezone.now(), "reason": "Enough for today."}


def ended_fields(world: World) -> dict[str, Any]:
    """What a job has that has ended."""
    return {"ended_at": timezone.now(), "reason": "Enough for today."}


def may_start(world: World) -> None:
    """There is a slot for it, and no attempt at it is under way."""
    Slot.objects.filter(attempt=world.jobs.attempt).update(attempt=None)
    Attempt.objects.filter(pk=world.jobs.attempt.pk).update(ended_at=timezone.now(), outcome="lost")


def _starting(world: World) -> None:
    allow(world)
    Job.objects.filter(pk=world.jobs.running.pk).update(status="starting")


def _host(world: World) -> dict[str, Any]:
    return {"host": Host.objects.get(pk=world.jobs.host.pk)}


def _reason(world: World) -> dict[str, Any]:
    return {"reason": "For the test."}


def _active(world: World) -> Project:
    return Project.objects.get(pk=world.projects.active.pk)


def _closed(world: World) -> Project:
    """Long ago."""
    ago = timezone.now() - timedelta(days=100)
    Project.objects.filter(pk=world.projects.active.pk).update(status="closed", status_at=ago)
    return Project.objects.get(pk=world.projects.active.pk)


def _alliance(world: World) -> Alliance:
    return world.alliance


def _center(world: World) -> Center:
    return world.center


def _budget(world: World) -> Budget:
    return world.jobs.budget


def _handed_in(world: World) -> dict[str, Any]:
    data = [world.catalog.published.dataset_id]
    return {"code": Code("c" * 64, 10, 1), "wish": WISH, "datasets": data}


def job_cases(Case: Any) -> dict[str, Any]:
    """By event; `Case` comes from cases.py, which merges these."""
    host, dispatcher, watch = "job host", "job dispatcher", "job watch"
    return {
        "jobs.job.submitted": Case(_active, "owner", "researcher", _handed_in, allow),
        "jobs.job.withdrawn": Case(waiting, "owner", "researcher", _reason),
        "jobs.job.cancelled": Case(running, "owner", "researcher", _reason),
        "jobs.job.dispatched": Case(waiting, dispatcher, "owner", _host),
        "jobs.job.refused": Case(waiting, dispatcher, "owner", _reason),
        "jobs.host.announced": Case(_alliance, host, "owner", lambda _: {"name": "new", "offer": Offer(2, 10**9)}),
        "jobs.project.erased": Case(_closed, host, "owner", _host),
        "jobs.attempt.planned": Case(attempt, host, "owner", ready=_starting),
        "jobs.attempt.begun": Case(attempt, host, "owner", lambda _: {"environment_hash": "e" * 64, "not_kept": []}),
        "jobs.attempt.ended": Case(attempt, host, "owner", lambda _: {"ending": Ending("finished", exit_code=0)}),
        "jobs.attempt.lost": Case(attempt, watch, "owner", _reason),
        "jobs.budget.changed": Case(
            _center, "center_manager", "owner", lambda _: {"resource": "cpu", "hours": 5, "reason": "For it."}
        ),
        "jobs.budget.warned": Case(_budget, "bookkeeper", "owner"),
        "jobs.books.checked": Case(_alliance, "bookkeeper", "owner", lambda _: {"attempts": 1, "differences": []}),
        "jobs.share.changed": Case(
            _center, "alliance_manager", "owner", lambda _: {"weight": 2.0, "reason": "For it."}
        ),
    }
