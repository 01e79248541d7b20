"""The cases of workspaces: who starts, stops and lets go on, and what only hosts and the watch write down."""

from typing import Any

from django.utils import timezone

from apps.alliance.models import Alliance
from apps.projects.models import Project
from apps.workspaces.models import Run, Workspace
from apps.workspaces.told import Told
from tests.house.samples import World
from tests.rules.cases_access import allow


def running(world: World) -> Run:
    return Run.objects.get(pk=world.workspaces.running.pk)


def _stand(world: World, status: str, **facts: Any) -> None:
    Run.objects.filter(pk=world.workspaces.running.pk).update(status=status, **facts)


def stopping_fields(world: World) -> dict[str, Any]:
    """What a run has that is to stop."""
    return {"stop_asked_at": timezone.now(), "reason": "Enough for today."}


def ended_fields(world: World) -> dict[str, Any]:
    """What a run has that has ended."""
    return {"ended_at": timezone.now(), "reason": "Enough for today."}


def sealed_fields(world: World) -> dict[str, Any]:
    """What a workspace has that is sealed."""
    return {"sealed_at": timezone.now(), "delete_on": timezone.now().date()}


def may_be_sealed(world: World) -> None:
    """Its project is closed and nothing runs in it."""
    _stand(world, "stopped", **ended_fields(world))
    Project.objects.filter(pk=world.workspaces.workspace.project_id).update(status="closed")


def free(world: World) -> None:
    """The owner may use the data, and their workspace does not run."""
    allow(world)
    _stand(world, "stopped", **ended_fields(world))


def _told(kind: str, **details: Any) -> Any:
    return lambda world: {"told": [Told(2, timezone.now(), kind, details)]}


def _cell() -> Any:
    return _told("cell", kernel="k1", code="print(2)", sha256="1" * 64)


def _begins(world: World) -> dict[str, Any]:
    data = [{"version": str(world.catalog.published.pk), "files": 2, "bytes": 10}]
    return _told("started", data=data, promises=[], environment="e" * 64)(world)


def _starting(world: World) -> None:
    allow(world)
    _stand(world, "starting", paused_at=None)


def _stopping(world: World) -> None:
    _stand(world, "stopping", **stopping_fields(world))


def _reason(world: World) -> dict[str, Any]:
    return {"reason": "For the test."}


def _active(world: World) -> Project:
    return Project.objects.get(pk=world.projects.active.pk)


def _workspace(world: World) -> Workspace:
    return Workspace.objects.get(pk=world.workspaces.workspace.pk)


def _sealed(world: World) -> Workspace:
    return Workspace.objects.get(pk=world.workspaces.sealed.pk)


def _alliance(world: World) -> Alliance:
    return world.alliance


def _hub(world: World) -> dict[str, Any]:
    return {"secret": "a secret of the test", "redirect_uri": "http://workspaces.localhost:9/hub/oauth_callback"}


def workspace_cases(Case: Any) -> dict[str, Any]:
    """By event; `Case` comes from cases.py, which merges these."""
    host, watch = "workspace host", "workspace watch"
    return {
        "workspaces.run.started": Case(_active, "owner", "researcher", ready=free),
        "workspaces.run.stopped": Case(running, "owner", "researcher", _reason),
        "workspaces.run.closed": Case(running, watch, "owner", ready=_stopping),
        "workspaces.run.failed": Case(running, watch, "owner", _reason),
        "workspaces.run.resumed": Case(running, "data_steward", "owner", _reason),
        "workspaces.run.planned": Case(running, host, "owner", ready=_starting),
        "workspaces.run.begun": Case(running, host, "owner", _begins, _starting),
        "workspaces.run.ended": Case(
            running, host, "owner", _told("ended", why="finished", words="It ended.", usage={})
        ),
        "workspaces.run.paused": Case(running, host, "owner", _told("paused", bytes=9, window=60)),
        "workspaces.run.reported": Case(
            running, host, "owner", _told("denied", method="GET", path="/files", why="No.")
        ),
        "workspaces.code.recorded": Case(running, host, "owner", _cell()),
        "workspaces.workspace.sealed": Case(_workspace, watch, "owner", ready=may_be_sealed),
        "workspaces.hub.registered": Case(_alliance, "workspace installer", "owner", _hub),
        "workspaces.workspace.erased": Case(_sealed, host, "owner"),
    }
