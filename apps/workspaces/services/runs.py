"""Commands of people on runs, and the ends that the portal writes down itself."""

from typing import Any

from django.utils import timezone

from apps.alliance.models import Member
from apps.catalog.selectors import stewards_of
from apps.core.actors import SystemActor
from apps.core.commands import command, note
from apps.core.errors import Invalid, WrongState
from apps.core.notices import tell
from apps.core.outbox import later
from apps.projects.models import Project
from apps.workspaces import policies as may
from apps.workspaces.limits import ENVIRONMENT
from apps.workspaces.models import LIVE, Run, RunFigures, Workspace
from apps.workspaces.states import RUN


@command("workspaces.run.started", policy=may.may_start, creates=Run)
def start(project: Project, *, by: Member) -> Run:
    """Start one's workspace in the project; its host asks what it may mount when it is there."""
    workspace, is_new = Workspace.objects.get_or_create(project=project, member=by)
    if workspace.status != Workspace.Status.OPEN:
        raise WrongState("Your workspace is sealed, since its project ended. Nothing starts in it any more.")
    if workspace.runs.filter(status__in=LIVE).exists():
        raise WrongState("Your workspace is started already. Open it, or stop it first.")
    run = Run.objects.create(workspace=workspace, started_by=by, environment=ENVIRONMENT)
    RunFigures.objects.create(run=run, words="Waiting for a host")
    note(workspace=str(workspace.pk), project=str(project.pk), is_first=is_new)
    later("workspaces.start_at_hub", run.pk)
    return run


@RUN.move("stop")
def stop(run: Run, *, by: Any, reason: str, at_once: bool = False) -> None:
    """Ask for the run's end; its host ends it within seconds, and its researcher is told why."""
    if not reason.strip():
        raise Invalid(fields={"reason": "Say why it stops; its researcher reads it."})
    run.stop_asked_at, run.reason, run.stops_at_once = timezone.now(), reason[:500], at_once
    run.stop_asked_by = None if isinstance(by, SystemActor) else by
    note(at_once=at_once, project=str(run.workspace.project_id))
    later("workspaces.stop_at_hub", run.pk)
    if run.stop_asked_by != run.workspace.member:
        _tell_researcher(run, f"{by} writes: {reason}" if run.stop_asked_by else reason)


@RUN.move("close")
def close(run: Run, *, by: Any) -> None:
    """Write down as stopped what was to stop before a host ever had it."""
    run.ended_at = timezone.now()


@RUN.move("fail")
def fail(run: Run, *, by: Any, reason: str) -> None:
    """Write down that a run did not come up or is lost, and tell its researcher."""
    run.ended_at, run.reason = timezone.now(), reason[:500]
    note(project=str(run.workspace.project_id))
    later("workspaces.stop_at_hub", run.pk)
    _tell_researcher(run, reason)


@command("workspaces.run.resumed", policy=may.may_resume, fresh=True)
def resume(run: Run, *, by: Member, reason: str) -> None:
    """Let what goes to the browser flow again, after a look at why so much of it did."""
    if not reason.strip():
        raise Invalid(fields={"reason": "Say why it may go on; the record keeps it."})
    if run.status != Run.Status.RUNNING or run.paused_at is None:
        raise WrongState("It is not paused now. Look at it again.")
    if run.resume_asked_at:
        raise WrongState(f"{run.resume_asked_by} let it go on already; its host follows within seconds.")
    run.resume_asked_at, run.resume_asked_by = timezone.now(), by
    run.save(update_fields=["resume_asked_at", "resume_asked_by"])
    note(project=str(run.workspace.project_id))
    tell(
        run.workspace.member,
        key=f"workspace-resumed:{run.pk}:{run.paused_at.isoformat()}",
        subject=f"Your workspace in {run.workspace.project} goes on",
        text=f"{by} writes: {reason}",
        path=f"/projects/{run.workspace.project_id}/workspace/",
    )


def tell_of_pause(run: Run, words: str) -> None:
    """Tell the researcher and the stewards of the data in it that much went to the browser. Inside a command."""
    workspace = run.workspace
    key = f"workspace-paused:{run.pk}:{timezone.now().isoformat()}"
    text = "A steward of the data in it looks at it and lets it go on, or stops it."
    tell(workspace.member, key=key, subject=words, text=text, path=f"/projects/{workspace.project_id}/workspace/")
    stewards = {one for mount in run.mounts.select_related("version__dataset__center")
                for one in stewards_of(mount.version.dataset)}  # fmt: skip
    for steward in sorted(stewards, key=lambda one: str(one.pk)):
        tell(steward, key=key, subject=words, text="Look at it, and let it go on or stop it.", path=f"/runs/{run.pk}/")


def _tell_researcher(run: Run, why: str) -> None:
    workspace = run.workspace
    tell(
        workspace.member,
        key=f"workspace-stopped:{run.pk}",
        subject=f"Your workspace in {workspace.project} stops",
        text=f"{why} Your files stay as they are.",
        path=f"/projects/{workspace.project_id}/workspace/",
    )
