"""A record of any size within minutes: events as the portal writes them, put in order by the owner, unsigned."""

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from psycopg import sql

from apps.alliance.models import Center, Member
from apps.home.sentences import event_choices
from tests import database
from tlog.canonical import canonical

MONTHS = 12
HELD_BACK = ("entry_by_center", "entry_by_actor", "entry_by_object", "entry_by_kind")  # quicker built afterwards
# How unevenly they appear, as the power of a random number: the busiest person has 1.4 % of all events.
PEOPLE, CENTERS, KINDS = 2.0, 1.5, 3.0
PIECE = 50_000
PLACES = {"id": "01", "at": "02", "kind": "03", "outcome": "04", "actor": "05", "object": "06", "center": "07"}


def fill(count: int, event: str) -> None:
    """Spread so many events over the last twelve months, in monthly partitions with every index, vacuumed."""
    first = datetime.now(UTC) - timedelta(days=30.4 * MONTHS)
    with database.owner() as owner:
        for month in range(MONTHS + 1):
            owner.execute("call audit.ensure_partition(%s)", [(first + timedelta(days=30.4 * month)).date()])
        _keep("bench_people", [str(pk) for pk in Member.objects.values_list("pk", flat=True)])
        _keep("bench_centers", [str(pk) for pk in Center.objects.order_by("pk").values_list("pk", flat=True)])
        _keep("bench_kinds", [name for name, _ in event_choices()])
        # "only" stands in a definition because the index has parts; built anew it shall have them again.
        indexes = [
            owner.execute("select pg_get_indexdef(%s::regclass)", [f"audit.{name}"]).fetchone()[0] for name in HELD_BACK
        ]
        for name in HELD_BACK:
            owner.execute(sql.SQL("drop index audit.{}").format(sql.Identifier(name)))
        _in_pieces(count, event, first)
        owner.execute("set maintenance_work_mem = '512MB'")
        for definition in indexes:
            owner.execute(definition.replace(" ON ONLY ", " ON "))
        owner.execute("drop table bench_people, bench_centers, bench_kinds")
        owner.execute("vacuum analyze audit.entry")


def bytes_per_event() -> tuple[float, float]:
    """What one event takes on disk, in the table and with its indexes."""
    with database.owner() as owner:
        row = owner.execute(
            "select sum(pg_table_size(inhrelid)), sum(pg_total_relation_size(inhrelid)) from pg_inherits "
            "where inhparent = 'audit.entry'::regclass"
        ).fetchone()
        count = owner.execute("select count(*) from audit.entry").fetchone()
    assert row
    assert count
    return float(row[0]) / count[0], float(row[1]) / count[0]


def _keep(table: str, words: Sequence[str]) -> None:
    with database.owner() as owner:
        owner.execute(f"drop table if exists {table}")
        owner.execute(f"create unlogged table {table} (n int primary key, word text not null)")
        with owner.cursor() as cursor, cursor.copy(f"copy {table} from stdin") as copy:
            for number, word in enumerate(words):
                copy.write_row((number, word))


def _in_pieces(count: int, event: str, first: datetime) -> None:
    """Both cores fill, piece by piece, from the first free place on."""
    form = _form(event)
    with database.owner() as owner:
        free = owner.execute("select coalesce(max(idx) + 1, 0) from audit.entry").fetchone()[0]

    def put(start: int) -> None:
        piece = {
            "start": start,
            "end": min(start + PIECE, count),
            "count": count,
            "first": first,
            "form": form,
            "free": free,
        }
        with database.owner() as owner:
            owner.execute("set synchronous_commit = off")
            owner.execute(INSERT, piece)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(put, range(0, count, PIECE)):
            pass  # an error of one of them is raised here


def _form(event: str) -> str:
    """This event's text as a format for PostgreSQL, with places for what differs between events."""
    facts = json.loads(event)
    mark = {name: f"\u0001{number}" for name, number in PLACES.items()}
    facts |= {"id": mark["id"], "occurred_at": mark["at"], "kind": mark["kind"], "outcome": mark["outcome"]}
    facts["actor"] |= {"ref": mark["actor"], "roles": ["center_manager"]}
    facts["object"] |= {"id": mark["object"], "center": mark["center"]}
    text = canonical(facts).replace("%", "%%")
    for number in PLACES.values():
        text = text.replace(f"\\u0001{number}", f"%{int(number)}$s")
    return text


INSERT = f"""
insert into audit.entry (idx, sequenced_at, entry, leaf)
select %(free)s + n, at, entry, sha256('\\x00'::bytea || convert_to(entry, 'UTF8'))
from (
  select drawn.n, at, format(%(form)s, uuidv7(at - clock_timestamp()),
    to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), k.word,
    case when luck < 0.001 then 'error' when luck < 0.02 then 'refused' else 'success' end, a.word,
    case when luck < 0.5 then o.word else uuidv7((-drawn.n || ' minutes')::interval)::text end, c.word) as entry
  from (
    select n, %(first)s + (now() - %(first)s) * (n::float8 / %(count)s) as at, random() as luck,
      floor(random() ^ {PEOPLE} * people)::int as actor, floor(random() ^ {PEOPLE} * people)::int as object,
      floor(random() ^ {CENTERS} * centers)::int as center, floor(random() ^ {KINDS} * kinds)::int as kind
    from generate_series(%(start)s::bigint, %(end)s::bigint - 1) n,
      (select (select count(*) from bench_people) as people, (select count(*) from bench_centers) as centers,
              (select count(*) from bench_kinds) as kinds) as sizes
    offset 0
  ) as drawn
  join bench_people a on a.n = actor join bench_people o on o.n = object
  join bench_centers c on c.n = center join bench_kinds k on k.n = kind
  offset 0
) as made
"""
