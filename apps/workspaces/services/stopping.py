"""What stops runs that nobody stops by hand: data that may not be used any more, and hosts that fell silent."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from apps.core.outbox import later
from apps.core.sweeps import quietly
from apps.projects.models import AccessInterval, Project
from apps.workspaces.actors import WATCH
from apps.workspaces.admission import baseless
from apps.workspaces.limits import LONGEST_START, START_SECONDS, UNSEEN_SECONDS
from apps.workspaces.models import LIVE, Run, Workspace
from apps.workspaces.services import keeping, runs

R = Run.Status
LOST = "The machine that it ran on was lost, or lost its way to the portal."
TOO_LONG = "It did not get ready within an hour. Try again; if it happens twice, tell the alliance's managers."
NEVER_CAME = "It did not start within five minutes. Try again; if it happens twice, tell the alliance's managers."
BATCH = 500


def when_access_ends(intervals: Sequence[AccessInterval]) -> None:
    """Called inside the command that writes down the end of access: look at the project's runs at once."""
    for project in sorted({str(one.project_id) for one in intervals}):
        later("workspaces.stop_baseless", project)


def stop_baseless(found: dict[UUID, str]) -> None:
    """Stop these runs at once, each for its reason."""
    for run in Run.objects.filter(pk__in=found, status__in=[R.STARTING, R.RUNNING]):
        quietly(runs.stop, run, by=WATCH, reason=found[run.pk], at_once=True)


def stop_baseless_of(project: Project) -> None:
    """Of one project."""
    live = Run.objects.filter(workspace__project=project, status__in=LIVE)
    stop_baseless(baseless(list(live.values_list("pk", flat=True))))


def keep_runs() -> None:
    """Stop what stands on nothing, write down what is lost or never came, seal what has ended."""
    stop_baseless(baseless())
    now = timezone.now()
    silent, late = now - timedelta(seconds=UNSEEN_SECONDS), now - timedelta(seconds=START_SECONDS)
    never = Q(figures__seen_at=None)
    live = Run.objects.filter(status__in=LIVE)
    for run in live.filter(figures__seen_at__lt=silent)[:BATCH]:
        quietly(runs.fail, run, by=WATCH, reason=LOST)
    for run in live.filter(never, status=R.RUNNING, status_at__lt=silent)[:BATCH]:
        quietly(runs.fail, run, by=WATCH, reason=LOST)
    starting = live.filter(status=R.STARTING)
    for run in starting.filter(never, started_at__lt=late)[:BATCH]:
        quietly(runs.fail, run, by=WATCH, reason=NEVER_CAME)
    for run in starting.filter(started_at__lt=now - timedelta(seconds=LONGEST_START))[:BATCH]:
        quietly(runs.fail, run, by=WATCH, reason=TOO_LONG)
    for run in live.filter(never, status=R.STOPPING, stop_asked_at__lt=silent)[:BATCH]:
        quietly(runs.close, run, by=WATCH)
    over = Workspace.objects.filter(status=Workspace.Status.OPEN, project__status=Project.Status.CLOSED)
    for workspace in over.exclude(runs__status__in=LIVE)[:BATCH]:
        quietly(keeping.seal, workspace, by=WATCH)
