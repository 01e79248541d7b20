"""Celery's doors into jobs: short, and harmless when lost or repeated; a later round finds what is left to do."""

from decimal import Decimal

from celery import shared_task
from django.db.models import Sum

from apps.jobs.models import Attempt, Slot, Usage
from apps.jobs.services import dispatching, watching
from apps.projects.actors import METER
from apps.projects.models import Project
from apps.projects.services import closing


@shared_task(name="jobs.dispatch")
def dispatch() -> None:
    """Start what can start now."""
    dispatching.dispatch_all()


@shared_task(name="jobs.reconcile")
def reconcile() -> None:
    """Give up what is lost, end what stands on nothing, start what can."""
    watching.reconcile()


@shared_task(name="jobs.stop_baseless")
def stop_baseless(pk: str) -> None:
    """An access of this project ended: what waits for it is refused, what runs on it ends."""
    watching.stop_baseless_of(Project.objects.get(pk=pk))


@shared_task(name="jobs.count_gpu")
def count_gpu(pk: str) -> None:
    """Count what an attempt held of graphics processors against what its project was granted."""
    attempt = Attempt.objects.select_related("job__project").get(pk=pk)
    seconds = Usage.objects.filter(attempt=attempt, resource=Slot.Kind.GPU).aggregate(total=Sum("seconds"))["total"]
    if seconds:
        closing.use_gpu(attempt.job.project, by=METER, hours=Decimal(seconds) / 3600, of=str(attempt)[:200])
