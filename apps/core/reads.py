"""Reads of sensitive content: recorded before the first byte, refused if they can't be."""

import uuid
from typing import Any

from django.db import models, transaction

from apps.audit.models import Outcome
from apps.core.actors import Actor
from apps.core.decisions import Decision
from apps.core.errors import NotAllowed
from apps.core.events import Kind, demand_declared
from apps.core.recording import record


def record_read(event: str, *, by: Actor, target: models.Model, **details: Any) -> uuid.UUID:
    """Commit the event of this read, and say which; raises when the record can't take it, so nothing is shown."""
    demand_declared(event, Kind.READ, target)
    with transaction.atomic(durable=True):
        return record(event, actor=by, target=target, **details)


def demand_read(event: str, decision: Decision, *, by: Actor, target: models.Model) -> None:
    """Refuse, and record it, where the policy of this read says no."""
    demand_declared(event, Kind.READ, target)
    if not decision:
        record(event, actor=by, target=target, outcome=Outcome.REFUSED, reason=decision.reason)
        raise NotAllowed(decision.reason)
