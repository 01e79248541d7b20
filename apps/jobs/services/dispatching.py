"""Whose turn it is: by what each center, then each project used of late, then by priority and age. One query.

A center's use is weighed by its share. What runs counts from its start on, what has ended counts half after a week. A
job that was first in turn and did not fit may be overtaken by smaller ones for a while; then its host fills up no more
until it fits, so that no job waits for ever. Where a center's budget of the month is used up, nothing of it begins that
never ran before. A host gets jobs alone whose data it can mount.
"""

import logging
from datetime import datetime
from pathlib import Path

from django.utils import timezone

from apps.core.errors import PortalError
from apps.jobs import bell, limits
from apps.jobs.actors import DISPATCHER
from apps.jobs.admission import baseless
from apps.jobs.books import Spent, spent
from apps.jobs.models import Account, Host, Job
from apps.jobs.rooms import Room, all_of, free_on
from apps.jobs.services import attempts

logger = logging.getLogger(__name__)
MOST_STARTS = 200  # in one go
NOBODY = Spent()
_NEXT = Path(__file__).with_name("next_job.sql").read_text(encoding="utf-8")


def dispatch_all() -> int:
    """Start what can start now, on every open host that spoke a moment ago; how many did."""
    now = timezone.now()
    over, hosts = spent(now), Host.objects.filter(is_open=True, pulse__seen_at__gte=now - limits.HEARD)
    return sum(_fill(host, over) for host in hosts.order_by("name"))


def _fill(host: Host, over: Spent) -> int:
    started = 0
    for _ in range(MOST_STARTS):
        job = next_for(free_on(host), timezone.now(), over)
        if job is None:
            break
        try:
            started += _start(job, host)
        except PortalError as error:  # somebody else was quicker, with the job or with its slots, and goes on
            logger.info("%s was not started: %s", job.pk, error)
            break
    if started:
        bell.ring(host.name)
    return started


def _start(job: Job, host: Host) -> bool:
    """Ask the access decision and begin; what stands on nothing is refused and waits no longer."""
    if reason := baseless([Job.Status.QUEUED], [job.pk]).get(job.pk):
        attempts.refuse(job, by=DISPATCHER, reason=reason)
        return False
    attempts.dispatch(job, by=DISPATCHER, host=host)
    return True


def next_for(free: Room, now: datetime, over: Spent = NOBODY) -> Job | None:
    """The job that starts next in these slots; None where nothing fits, or where they are kept for one that waits.

    `over`: the centers whose budgets are used up.
    """
    if not free.cpus:
        return None
    first = _first(free, now, over, is_to_fit=False)
    if first is None:
        return None
    if free.holds(first):
        return first
    if now - _passed_over(first, now) >= limits.PASSED_OVER and all_of(free.host).holds(first):
        return None
    return _first(free, now, over, is_to_fit=True)


def _first(free: Room, now: datetime, over: Spent, *, is_to_fit: bool) -> Job | None:
    facts = {
        "now": now, "half_life": limits.HALF_LIFE, "ahead": limits.AHEAD, "slot_memory": free.host.slot_memory,
        "is_to_fit": is_to_fit, "cpus": free.cpus, "gpus": free.gpus,
        "without_cpu": list(over.cpu), "without_gpu": list(over.gpu), "centers": free.host.centers,
    }  # fmt: skip
    return next(iter(Job.objects.raw(_NEXT, facts)), None)


def _passed_over(job: Job, now: datetime) -> datetime:
    """Since when it would have been its turn."""
    account = Account.objects.get(project=job.project_id)
    if account.passed_over != job.pk or account.passed_over_at is None:
        Account.objects.filter(pk=account.pk).update(passed_over=job.pk, passed_over_at=now)
        return now
    return account.passed_over_at
