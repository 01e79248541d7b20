"""Celery's doors into jobs: short, and harmless when lost or repeated; a later round finds what is left to do."""

from contextlib import suppress
from decimal import Decimal

from celery import shared_task
from django.db.models import Sum
from django.utils import timezone

from apps.alliance.selectors import the_alliance
from apps.core.errors import AlreadyDelivered
from apps.core.sweeps import quietly
from apps.jobs import checking
from apps.jobs.actors import BOOKKEEPER
from apps.jobs.books import balances
from apps.jobs.models import Attempt, Budget, Slot, Usage
from apps.jobs.services import bookkeeping, dispatching, watching
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


@shared_task(name="jobs.warn_of_budgets")
def warn_of_budgets() -> None:
    """Tell managers whose budget is nearly or wholly used up."""
    now = timezone.now()
    for balance in balances(now):
        if word := bookkeeping.word_for(balance, now):
            for budget in Budget.objects.filter(center=balance.center, resource=balance.resource).exclude(told=word):
                quietly(bookkeeping.warn, budget, by=BOOKKEEPER)


@shared_task(name="jobs.check_books")
def check_books() -> None:
    """Hold the books against what hosts counted and slots say."""
    attempts, differences = checking.check()
    bookkeeping.keep_check(the_alliance(), by=BOOKKEEPER, attempts=attempts, differences=differences)


@shared_task(name="jobs.count_gpu")
def count_gpu(pk: str) -> None:
    """Count what an attempt held of graphics processors against what its project was granted."""
    attempt = Attempt.objects.select_related("job__project").get(pk=pk)
    seconds = Usage.objects.filter(attempt=attempt, resource=Slot.Kind.GPU).aggregate(total=Sum("seconds"))["total"]
    if seconds:
        hours, of = Decimal(seconds) / 3600, str(attempt)[:200]
        with suppress(AlreadyDelivered):
            closing.use_gpu(attempt.job.project, by=METER, hours=hours, of=of)
