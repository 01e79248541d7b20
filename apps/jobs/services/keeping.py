"""What outlasts jobs: a project's files on each host, which are erased some time after the project is closed."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from apps.core.actors import only_the_system
from apps.core.commands import command, note
from apps.core.errors import AlreadyDelivered, WrongState
from apps.jobs.models import Erasure, Host
from apps.projects.models import Project
from apps.workspaces.limits import KEPT_DAYS

MOST = 20  # projects in one answer


def to_erase(host: Host, now: datetime) -> list[str]:
    """Closed projects whose time is over and whose files this host has not erased yet."""
    over = Project.objects.filter(status=Project.Status.CLOSED, status_at__lte=now - timedelta(days=KEPT_DAYS))
    waiting = over.exclude(erasures__host=host).order_by("status_at")
    return [str(pk) for pk in waiting.values_list("pk", flat=True)[:MOST]]


@command("jobs.project.erased", policy=only_the_system, creates=Erasure)
def erased(project: Project, *, by: Any, host: Host) -> Erasure:
    """Write down that a host has erased a project's files: the work of its jobs, and what its people shared."""
    kept_until = project.status_at + timedelta(days=KEPT_DAYS)
    if project.status != Project.Status.CLOSED or kept_until > timezone.now():
        raise WrongState("Its files are kept longer.")
    if Erasure.objects.filter(project=project, host=host).exists():
        raise AlreadyDelivered("This was told before.")
    note(host=host.name)
    return Erasure.objects.create(project=project, host=host)
