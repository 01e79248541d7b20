"""The kernel's way into the record: who can't be recorded can't act, and is told so in words (503)."""

import uuid
from typing import Any

from django.db import DatabaseError, InterfaceError
from psycopg import errors as pg

from apps.audit import services
from apps.core.errors import NotRecorded

SORRY = "The portal can't write its record now, so nothing was done and nothing is shown. Try again in a few minutes."


def record(event: str, **facts: Any) -> uuid.UUID:
    """audit.services.record(); raises NotRecorded where the database does not take the event.

    A deadlock goes on to the gate as it is, which tries the command again.
    """
    try:
        return services.record(event, **facts)
    except (DatabaseError, InterfaceError) as error:
        if isinstance(error.__cause__, pg.DeadlockDetected | pg.SerializationFailure):
            raise
        raise NotRecorded(SORRY) from error
