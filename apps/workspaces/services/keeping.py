"""Commands on what outlasts a run: a workspace's files, sealed when its project ends and erased later."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.core.commands import note
from apps.core.errors import WrongState
from apps.core.notices import tell
from apps.projects.models import Project
from apps.workspaces.limits import KEPT_DAYS
from apps.workspaces.models import LIVE, Workspace
from apps.workspaces.states import WORKSPACE


@WORKSPACE.move("seal")
def seal(workspace: Workspace, *, by: Any) -> None:
    """Seal the files of a workspace whose project is closed; they are erased after their time."""
    if workspace.project.status != Project.Status.CLOSED:
        raise WrongState("Its project is not closed.")
    if workspace.runs.filter(status__in=LIVE).exists():
        raise WrongState("It still runs.")
    workspace.sealed_at = timezone.now()
    workspace.delete_on = workspace.sealed_at.date() + timedelta(days=KEPT_DAYS)
    note(project=str(workspace.project_id), delete_on=workspace.delete_on.isoformat())
    tell(
        workspace.member,
        key=f"workspace-sealed:{workspace.pk}",
        subject=f"Your workspace in {workspace.project} is sealed",
        text=f"The project is closed. The files in it are erased on {workspace.delete_on:%-d %B %Y}.",
        path=f"/projects/{workspace.project_id}/workspace/",
    )


@WORKSPACE.move("erase")
def erased(workspace: Workspace, *, by: Any) -> None:
    """Write down that a host has erased the files; only once their time is over."""
    if workspace.delete_on is None or workspace.delete_on > timezone.now().date():
        raise WrongState("Its files are kept longer.")
    note(project=str(workspace.project_id))
