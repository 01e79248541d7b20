"""What keeps jobs going whatever dies: lost attempts are given up, baseless jobs ended, free slots filled.

Every step can be repeated and can be left out once: each round looks at the tables anew and promises nothing to the
next one. Two rounds at once do no harm: every step asks the gate, which lets the second find nothing to do.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from apps.core.outbox import later
from apps.core.sweeps import quietly
from apps.jobs import limits
from apps.jobs.actors import WATCH
from apps.jobs.admission import baseless
from apps.jobs.models import LIVE, Attempt, Job
from apps.jobs.services import attempts, dispatching, submitting
from apps.projects.models import AccessInterval, Project

J = Job.Status
SILENT = "Its machine has not been heard of for a minute."
NEVER_CAME = "Its machine did not take it within a minute."
BATCH = 500


def when_access_ends(intervals: Sequence[AccessInterval]) -> None:
    """Called inside the command that writes down the end of access: look at the project's jobs at once."""
    for project in sorted({str(one.project_id) for one in intervals}):
        later("jobs.stop_baseless", project)


def stop_baseless_of(project: Project) -> None:
    """Refuse what waits in this project, and stop what runs, on data that may not be used any more."""
    theirs = list(Job.objects.filter(project=project, status__in=LIVE).values_list("pk", flat=True))
    for pk, reason in baseless([J.QUEUED], theirs).items():
        quietly(attempts.refuse, Job.objects.get(pk=pk), by=WATCH, reason=reason)
    stop_baseless(theirs)


def stop_baseless(jobs: Collection[UUID] | None = None) -> None:
    """Stop what runs, of these or of all, on such data. What waits is asked when its turn comes."""
    for pk, reason in baseless([J.STARTING, J.RUNNING], jobs).items():
        quietly(submitting.cancel, Job.objects.get(pk=pk), by=WATCH, reason=reason[:500], at_once=True)


def reconcile() -> None:
    """One round."""
    stop_baseless()
    give_up_lost()
    dispatching.dispatch_all()


def give_up_lost() -> None:
    """Attempts whose lease is over, and those that no host ever took."""
    now = timezone.now()
    live = Attempt.objects.filter(ended_at=None).order_by("started_at")
    for attempt in live.filter(figures__seen_at__lt=now - limits.LEASE)[:BATCH]:
        quietly(attempts.lose, attempt, by=WATCH, reason=SILENT)
    for attempt in live.filter(Q(figures__seen_at=None), started_at__lt=now - limits.HANDED)[:BATCH]:
        quietly(attempts.lose, attempt, by=WATCH, reason=NEVER_CAME)
