"""Reads of sensitive content: recorded before the first byte, refused if they can't be."""

from typing import Any

from django.db import models, transaction

from apps.audit.models import Outcome
from apps.audit.services import record
from apps.core.actors import Actor
from apps.core.decisions import Decision
from apps.core.errors import NotAllowed


def record_read(event: str, *, by: Actor, target: models.Model, **details: Any) -> None:
    """Commit the event of this read; raises when the record can't take it, so nothing is shown."""
    with transaction.atomic(durable=True):
        record(event, actor=by, target=target, **details)


def demand_read(event: str, decision: Decision, *, by: Actor, target: models.Model) -> None:
    """Refuse, and record it, where the policy of this read says no."""
    if not decision:
        record(event, actor=by, target=target, outcome=Outcome.REFUSED, reason=decision.reason)
        raise NotAllowed(decision.reason)
