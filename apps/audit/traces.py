"""The second trace: each committed event's id also goes to the portal's log, which another machine may keep."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from uuid import UUID

from django.db import connection

LOGGER = "caia.record"
AT_ONCE = 1_000


def missing_events(log: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Id and kind of every event that this JSON log says was recorded, and that the record does not have."""
    named = _named(log)
    while some := dict(islice(named, AT_ONCE)):
        with connection.cursor() as cursor:
            cursor.execute("select id::text from audit.event where id = any(%s::uuid[])", [list(some)])
            there = {pk for (pk,) in cursor.fetchall()}
        yield from ((pk, kind) for pk, kind in some.items() if pk not in there)


def _named(log: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in log:
        if LOGGER not in line:
            continue
        try:
            said = json.loads(line)
            if said["logger"] == LOGGER and said["event"] == "recorded":
                yield str(UUID(said["id"])), str(said["kind"])
        except (ValueError, KeyError, TypeError):
            continue  # a line cut by a crash, or somebody else's
