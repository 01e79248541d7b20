"""The one way into the record. Its one caller is core.recording, for core.commands, core.reads and core.sightings."""

import unicodedata
import uuid
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog
from django.conf import settings
from django.db import connection, models, transaction

from apps.audit.ids import uuid7
from apps.audit.models import Outcome
from apps.audit.source import current_source
from tlog.canonical import canonical

VERSION = 1
log = structlog.get_logger("caia.record")


class Actor(Protocol):
    """Whoever acts: a member, a system actor, or nobody yet (before sign-in)."""

    @property
    def actor_type(self) -> str: ...

    @property
    def actor_ref(self) -> str: ...


def record(
    event: str,
    *,
    actor: Actor,
    target: models.Model,
    outcome: Outcome = Outcome.SUCCESS,
    reason: str = "",
    **details: Any,
) -> uuid.UUID:
    """Append one event in the caller's transaction: the change and its event stand or fall together.

    `details` hold identifiers, states and counts as JSON values without floats. Raises whatever the database raises:
    who can't be recorded can't act. The id of every committed event also goes to the log, as a second trace.
    """
    at = datetime.now(UTC)  # the true clock, never the turned one of tests and demo
    event_id = uuid7(at)
    text = canonical(_facts(event_id, at, event, actor, target, outcome, reason, details))
    with connection.cursor() as cursor:
        cursor.execute("select audit.append(%s)", [text])
    transaction.on_commit(lambda: log.info("recorded", id=str(event_id), kind=event))
    return event_id


def _facts(
    event_id: uuid.UUID,
    at: datetime,
    event: str,
    actor: Actor,
    target: models.Model,
    outcome: Outcome,
    reason: str,
    details: dict[str, Any],
) -> dict[str, Any]:
    """The event as audit.md lays it down; people appear by reference alone."""
    source = current_source()
    return {
        "v": VERSION,
        "id": str(event_id),
        "occurred_at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "kind": event,
        "outcome": str(outcome.value),
        "reason": unicodedata.normalize("NFC", reason),
        "actor": {"type": actor.actor_type, "ref": actor.actor_ref, "roles": _roles_of(actor)},
        "object": {"type": target._meta.label_lower, "id": str(target.pk), "center": _center_of(target)},
        "details": details,
        "source": {
            "component": source.component,
            "ip": source.ip,
            "request_id": source.request_id,
            "session": source.session,
            "build": settings.VERSION,
        },
        "auth": source.auth,
    }


def _roles_of(actor: Actor) -> list[str]:
    """The roles under which somebody acted, where they have any."""
    roles = getattr(actor, "role_names", None)
    return sorted(roles()) if roles else []


def _center_of(target: models.Model) -> str:
    """The center whose affair this is, by the target's own word; empty for the alliance's affairs."""
    concerns = getattr(target, "concerns_center", None)
    return str(concerns()) if concerns else ""
