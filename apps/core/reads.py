"""Reads of sensitive content: recorded before the first byte, refused if they can't be."""

from typing import Any

from django.db import models, transaction

from apps.audit.services import record
from apps.core.actors import Actor


def record_read(event: str, *, by: Actor, target: models.Model, **details: Any) -> None:
    """Commit the event of this read; raises when the record can't take it, so nothing is shown."""
    with transaction.atomic(durable=True):
        record(event, actor=by, target=target, **details)
