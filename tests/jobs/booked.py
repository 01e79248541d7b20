"""Lines of the books, budgets, and who manages them, for the tests of what computing costs."""

from datetime import timedelta

from django.utils import timezone

from apps.alliance.roles import Role
from apps.alliance.selectors import holders_of
from apps.jobs.models import Attempt, Budget, Job, Usage
from apps.jobs.services import bookkeeping
from tests import factories_jobs as make
from tests.factories import arranged, holder


def manager_of(center):
    """The one whom the world has."""
    return holders_of(Role.CENTER_MANAGER, center).select_related("center").first() or holder(
        Role.CENTER_MANAGER, center
    )


def budgeted(center, hours, resource="cpu"):
    bookkeeping.set_budget(center, by=manager_of(center), resource=resource, hours=hours, reason="As agreed.")
    return Budget.objects.get(center=center, resource=resource)


def used(attempt, hours, *, ended, resource="cpu", is_charged=True, lasted=None):
    """A line of the books that ended then, of an attempt that lasted as long as `hours` of one slot."""
    job, lasted = attempt.job, lasted or timedelta(hours=hours)
    with arranged():
        return Usage.objects.create(
            attempt=attempt, center=job.project.center, project=job.project, member=job.member, resource=resource,
            seconds=hours * 3600, is_charged=is_charged, started_at=ended - lasted, ended_at=ended,
        )  # fmt: skip


def settled(world, host, *, slots=0, seconds=0, **facts):
    """An attempt that has ended well, and its job; nothing of it is in the books."""
    job = make.job(world.lead, world.project, data=[world.version], status="running")
    now = timezone.now()
    made = make.attempt(job, host, slots=slots, started_at=now - timedelta(seconds=seconds))
    with arranged():
        Attempt.objects.filter(pk=made.pk).update(ended_at=now, outcome="succeeded", reason="It ended well.", **facts)
        Job.objects.filter(pk=job.pk).update(status="succeeded", ended_at=now, reason="It ended well.")
    return Attempt.objects.select_related("job__project").get(pk=made.pk)
