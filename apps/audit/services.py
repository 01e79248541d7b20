"""The one way into the record. Its only callers are core.commands (writes and refusals) and core.reads."""

from typing import Any, Protocol

from django.db import models

from apps.audit.models import Event, Outcome
from apps.audit.source import current_source


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
) -> Event:
    """Append one event in the caller's transaction: the change and its event stand or fall together.

    `details` hold identifiers, states and counts as JSON values. Raises whatever the database raises: who can't be
    recorded can't act.
    """
    source = current_source()
    return Event.objects.create(
        event=event,
        outcome=outcome,
        reason=reason,
        actor_type=actor.actor_type,
        actor_ref=actor.actor_ref,
        target_type=target._meta.label_lower,
        target_ref=str(target.pk),
        center_ref=_center_of(target),
        details=details,
        component=source.component,
        request_id=source.request_id,
        ip=source.ip or None,
        session=source.session,
        auth=source.auth,
    )


def _center_of(target: models.Model) -> str:
    """The center whose affair this is, by the target's own word; empty for the alliance's affairs."""
    concerns = getattr(target, "concerns_center", None)
    return str(concerns()) if concerns else ""
