"""What hosts ask over HTTP: JSON both ways, by a shared secret. To anybody else these addresses are not there."""

import functools
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.audit.source import coming_from
from apps.core.errors import Invalid, NotFound, PortalError
from apps.workspaces.actors import HOST
from apps.workspaces.models import Run, Workspace
from apps.workspaces.plans import plan_of
from apps.workspaces.services import heartbeat, keeping, planning, reports
from apps.workspaces.told import events_of

LARGEST = 8 * 1024 * 1024  # bytes of one request
Told = Callable[..., tuple[int, dict[str, Any]]]


def for_hosts(tell: Told) -> Callable[..., HttpResponse]:
    """The view of a function that is given the request's JSON and says status and JSON; 404 without the secret."""

    @csrf_exempt
    @require_POST
    @functools.wraps(tell)
    def answer(request: HttpRequest, **named: UUID) -> HttpResponse:
        shown = request.headers.get("Authorization", "")
        if not settings.HAS_WORKSPACES or not constant_time_compare(shown, f"Bearer {settings.HOST_SECRET}"):
            raise Http404
        try:
            with coming_from(component="host"):
                status, facts = tell(_body(request), **named)
        except PortalError as error:
            status, facts = error.status, {"reason": str(error)}
        return JsonResponse(facts, status=status)

    return answer


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


def _body(request: HttpRequest) -> Any:
    """The request's JSON; {} where nothing was sent."""
    sent = request.read(LARGEST + 1)
    if len(sent) > LARGEST:
        raise Invalid(f"A request has at most {LARGEST:,} bytes. Send less at a time.")
    try:
        return json.loads(sent or b"{}", parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Invalid("The request is not JSON.") from None


def _refuse(_: str) -> None:
    raise ValueError("NaN and Infinity are no JSON")
