"""What the record costs a change: at database level with pgbench, and through the gate in Python."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from statistics import median
from typing import Any
from unittest import mock

from apps.alliance.models import Member
from apps.alliance.services import people
from apps.audit.source import coming_from
from tests import database
from tests.bench.audit_ground import (
    SOURCE,
    at_rank,
    caught_up,
    drop_tables,
    fresh_notary,
    make_tables,
    pgbench,
    row,
    running_notary,
    spread,
    written_event,
)
from tests.factories import MemberFactory

RUNS, SECONDS, ROWS = 5, 4, 10_000
COMMANDS_A_BLOCK, BLOCKS, SETTLING = 25, 24, 4
CHANGE = """
update {table} set status_at = now() where id = ('00000000-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid;"""
BODIES = {
    "bare": "insert into bench_bare (entry) values (replace(:event, '@', uuidv7()::text));",
    "free": f"\\set n random(1, {{rows}})\nbegin;{CHANGE.format(table='bench_free')}\ncommit;",
    "audited": f"\\set n random(1, {{rows}})\nbegin;{CHANGE.format(table='bench_governed')}\n"
    "select audit.append(replace(:event, '@', uuidv7()::text));\ncommit;",
}


def figures(scale: float) -> Iterator[dict[str, Any]]:
    """audited_1 and audited_8, then append_added_p50_ms; a notary keeps up with them all the while."""
    home = fresh_notary()
    member = MemberFactory()
    event = written_event(member)
    rows = max(int(ROWS * scale), 100)
    make_tables(rows)
    with running_notary(home):
        for clients in (1, 8):
            yield _audited(clients, rows, event, SECONDS * scale)
        yield from _added(member, max(int(BLOCKS * scale), 2))
    drop_tables()


def _audited(clients: int, rows: int, event: str, seconds: float) -> dict[str, Any]:
    rates: dict[str, list[float]] = {name: [] for name in BODIES}
    behind = []
    for turn in range(RUNS + 1):
        for name, body in BODIES.items():
            # Nobody pays for the one before: the notary has caught up when a run begins.
            behind.append(caught_up())
            rate = pgbench(body.format(rows=rows), clients=clients, seconds=seconds, event=event)
            if turn:
                rates[name].append(rate)
    middle = {name: median(values) for name, values in rates.items()}
    return row(
        f"audited_{clients}",
        "tx/s",
        middle["audited"],
        middle["free"],
        spread=spread(rates["audited"]),
        limit_spread=spread(rates["free"]),
        bare_insert=round(middle["bare"], 1),
        bare_spread=spread(rates["bare"]),
        waiting_at_end=max(behind),
    )


def _added(member: Member, blocks: int) -> Iterator[dict[str, Any]]:
    """The same command with record and rule, and without; in blocks by turns, since the rule is a table's trigger."""
    times: dict[bool, list[float]] = {True: [], False: []}
    for block in range(2 * blocks):
        recorded = block % 2 == 0
        with nullcontext() if recorded else unrecorded():
            timed = _timed(lambda number: _edit(member, number), SETTLING + COMMANDS_A_BLOCK)
        times[recorded] += timed[SETTLING:]
    ours, bare = (times[recorded] for recorded in (True, False))
    yield row(
        "append_added_p50_ms",
        "ms",
        median(ours) - median(bare),
        p99_added=round(at_rank(ours, 0.99) - at_rank(bare, 0.99), 2),
        with_record_p50=round(median(ours), 2),
        without_p50=round(median(bare), 2),
        commands=len(ours),
    )


def _edit(member: Member, number: int) -> None:
    people.edit_profile(member, by=member, name=member.name, position=f"Biostatistician {number}", orcid="")


def _timed(act: Callable[[int], None], times: int) -> list[float]:
    """Milliseconds of each."""
    taken = []
    with coming_from(**SOURCE):
        for number in range(times):
            started = time.perf_counter()
            act(number)
            taken.append((time.perf_counter() - started) * 1000)
    return taken


@contextmanager
def unrecorded() -> Iterator[None]:
    """The gate without its record: what a portal would do that keeps none."""
    with database.owner() as owner, mock.patch("apps.core.commands.record"):
        owner.execute("alter table alliance_member disable trigger must_be_recorded")
        try:
            yield
        finally:
            owner.execute("alter table alliance_member enable trigger must_be_recorded")
