"""Events of another day, straight through the record's door: what a test can't make happen just then."""

from datetime import datetime
from typing import Any

from django.db import connection

from apps.audit.ids import uuid7
from tlog.canonical import canonical


def happened(event: str, at: datetime, *, outcome: str = "success", **parts: Any) -> None:
    """Note this event as of this moment; `parts` replace its actor, object, source, auth, details or reason."""
    facts = {
        "v": 1,
        "id": str(uuid7(at)),
        "occurred_at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "kind": event,
        "outcome": outcome,
        "reason": "",
        "actor": {"type": "system", "ref": "clock", "roles": []},
        "object": {"type": "x", "id": "x", "center": ""},
        "details": {},
        "source": {"component": "test", "ip": "", "request_id": "", "session": "", "build": ""},
        "auth": {},
        **parts,
    }
    with connection.cursor() as cursor:
        cursor.execute("select audit.append(%s)", [canonical(facts)])
