"""What hosts ask of jobs over HTTP."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from apps.core.errors import AlreadyDelivered, NotFound
from apps.core.hosts import for_hosts
from apps.jobs import bell
from apps.jobs.actors import HOST
from apps.jobs.models import Attempt, Host
from apps.jobs.plans import plan_of
from apps.jobs.services import attempts, heartbeat, keeping
from apps.jobs.told import beats_of, ending_of, log_of
from apps.projects.models import Project

Answer = tuple[int, dict[str, Any]]
OVER: Answer = (410, {"reason": attempts.FENCED})


@for_hosts
def beat(body: Any) -> Answer:
    """Hear how all attempts of a host do, and say what it has to do."""
    return 200, heartbeat.beat(*beats_of(body))


@for_hosts
def wait(body: Any) -> Answer:
    """Answer as soon as there is something to do for this host, or after some seconds without."""
    name = str(body.get("host", "")) if isinstance(body, dict) else ""
    return 200, {"rang": bell.wait(name, bell.LONGEST)}


@for_hosts
def plan(body: Any, pk: UUID) -> Answer:
    """What the attempt may mount and do, by the access decision as of now."""
    attempt = _attempt(pk)
    try:
        reason = attempts.plan(attempt, by=HOST)
    except AlreadyDelivered:
        return OVER
    return (403, {"reason": reason}) if reason else (200, plan_of(attempt))


@for_hosts
def begun(body: Any, pk: UUID) -> Answer:
    """It runs."""
    facts = body if isinstance(body, dict) else {}
    kept = facts.get("not_kept")
    attempt = _attempt(pk)
    try:
        attempts.begin(
            attempt, by=HOST, environment_hash=str(facts.get("environment", "")),
            not_kept=[str(one) for one in kept] if isinstance(kept, list) else [],
        )  # fmt: skip
    except AlreadyDelivered:
        return OVER if _attempt(pk).ended_at else (200, {})
    return 200, {}


@for_hosts
def ended(body: Any, pk: UUID) -> Answer:
    """It has ended, and how. Its results are kept only where the job succeeded by it; the same again says the same."""
    try:
        attempts.end(_attempt(pk), by=HOST, ending=ending_of(body))
    except AlreadyDelivered:
        if _attempt(pk).outcome != "succeeded":
            return OVER
    return 200, {"keeps_results": _attempt(pk).outcome == "succeeded"}


@for_hosts
def log(body: Any, pk: UUID) -> Answer:
    """What it printed; up to which byte the portal has it."""
    attempt = _attempt(pk)
    offset, content = log_of(body)
    return 200, {"next": heartbeat.keep_log(attempt, offset, content)}


@for_hosts
def erased(body: Any, pk: UUID) -> Answer:
    """A host has erased the files of a closed project; the same again says the same."""
    name = str(body.get("host", "")) if isinstance(body, dict) else ""
    project, host = Project.objects.filter(pk=pk).first(), Host.objects.filter(name=name).first()
    if project is None or host is None:
        raise NotFound("There is no such project, or no such host.")
    with suppress(AlreadyDelivered):
        keeping.erased(project, by=HOST, host=host)
    return 200, {}


def _attempt(pk: UUID) -> Attempt:
    attempt = Attempt.objects.select_related("job__project", "job__snapshot").filter(pk=pk).first()
    if attempt is None:
        raise NotFound("There is no such attempt.")
    return attempt
