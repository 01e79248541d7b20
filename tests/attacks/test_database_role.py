"""Raw SQL as the portal's own role: what somebody could do who had taken over the web process."""

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.utils import DatabaseError
from psycopg import errors as pg

from apps.alliance.services import people
from apps.audit.models import Event
from tests import database
from tests.factories import MemberFactory, holder

pytestmark = pytest.mark.django_db


@pytest.fixture
def recorded(db):
    manager = holder("center_manager")
    people.suspend(MemberFactory(center=manager.center), by=manager, reason="On leave.")
    return Event.objects.get()


def refused_by(sql):
    """The database's own code of the refusal."""
    with pytest.raises(DatabaseError) as refusal, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    return refusal.value.__cause__.sqlstate


PRIVILEGE = pg.InsufficientPrivilege.sqlstate


@pytest.mark.parametrize(
    "sql",
    [
        "update audit.pending set entry = '{}'",
        "update audit.entry set idx = idx",
        "update audit.entry set entry = '{}' where false",
        "delete from audit.pending",
        "delete from audit.entry where false",
        "delete from audit.changed",
        "truncate audit.pending",
        "truncate audit.entry cascade",
        "insert into audit.pending (entry) select entry from audit.pending on conflict (id) do update set entry = '{}'",
        "merge into audit.pending e using (select 1) s on true when matched then delete",
        "with gone as (delete from audit.pending returning *) select count(*) from gone",
        "select * from audit.pending for update",
        "lock table audit.pending in access exclusive mode",
    ],
)
def test_a_line_of_the_record_can_be_neither_changed_nor_removed(recorded, sql):
    assert refused_by(sql) == PRIVILEGE
    assert Event.objects.get().reason == "On leave."


@pytest.mark.parametrize(
    "sql",
    [
        "create table loot (id int)",
        "create temporary table pending (like audit.pending)",
        "create unlogged table loot (id int)",
        "create table public.loot as select * from audit.event",
        "select * into loot from audit.event",
        "create view loot as select * from audit.event",
        "create materialized view loot as select 1",
        "create schema loot",
        "create function loot() returns int language sql as 'select 1'",
        "create extension dblink",
        "create type loot as (id int)",
        "create sequence loot",
        "create database loot",
        "create role loot",
        "create publication loot for all tables",
    ],
)
def test_nothing_new_can_be_made(sql):
    assert refused_by(sql) in {PRIVILEGE, pg.ActiveSqlTransaction.sqlstate, pg.FeatureNotSupported.sqlstate}


@pytest.mark.parametrize("way", ["", "try_"])
@pytest.mark.parametrize("reach", ["", "xact_"])
@pytest.mark.parametrize("kind", ["", "_shared"])
def test_the_lock_that_keeps_a_second_notary_out_is_not_the_portals_to_hold(way, reach, kind):
    assert refused_by(f"select pg_{way}advisory_{reach}lock{kind}(1)") == PRIVILEGE
    assert refused_by(f"select pg_{way}advisory_{reach}lock{kind}(1, 2)") == PRIVILEGE


def test_no_database_can_be_made_outside_a_transaction_either():
    with connection.cursor() as cursor:
        cursor.execute(
            "select rolcreatedb, rolcreaterole, rolsuper, rolreplication from pg_roles where rolname = current_user"
        )
        assert cursor.fetchone() == (False, False, False, False)


@pytest.mark.parametrize(
    "sql",
    [
        "create trigger loot before insert on audit.pending for each row execute function tsvector_update_trigger()",
        "create trigger loot after insert on alliance_member for each row execute function tsvector_update_trigger()",
        "create rule loot as on insert to audit.pending do instead nothing",
        "alter table audit.pending disable trigger all",
        "alter table audit.entry disable trigger entry_stays",
        "drop trigger entry_stays on audit.entry",
        "drop trigger must_be_recorded on alliance_member",
        "drop table audit.pending",
        "alter table audit.pending rename to hidden",
        "alter table audit.pending add column loot int",
        "alter table audit.pending owner to current_user",
        "alter table alliance_grant drop constraint grant_never_to_oneself",
        "alter table alliance_grant disable trigger all",
        "drop index audit.entry_by_actor",
        "create index loot on audit.pending (entry)",
        "drop function audit.refuse",
        "comment on table audit.pending is 'loot'",
    ],
)
def test_the_tables_guards_cannot_be_taken_away(sql):
    assert refused_by(sql) == PRIVILEGE


@pytest.mark.parametrize("to", ["current_user", "public"])
def test_the_role_cannot_give_itself_a_right(to):
    with connection.cursor() as cursor:
        cursor.execute(f"grant all on audit.pending to {to}")  # PostgreSQL only warns that nothing was granted
        cursor.execute("select has_table_privilege('audit.pending', 'UPDATE, DELETE, TRUNCATE, TRIGGER')")
        assert cursor.fetchone() == (False,)


@pytest.mark.parametrize(
    "sql",
    [
        "set session_replication_role = 'replica'",
        "set local session_replication_role = 'replica'",
        "select set_config('session_replication_role', 'replica', false)",
        "set role postgres",
        "set session authorization postgres",
        "set log_statement = 'none'",
        "alter role current_user superuser",
        "alter role current_user bypassrls",
        "alter role current_user createdb",
        "copy audit.pending to program 'cat'",
        "copy audit.pending from '/etc/passwd'",
        "select pg_read_file('/etc/passwd')",
        "select lo_import('/etc/passwd')",
        "select pg_reload_conf()",
        "select pg_switch_wal()",
        "select * from pg_authid",
    ],
)
def test_the_role_gets_no_further_than_its_own_rights(sql):
    assert refused_by(sql) in {PRIVILEGE, pg.InvalidParameterValue.sqlstate}


def test_the_role_does_not_become_the_owner():
    with database.owner() as owning:
        (owner,) = owning.execute("select current_user").fetchone()

    assert refused_by(f'set role "{owner}"') in {PRIVILEGE, pg.InvalidParameterValue.sqlstate}
    assert refused_by(f'reassign owned by "{owner}" to current_user') == PRIVILEGE


def test_the_owner_too_adds_to_the_record_only(transactional_db):
    manager = holder("center_manager")
    people.suspend(MemberFactory(center=manager.center), by=manager, reason="On leave.")

    with database.owner() as owning:
        for sql in (
            "update audit.pending set entry = '{}'",
            "truncate audit.entry",
            "truncate audit.checkpoint cascade",
        ):
            with pytest.raises(pg.InsufficientPrivilege, match="append-only"):
                owning.execute(sql)


def test_a_line_can_be_added_and_read(recorded):
    """The refusals above come from missing rights, not from a broken connection."""
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from audit.event")
        assert cursor.fetchone() == (1,)


def test_what_constraints_forbid_raw_sql_cannot_do():
    manager = holder("center_manager")
    sql = "update alliance_grant set granted_by_id = user_id"

    with (
        pytest.raises(DatabaseError, match="grant_never_to_oneself"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)

    assert manager.all_grants.get().granted_by is None


@pytest.mark.parametrize(
    "table", sorted(model._meta.db_table for model in apps.get_app_config("alliance").get_models())
)
def test_nothing_of_the_alliance_can_be_erased(table):
    assert refused_by(f"delete from {table}") == PRIVILEGE
    assert refused_by(f"delete from {table} where false") == PRIVILEGE


@pytest.mark.parametrize("table", ["auth_permission", "django_content_type", "django_migrations"])
def test_what_migrations_fill_is_only_read(table):
    with connection.cursor() as cursor:
        cursor.execute(f"select has_table_privilege('{table}', 'INSERT, UPDATE, DELETE')")
        assert cursor.fetchone() == (False,)


def test_the_search_path_leads_to_no_place_where_the_role_can_create():
    with connection.cursor() as cursor:
        cursor.execute("select s from unnest(current_schemas(true)) s where has_schema_privilege(s, 'CREATE')")
        assert cursor.fetchall() == []


def test_every_table_can_at_most_be_read_and_filled():
    with connection.cursor() as cursor:
        cursor.execute(
            "select tablename, p from pg_tables, unnest(array['TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']) p "
            "where schemaname = 'public' and has_table_privilege(quote_ident(tablename), p)"
        )
        assert cursor.fetchall() == []
