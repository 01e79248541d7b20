"""Who may do what in the database, as a text that is read with every change: tests/record/grants.txt.

After a wanted change write it anew with CAIA_WRITE_GRANTS=1 ./caia test tests/record/test_grants.py, and read the diff.
"""

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.django_db

SNAPSHOT = Path(__file__).with_name("grants.txt")
HEADING = """\
# Roles, grants and lent rights of the database, one a line, sorted. Compared with the database by test_grants.py.
# What an owner may do with its own things is left out; a month's partition stands for all of them.
"""
# Each query gives lines of text. "its owner" stands for the owner of the thing itself.
QUERIES = {
    "roles": """
        select format('role %s: %s', rolname, concat_ws(' ',
          case when rolsuper then 'SUPERUSER' end, case when rolcreaterole then 'CREATEROLE' end,
          case when rolbypassrls then 'BYPASSRLS' end, case when rolreplication then 'REPLICATION' end,
          case when rolcanlogin then 'LOGIN' end, case when rolconfig is not null then rolconfig::text end))
        from pg_roles where rolname like 'caia%'""",
    "memberships": """
        select format('member %s of %s', m.member::regrole, m.roleid::regrole) from pg_auth_members m
        where m.member::regrole::text like 'caia%' or m.roleid::regrole::text like 'caia%'""",
    "schemas": """
        select format('schema %s of %s: %s %s', nspname, nspowner::regrole, a.who, a.what)
        from pg_namespace, lateral (
          select coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC') as who, string_agg(
            privilege_type || case when is_grantable then '*' else '' end, ',' order by privilege_type) as what
          from aclexplode(nspacl) where grantee <> nspowner group by 1) a
        where nspname in ('audit', 'public')""",
    "tables": """
        select distinct format('%s %s.%s of %s: %s %s',
          case relkind when 'S' then 'sequence' when 'v' then 'view' else 'table' end, relnamespace::regnamespace,
          regexp_replace(relname, '_[0-9]{4}_[0-9]{2}$', '_YYYY_MM'), relowner::regrole,
          coalesce(a.who, 'nobody else'), a.what)
        from pg_class left join lateral (
          select coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC') as who, string_agg(
            privilege_type || case when is_grantable then '*' else '' end, ',' order by privilege_type) as what
          from aclexplode(relacl) where grantee <> relowner group by 1) a on true
        where relnamespace in ('audit'::regnamespace, 'public'::regnamespace)
        and relkind in ('r', 'p', 'v', 'm', 'S', 'f')""",
    "columns": """
        select format('column %s.%s: %s', attrelid::regclass, attname, attacl::text) from pg_attribute
        join pg_class c on c.oid = attrelid
        where attacl is not null and c.relnamespace in ('audit'::regnamespace, 'public'::regnamespace)""",
    "functions": """
        select format('%s %s of %s%s%s: %s %s', case prokind when 'p' then 'procedure' else 'function' end,
          p.oid::regprocedure, proowner::regrole,
          case when prosecdef then ', lends its owner''s rights' else '' end,
          case when proconfig is not null then ' (' || array_to_string(proconfig, '; ') || ')' else '' end,
          coalesce(a.who, 'nobody else'), a.what)
        from pg_proc p left join lateral
          (select coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC') as who, string_agg(privilege_type, ',') as what
           from aclexplode(coalesce(proacl, acldefault('f', proowner))) where grantee <> proowner group by 1) a on true
        where pronamespace in ('audit'::regnamespace, 'public'::regnamespace)
          and proname <> 'empty_table'  -- of the tests alone: tests/database.py""",
    "defaults": """
        select format('default for %s of %s in %s: %s %s',
          case defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' else defaclobjtype::text end,
          defaclrole::regrole, coalesce(nullif(defaclnamespace, 0)::regnamespace::text, 'every schema'), a.who, a.what)
        from pg_default_acl, lateral (
          select coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC') as who,
            string_agg(privilege_type, ',' order by privilege_type) as what
          from aclexplode(defaclacl) where grantee <> defaclrole group by 1) a""",
    "guards": """
        select distinct format('trigger %s on %s: %s, %s', tgname,
          regexp_replace(tgrelid::regclass::text, '_[0-9]{4}_[0-9]{2}$', '_YYYY_MM'), tgfoid::regproc,
          case tgenabled when 'O' then 'on' when 'A' then 'always on' else 'off' end)
        from pg_trigger t join pg_class c on c.oid = t.tgrelid
        where not tgisinternal
        and relnamespace in ('audit'::regnamespace, 'public'::regnamespace)""",
}


def found(superuser):
    lines = [line.strip() for query in QUERIES.values() for (line,) in superuser.execute(query).fetchall()]
    return HEADING + "".join(f"{line}\n" for line in sorted(lines))


def test_the_grants_are_those_that_were_agreed(superuser):
    now = found(superuser)
    if os.environ.get("CAIA_WRITE_GRANTS") == "1":
        SNAPSHOT.write_text(now, encoding="utf-8")

    assert now == SNAPSHOT.read_text(encoding="utf-8")


def test_nothing_in_the_record_is_open_to_everybody_or_can_be_passed_on(superuser):
    lines = [line for line in found(superuser).splitlines() if "audit." in line or "schema audit" in line]

    assert len(lines) > 30
    assert not [line for line in lines if "PUBLIC" in line or "*" in line]


def test_a_wider_grant_is_noticed(superuser):
    before = found(superuser)
    with superuser.transaction(force_rollback=True):
        superuser.execute("grant insert on audit.pending to caia_portal")
        assert found(superuser) != before
    with superuser.transaction(force_rollback=True):
        superuser.execute("alter function audit.append(text) set search_path = pg_catalog")
        assert found(superuser) != before
    with superuser.transaction(force_rollback=True):
        superuser.execute("grant update (url) on audit.witness to caia_portal")
        assert found(superuser) != before
    with superuser.transaction(force_rollback=True):
        superuser.execute("alter table alliance_member disable trigger must_be_recorded")
        assert found(superuser) != before


def test_every_function_of_ours_says_where_it_looks_for_tables(superuser):
    """Else whoever may make a temporary table puts theirs in front of the real one. Tests put their own is_now."""
    asked = superuser.execute("""
        select p.oid::regprocedure::text from pg_proc p
        where p.pronamespace in ('public'::regnamespace, 'audit'::regnamespace)
          and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
          and p.proname <> 'is_now' and (p.proconfig is null or not exists (
            select from unnest(p.proconfig) c where c like 'search_path=%pg_temp'))
    """)

    assert [name for (name,) in asked.fetchall()] == []
