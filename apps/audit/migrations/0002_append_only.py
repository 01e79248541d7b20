"""The record can be added to and read; nobody changes or removes a line, whoever asks."""

from django.db import migrations

FORWARD = """
create function audit_refuse() returns trigger language plpgsql as $$
begin
  raise exception 'the record is append-only' using errcode = 'insufficient_privilege';
end $$;
create trigger audit_no_change before update or delete on audit_event for each row execute function audit_refuse();
create trigger audit_no_truncate before truncate on audit_event for each statement execute function audit_refuse();
do $$
declare grantee_name text;
begin
  for grantee_name in
    select distinct grantee from information_schema.role_table_grants
    where table_name = 'audit_event' and grantee <> current_user and grantee <> 'PUBLIC'
  loop
    execute format('revoke update, delete, truncate, references, trigger on audit_event from %I', grantee_name);
  end loop;
end $$;
"""
BACKWARD = "drop trigger audit_no_change on audit_event; drop trigger audit_no_truncate on audit_event; drop function audit_refuse();"


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_event")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
