"""The portal's role erases nothing of the alliance, and leaves alone what only migrations fill."""

from django.db import migrations

FORWARD = """
do $$
declare held record;
begin
  for held in
    select table_name, grantee from information_schema.role_table_grants
    where table_schema = 'public' and privilege_type = 'DELETE' and grantee not in (current_user, 'PUBLIC')
      and (table_name like 'alliance\\_%' or table_name in ('auth_permission', 'django_content_type', 'django_migrations'))
  loop
    execute format('revoke delete on %I from %I', held.table_name, held.grantee);
    if held.table_name not like 'alliance\\_%' then
      execute format('revoke insert, update on %I from %I', held.table_name, held.grantee);
    end if;
  end loop;
end $$;
"""


class Migration(migrations.Migration):
    dependencies = [("alliance", "0003_indexes_of_the_lists")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
