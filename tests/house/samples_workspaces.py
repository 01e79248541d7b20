"""Workspaces of the sample alliance: one that runs, paused, with code; one that is sealed with a run behind it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.alliance.models import Member
from apps.catalog.models import DatasetVersion
from apps.workspaces.models import CellCode, Run, RunEvent, Workspace
from tests import factories_workspaces as factories
from tests.factories import arranged
from tests.house.samples_projects import Projects


@dataclass
class Workspaces:
    """`running` is a run of `workspace` in the active project; `over` the last one of `sealed`, in the changing one."""

    workspace: Workspace
    running: Run
    sealed: Workspace
    over: Run


def make_workspaces(owner: Member, projects: Projects, data: DatasetVersion) -> Workspaces:
    """Both of them the owner's."""
    now = timezone.now()
    workspace = factories.workspace(owner, projects.active)
    running = factories.run(workspace, data=[data], ran_at=now, paused_at=now)
    sealed = factories.workspace(
        owner, projects.changing, status="sealed", sealed_at=now, delete_on=now.date() - timedelta(days=1)
    )
    over = factories.run(sealed, status="stopped", data=[data])
    with arranged():
        RunEvent.objects.create(run=running, seq=1, at=now, kind="cell", details={"kernel": "k1", "sha256": "0" * 64})
        CellCode.objects.create(run=running, seq=1, at=now, kernel="k1", code="print(1)", sha256="0" * 64)
    return Workspaces(workspace, running, sealed, over)


BY_BEGINNING: dict[str, Callable[[Any], dict[str, Any]]] = {
    "runs/<uuid:pk>/": lambda world: {"pk": world.workspaces.running.pk},
    "internal/runs/<uuid:pk>/": lambda world: {"pk": world.workspaces.running.pk},
    "internal/workspaces/<uuid:pk>/": lambda world: {"pk": world.workspaces.sealed.pk},
}
