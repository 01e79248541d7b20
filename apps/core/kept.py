"""For migrations: what the portal's roles may not do with a table any more, whoever had been given it."""

from django.db.migrations import RunSQL

_REVOKE = """
do $$
declare held record;
begin
  for held in
    select distinct grantee from information_schema.role_table_grants
    where table_schema = 'public' and table_name = '{table}' and grantee not in (current_user, 'PUBLIC')
  loop
    execute format('revoke {rights} on {table} from %I', held.grantee);
  end loop;
end $$;
"""


def never_erased(table: str) -> RunSQL:
    """Rows are changed, not taken away."""
    return RunSQL(_REVOKE.format(table=table, rights="delete"))


def only_added(table: str) -> RunSQL:
    """Rows stay as they were written."""
    return RunSQL(_REVOKE.format(table=table, rights="update, delete"))
