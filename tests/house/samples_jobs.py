"""Jobs of the sample alliance: one that runs, one that waits, one that has ended."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from apps.alliance.models import Member
from apps.catalog.models import DatasetVersion
from apps.jobs.models import Attempt, Budget, Host, Job, LogPiece
from tests import factories_jobs as factories
from tests.factories import arranged
from tests.house.samples_projects import Projects


@dataclass
class Jobs:
    """All the owner's, in the active project; `attempt` is the one of `running`, which holds a slot of `host`.

    `told` is the one of `over`: all that it printed is there. `budget` of its center is used up.
    """

    host: Host
    running: Job
    attempt: Attempt
    waiting: Job
    over: Job
    told: Attempt
    budget: Budget


def make_jobs(owner: Member, projects: Projects, data: DatasetVersion) -> Jobs:
    """On a host with two processors."""
    host = factories.host("sample-host")
    running = factories.job(owner, projects.active, data=[data], status="running", name="running")
    attempt = factories.attempt(running, host)
    with arranged():
        LogPiece.objects.create(attempt=attempt, offset=0, content=b"epoch 1\n")
    attempt.figures.log_bytes = 8
    attempt.figures.save()
    waiting = factories.job(owner, projects.active, data=[data], name="waiting")
    over = factories.job(owner, projects.active, data=[data], status="running", name="over")
    now = timezone.now()
    told = factories.attempt(
        over, host, slots=0, started_at=now, ended_at=now, outcome="succeeded", reason="It ended well."
    )
    with arranged():
        LogPiece.objects.create(attempt=told, offset=0, content=b"epoch 1\n")
        Job.objects.filter(pk=over.pk).update(status="succeeded", ended_at=now, reason="It ended well.")
        budget = Budget.objects.create(center=projects.active.center, resource="gpu", hours=0)
    over.refresh_from_db()
    return Jobs(host, running, attempt, waiting, over, told, budget)


BY_BEGINNING: dict[str, Callable[[Any], dict[str, Any]]] = {
    "jobs/<uuid:pk>/": lambda world: {"pk": world.jobs.running.pk},
    "jobs/use/<slug:slug>/": lambda world: {"slug": world.center.slug},
    "internal/projects/<uuid:pk>/": lambda world: {"pk": world.projects.active.pk},
    "internal/attempts/<uuid:pk>/": lambda world: {"pk": world.jobs.attempt.pk},
}
ARGUMENTS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "jobs:log_stream": lambda world: {"pk": world.jobs.told.pk},
    "jobs:crate": lambda world: {"pk": world.jobs.over.pk},
    "jobs:new": lambda world: {"pk": world.projects.active.pk},
}
