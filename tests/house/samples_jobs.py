"""Jobs of the sample alliance: one that runs, one that waits, one that has ended."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apps.alliance.models import Member
from apps.catalog.models import DatasetVersion
from apps.jobs.models import Attempt, Host, Job, LogPiece
from tests import factories_jobs as factories
from tests.factories import arranged
from tests.house.samples_projects import Projects


@dataclass
class Jobs:
    """All the owner's, in the active project; `attempt` is the one of `running`, which holds a slot of `host`."""

    host: Host
    running: Job
    attempt: Attempt
    waiting: Job
    over: Job


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
    over = factories.job(owner, projects.active, data=[data], status="succeeded", name="over")
    return Jobs(host, running, attempt, waiting, over)


BY_BEGINNING: dict[str, Callable[[Any], dict[str, Any]]] = {
    "jobs/<uuid:pk>/": lambda world: {"pk": world.jobs.running.pk},
    "attempts/<uuid:pk>/": lambda world: {"pk": world.jobs.attempt.pk},
    "internal/attempts/<uuid:pk>/": lambda world: {"pk": world.jobs.attempt.pk},
}
ARGUMENTS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "jobs:new": lambda world: {"pk": world.projects.active.pk},
}
