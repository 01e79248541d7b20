"""Hosts, jobs and attempts in any state, in one line; made without commands."""

import uuid
from typing import Any

from django.utils import timezone

from apps.alliance.models import Member
from apps.catalog.models import DatasetVersion
from apps.jobs.models import Account, Attempt, Figures, Host, Job, JobData, Pulse, Slot, Snapshot
from apps.projects.models import Project
from tests.factories import arranged

GB = 10**9


def host(
    name: str = "h1", *, cpus: int = 2, gpus: int = 0, slot_memory: int = 4 * GB, centers: tuple[str, ...] = ()
) -> Host:
    """A host with so many free slots; `centers`: whose data it can mount."""
    with arranged():
        made = Host.objects.create(name=name, slot_memory=slot_memory, centers=list(centers))
        Pulse.objects.create(host=made, seen_at=timezone.now())
        for kind, number in (("cpu", cpus), ("gpu", gpus)):
            for place in range(number):
                Slot.objects.create(host=made, kind=kind, number=place, device=f"{kind}-{place}")
    return made


def job(
    member: Member, project: Project, *, data: list[DatasetVersion] | None = None, status: str = "queued", **facts: Any
) -> Job:
    """A job in this state, of code that nobody can fetch."""
    now = timezone.now()
    ended = status in {"succeeded", "failed", "cancelled"}
    facts = {
        "name": "train", "command": ["python", "train.py"], "environment": "python-cancer", "memory": GB,
        "seconds": 3600,
        **({"ended_at": now, "reason": "It ended."} if ended else {}),
        **({"cancel_asked_at": now, "reason": "Enough."} if status == "cancelling" else {}),
        **facts,
    }  # fmt: skip
    with arranged():
        code = Snapshot.objects.create(project=project, sha256=uuid.uuid4().hex * 2, bytes=10, files=1, added_by=member)
        Account.objects.get_or_create(project=project, defaults={"center_id": project.center_id})
        made = Job.objects.create(project=project, member=member, snapshot=code, status=status, **facts)
        for version in data or []:
            JobData.objects.create(job=made, version=version)
    made.refresh_from_db()
    return made


def attempt(of: Job, on: Host, *, slots: int = 1, seen: bool = True, **facts: Any) -> Attempt:
    """A live attempt of it on this host, holding slots; its host told of it just now."""
    with arranged():
        Job.objects.filter(pk=of.pk).update(fence=of.fence + 1)
        of.refresh_from_db()
        made = Attempt.objects.create(job=of, fence=of.fence, host=on, **facts)
        Figures.objects.create(attempt=made, seen_at=timezone.now() if seen else None)
        free = Slot.objects.filter(host=on, kind="cpu", attempt=None).order_by("number")
        Slot.objects.filter(pk__in=[one.pk for one in free[:slots]]).update(attempt=made)
    return made
