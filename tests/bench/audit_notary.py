"""How quick the record is put in order, signed and verified, by the portal itself and by the offline verifier."""

import hashlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from apps.audit.exports import export_whole
from apps.audit.verification import verify
from tests import database
from tests.bench.audit_ground import (
    at_rank,
    caught_up,
    drop_tables,
    fresh_notary,
    make_tables,
    notary_once,
    row,
    running_notary,
    shown,
    spread,
    with_open_time,
    written_event,
)
from tests.factories import MemberFactory

ROWS = 10_000
SECONDS, WRITERS, A_SECOND = 30, 2, 200
ENTRIES, RUNS = 1_000_000, 5
VERIFIER = Path(settings.BASE_DIR) / "verifier" / "caia_verify.py"


def figures(scale: float) -> Iterator[dict[str, Any]]:
    """A record of 10^6 entries grows: first slowly, under a notary that runs; then from heaps that wait for it."""
    home = fresh_notary()
    event = with_open_time(written_event(MemberFactory()))
    make_tables(max(int(ROWS * scale), 100))
    with running_notary(home):
        yield _merge_delay(event, max(SECONDS * scale, 5))
        caught_up()
    yield _notary_per_s(home, event, int(ENTRIES * scale))
    yield from _verified(home)
    drop_tables()


# ── from commit to signature ─────────────────────────────────────────────────────────────────────────────────────────
def _merge_delay(event: str, seconds: float) -> dict[str, Any]:
    """Audited changes at a steady pace; each delay runs from its COMMIT's return to the first head above it."""
    committed: dict[str, float] = {}
    writers = [threading.Thread(target=_write, args=(event, seconds, committed)) for _ in range(WRITERS)]
    started = time.monotonic()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    taken = time.monotonic() - started
    caught_up()
    time.sleep(2)  # what left `pending` is signed a moment later
    with connection.cursor() as cursor:
        cursor.execute(
            "select e.id::text, extract(epoch from (select signed_at from audit.checkpoint c where c.size > e.idx "
            "order by size limit 1))::float8 from audit.entry e where e.id = any(%s::uuid[])",
            [list(committed)],
        )
        delays = [signed_at - committed[name] for name, signed_at in cursor.fetchall()]
    assert len(delays) == len(committed)
    return row(
        "merge_delay_p99_s",
        "s",
        at_rank(delays, 0.99),
        p50=shown(median(delays)),
        most=shown(max(delays)),
        events_per_s=round(len(delays) / taken),
    )


def _write(event: str, seconds: float, committed: dict[str, float]) -> None:
    """Change a governed row and append its event, again and again, WRITERS · A_SECOND times a second in all."""
    parts = connection.settings_dict
    address = {"host": parts["HOST"], "port": parts["PORT"], "user": parts["USER"], "password": parts["PASSWORD"]}
    with psycopg.connect(**address, dbname=parts["NAME"]) as own:
        begin, number = time.monotonic(), 0
        while (due := begin + number * WRITERS / A_SECOND) < begin + seconds:
            time.sleep(max(due - time.monotonic(), 0))
            own.execute("update bench_governed set status_at = now() where name = %s", [f"Person {number % 100 + 1}"])
            name = own.execute("select uuidv7()::text").fetchone()[0]
            own.execute("select audit.append(%s)", [event.replace("@", name).replace("#", _now())])
            own.commit()
            committed[name] = time.time()
            number += 1


def _now() -> str:
    return timezone.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# ── entries a second ─────────────────────────────────────────────────────────────────────────────────────────────────
def _notary_per_s(home: Path, event: str, entries: int) -> dict[str, Any]:
    """Heaps of events, each second one with a governed row, that the notary works off up to the last head."""
    rates, heap = [], max(entries // RUNS * 2 // 3, 200)
    for _ in range(RUNS):
        _heap_up(event, heap)
        signed, seconds = notary_once(home)
        assert signed == heap + heap // 2, (signed, heap)
        rates.append(signed / seconds)
    rate = median(rates)
    return row("notary_per_s", "entries/s", rate, spread=spread(rates), events_per_s=round(rate * 2 / 3), heap=heap)


def _heap_up(event: str, events: int) -> None:
    """Committed events as a long outage would leave them; rows are noted with the digests that they have."""
    with database.owner() as owner:
        with owner.transaction():
            owner.execute(WAITING_EVENTS, [event, events])
            owner.execute(WAITING_ROWS)
        owner.execute("vacuum analyze audit.pending, audit.changed")


WAITING_EVENTS = """
insert into audit.pending (entry)
select replace(replace(%s, '@', uuidv7()::text), '#',
               to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
from generate_series(1, %s)
"""
WAITING_ROWS = """
with here as (select row_number() over () - 1 as n, row_id, digest from audit.row_digests('bench_governed')),
waiting as (select id, row_number() over (order by id) as n from audit.pending)
insert into audit.changed (pending_id, table_name, row_id, op, before, digest)
select w.id, 'bench_governed', r.row_id, 'U', r.digest, r.digest
from waiting w join here r on r.n = w.n / 2 % (select count(*) from here) where w.n % 2 = 0 order by w.id
"""


# ── verified ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def _verified(home: Path) -> Iterator[dict[str, Any]]:
    """By the portal from its database, and by the offline verifier from an exported file; beside bare SHA-256."""
    started = time.perf_counter()
    report = verify()
    ours = time.perf_counter() - started
    assert report.holds, report.wrong
    bundle = home / "bundle.jsonl.gz"
    with override_settings(RECORD_TILES=home / "tiles"):
        export_whole(bundle)
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(VERIFIER), str(bundle), "--json"], capture_output=True, text=True, check=False
    )
    theirs = time.perf_counter() - started
    assert done.returncode == 0, done.stdout[:500]
    hashed, each = _bare_hashes()
    about = {"entries": report.entries, "checkpoints": report.checkpoints, "hash_each": shown(each)}
    yield row("verify_1e6_s", "s", ours, hashed, by="apps.audit.verification", rows=report.rows, **about)
    megabytes = round(bundle.stat().st_size / 1e6)
    yield row("verify_1e6_offline_s", "s", theirs, hashed, by="caia_verify.py", bundle_mb=megabytes, **about)
    bundle.unlink()


def _bare_hashes() -> tuple[float, float]:
    """Seconds for one SHA-256 over all texts, and for one of each text."""
    with database.owner() as owner, owner.transaction(), owner.cursor(name="texts") as cursor:
        cursor.itersize = 5000
        cursor.execute("select entry from audit.entry order by idx")
        texts = [text.encode() for (text,) in cursor]
    started = time.perf_counter()
    whole = hashlib.sha256()
    for text in texts:
        whole.update(text)
    between = time.perf_counter()
    for text in texts:
        hashlib.sha256(text).digest()
    return between - started, time.perf_counter() - between
