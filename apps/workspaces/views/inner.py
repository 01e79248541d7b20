"""What hosts ask of workspaces over HTTP."""

from typing import Any
from uuid import UUID

from apps.core.errors import NotFound
from apps.core.hosts import for_hosts
from apps.workspaces.actors import HOST
from apps.workspaces.models import Run, Workspace
from apps.workspaces.plans import plan_of
from apps.workspaces.services import heartbeat, keeping, planning, reports
from apps.workspaces.told import events_of


@for_hosts
def plan(body: Any, pk: UUID) -> tuple[int, dict[str, Any]]:
    """What the run may mount, by the access decision as of now, and how much it gets of what its machine offers."""
    offered = body.get("offers") if isinstance(body, dict) else None
    planned = planning.plan(_run(pk), by=HOST, offered=offered)
    if not planned.admitted:
        return 403, {"reason": planned.reason, "lines": [line for one in planned.refused for line in one.lines]}
    return 200, plan_of(planned)


@for_hosts
def events(body: Any, pk: UUID) -> tuple[int, dict[str, Any]]:
    """Store what was not told before."""
    return 200, {"acknowledged": reports.take(_run(pk), events_of(body))}


@for_hosts
def heartbeat_of_host(body: Any) -> tuple[int, dict[str, Any]]:
    """Hear how all runs of a host do, and say what it has to do."""
    return 200, heartbeat.beat(body)


@for_hosts
def erased(body: Any, pk: UUID) -> tuple[int, dict[str, Any]]:
    """A host has erased the files of a workspace."""
    workspace = Workspace.objects.filter(pk=pk).first()
    if workspace is None:
        raise NotFound("There is no such workspace.")
    keeping.erased(workspace, by=HOST)
    return 200, {}


def _run(pk: UUID) -> Run:
    run = Run.objects.select_related("workspace__member", "workspace__project").filter(pk=pk).first()
    if run is None:
        raise NotFound("There is no such run.")
    return run
