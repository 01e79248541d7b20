"""Test databases: migrated once by the owner, cloned for each worker, used by the portal's role that owns nothing."""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from caia_portal.environment import Environment

OWNER_URL = os.environ.get("DATABASE_OWNER_URL", os.environ.get("DATABASE_URL", ""))
RECORD = ["pending", "changed", "entry", "checkpoint", "cosignature", "log_key", "witness", "alarm"]
KEPT = {"django_migrations", "django_content_type", "auth_permission", "alliance_alliance"}


def owner_settings(name: str) -> dict[str, object]:
    """Django's connection parts for the owner on this database."""
    return {**Environment({**os.environ, "DATABASE_URL": OWNER_URL}).database(), "NAME": name}


@contextmanager
def owner(name: str | None = None) -> Iterator[psycopg.Connection]:
    """A plain connection as the owner, in autocommit, to this database or the one the worker uses."""
    parts = owner_settings(name or str(settings.DATABASES["default"]["NAME"]))
    connection = psycopg.connect(
        host=str(parts["HOST"]),
        port=str(parts["PORT"]) or None,
        user=str(parts["USER"]),
        password=str(parts["PASSWORD"]),
        dbname=str(parts["NAME"]),
        autocommit=True,
    )
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def superuser(name: str | None = None) -> Iterator[psycopg.Connection]:
    """The superuser of a server that ./caia started, every trigger asleep; FileNotFoundError at another's."""
    password = json.loads((Path(settings.HOME) / "secrets").read_text(encoding="utf-8"))["postgres"]
    parts = owner_settings(name or str(settings.DATABASES["default"]["NAME"]))
    with psycopg.connect(
        host=str(parts["HOST"]),
        port=str(parts["PORT"]),
        user="postgres",
        password=password,
        dbname=str(parts["NAME"]),
        autocommit=True,
    ) as connection:
        connection.execute("set session_replication_role = replica")
        yield connection


def make(name: str) -> None:
    """A fresh database of this name, cloned from the migrated template."""
    template = _template()
    with owner(_maintenance()) as connection:
        _drop(connection, name)
        connection.execute(
            sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template))
        )
        # As ./caia up does: no temporary tables, which could stand in front of the real ones.
        connection.execute(sql.SQL("revoke temporary on database {} from public").format(sql.Identifier(name)))


def drop(name: str) -> None:
    with owner(_maintenance()) as connection:
        _drop(connection, name)


def _drop(connection: psycopg.Connection, name: str) -> None:
    """Autovacuum works as the superuser, whom the owner can't send away; it is gone after a moment."""
    for left in range(20, -1, -1):
        try:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
            return
        except psycopg.errors.InsufficientPrivilege:
            if not left:
                raise
            time.sleep(0.5)


def truncate() -> None:
    """Empty every table but those that migrations fill; only the owner can, and the record only with triggers off."""
    with owner() as connection:
        rows = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        tables = [("public", name) for (name,) in rows if name not in KEPT] + [("audit", name) for name in RECORD]
        with connection.transaction():
            _wake_triggers(connection)
            if connection.execute("select to_regproc('public.empty_table') is null").fetchone() == (True,):
                _truncate_all(connection, tables)
            else:
                _empty_filled(connection, tables)
            connection.execute("call audit.note_existing('alliance_alliance')")


def _wake_triggers(connection: psycopg.Connection) -> None:
    """What a test put to sleep, as an attacker would, is awake for the next one."""
    asleep = connection.execute(
        "select n.nspname, c.relname, t.tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid "
        "join pg_namespace n on n.oid = c.relnamespace "
        "where t.tgenabled = 'D' and not t.tgisinternal and n.nspname in ('public', 'audit')"
    ).fetchall()
    for schema, table, trigger in asleep:
        names = {"table": sql.Identifier(schema, table), "trigger": sql.Identifier(trigger)}
        connection.execute(sql.SQL("alter table {table} enable trigger {trigger}").format(**names))


def _empty_filled(connection: psycopg.Connection, tables: list[tuple[str, str]]) -> None:
    """Take the rows out of the few tables that have some: a tenth of what it costs to truncate them all."""
    identifiers = [sql.Identifier(*table) for table in tables]
    asked = [
        sql.SQL("select {} where exists (select from {})").format(sql.Literal(place), table)
        for place, table in enumerate(identifiers)
    ]
    for (place,) in connection.execute(sql.SQL(" union all ").join(asked)).fetchall():
        connection.execute("select public.empty_table(%s::regclass)", [identifiers[place].as_string(connection)])


def _truncate_all(connection: psycopg.Connection, tables: list[tuple[str, str]]) -> None:
    """The same without a superuser: triggers are put to sleep table by table."""
    months = connection.execute(
        "select 'audit', c.relname from pg_inherits join pg_class c on c.oid = inhrelid "
        "where inhparent = 'audit.entry'::regclass"
    ).fetchall()
    watched = [table for table in tables if table[0] == "public" or table[1] in {"entry", "checkpoint", "log_key"}]
    watched += months
    for table in watched:
        connection.execute(sql.SQL("alter table {} disable trigger user").format(sql.Identifier(*table)))
    names = sql.SQL(", ").join(sql.Identifier(*table) for table in tables)
    connection.execute(sql.SQL("truncate {} restart identity").format(names))
    for table in watched:
        connection.execute(sql.SQL("alter table {} enable trigger user").format(sql.Identifier(*table)))


def _maintenance() -> str:
    return str(Environment().database()["NAME"])


def _template() -> str:
    """The name of the migrated template; made once for each set of migrations, whoever comes first."""
    name = f"template_{_digest()}"
    with owner(_maintenance()) as connection:
        connection.execute("select pg_advisory_lock(20261123)")
        found = connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone()
        if not found:
            connection.execute(sql.SQL("drop database if exists making_template with (force)"))
            connection.execute(sql.SQL("create database making_template"))
            _prepare("making_template")
            _migrate("making_template")
            _let_clocks_turn("making_template")
            _let_tables_be_emptied("making_template")
            connection.execute(sql.SQL("alter database making_template rename to {}").format(sql.Identifier(name)))
        connection.execute("select pg_advisory_unlock(20261123)")
    return name


def _prepare(name: str) -> None:
    """The grants that ./caia up gives the portal's role when it makes a database."""
    portal = sql.Identifier(str(Environment().database()["USER"]))
    with owner(name) as connection:
        connection.execute("revoke create on schema public from public")
        connection.execute(
            sql.SQL(
                "alter default privileges in schema public grant select, insert, update, delete on tables to {}"
            ).format(portal)
        )
        connection.execute(
            sql.SQL("alter default privileges in schema public grant usage, select on sequences to {}").format(portal)
        )


def _migrate(name: str) -> None:
    connection = connections["default"]
    connection.close()
    kept = {key: connection.settings_dict[key] for key in ("NAME", "USER", "PASSWORD")}
    connection.settings_dict.update({key: owner_settings(name)[key] for key in kept})
    try:
        call_command("migrate", verbosity=0)
    finally:
        connection.close()
        connection.settings_dict.update(kept)


def _let_clocks_turn(name: str) -> None:
    """Tests turn the portal's clock, not the database's; tests/record/test_raw_sql.py puts the true rule back."""
    with owner(name) as connection:
        connection.execute(
            "create or replace function audit.is_now(moment timestamptz) returns boolean language sql return true"
        )
        connection.execute(
            "create or replace function alliance_now() returns timestamptz language sql "
            "set search_path = pg_catalog, pg_temp "
            "return coalesce(nullif(current_setting('caia.now', true), '')::timestamptz, clock_timestamp())"
        )


def _let_tables_be_emptied(name: str) -> None:
    """Where the server is ours, a function of its superuser takes a table's rows with every trigger asleep."""
    with suppress(FileNotFoundError), superuser(name) as connection:
        connection.execute("""
            create function public.empty_table(emptied regclass) returns void
                language plpgsql security definer
                set search_path = pg_catalog, pg_temp set session_replication_role = replica as $$
            begin
                execute format('delete from %s', emptied);
                perform setval(objid::regclass, seqstart, false)
                    from pg_depend join pg_sequence on seqrelid = objid
                    where refobjid = emptied and deptype in ('a', 'i');
            end $$
        """)
        connection.execute("revoke execute on function public.empty_table from public")
        connection.execute(
            sql.SQL("grant execute on function public.empty_table to {}").format(
                sql.Identifier(str(owner_settings(name)["USER"]))
            )
        )


def turn_clock(at: datetime) -> None:
    """Second factors that are removed in what is left of this transaction end at this moment."""
    with connections["default"].cursor() as cursor:
        cursor.execute("select set_config('caia.now', %s, true)", [at.isoformat()])


def _digest() -> str:
    root = Path(settings.BASE_DIR)
    digest = hashlib.sha256()
    for file in sorted(
        [*root.glob("apps/*/migrations/*"), root / "uv.lock", *root.glob("apps/*/models.py"), Path(__file__)]
    ):
        if file.is_file():
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
