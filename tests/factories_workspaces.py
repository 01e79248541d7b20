"""Workspaces and runs in any state, in one line; made without commands."""

from typing import Any

from django.utils import timezone

from apps.alliance.models import Member
from apps.catalog.models import DatasetVersion
from apps.projects.models import Project
from apps.workspaces.models import Run, RunData, RunFigures, Workspace
from tests.factories import arranged


def workspace(member: Member, project: Project, **facts: Any) -> Workspace:
    """The member's place in the project."""
    with arranged():
        made = Workspace.objects.create(project=project, member=member, **facts)
    made.refresh_from_db()
    return made


def run(of: Workspace, *, status: str = "running", data: list[DatasetVersion] | None = None, **facts: Any) -> Run:
    """A run in this state, with this data mounted; a host told of it just now."""
    now = timezone.now()
    facts = {"started_at": now} | facts
    if status == "stopping":
        facts = {"stop_asked_at": now, "reason": "Enough for today."} | facts
    if status in {"stopped", "failed"}:
        facts = {"ended_at": now, "reason": "Enough for today."} | facts
    with arranged():
        made = Run.objects.create(
            workspace=of, started_by=of.member, status=status, environment="python-cancer", **facts
        )
        RunFigures.objects.create(run=made, seen_at=now, host="h1")
        for version in data or []:
            RunData.objects.create(run=made, version=version, mounted_at=now, files=1, bytes=4)
    return made
