-- Who stood how, from when: written by PostgreSQL with each change of a status, so that any past moment can be asked.
create function core_keep_standing() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if TG_OP = 'INSERT' or NEW.status is distinct from OLD.status then
    insert into public.core_standing (label, row_id, status, since)
    values (TG_ARGV[0], NEW.id, NEW.status, NEW.status_at);
  end if;
  return null;
end $$;
revoke all on function core_keep_standing() from public;

-- Called by the migration that makes or takes over the table; what stands there already stands so since its status_at.
create procedure core_keep_standings(kept regclass, label text) language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  execute format('create trigger keep_standing after insert or update on %s for each row '
                 'execute function core_keep_standing(%L)', kept, label);
  execute format('insert into core_standing (label, row_id, status, since) select %L, id, status, status_at from %s',
                 label, kept);
end $$;
revoke all on procedure core_keep_standings(regclass, text) from public;

do $$
declare held record;
begin
  for held in
    select grantee from information_schema.role_table_grants
    where table_schema = 'public' and table_name = 'core_standing' and privilege_type = 'INSERT'
      and grantee not in (current_user, 'PUBLIC')
  loop
    execute format('revoke insert, update, delete on core_standing from %I', held.grantee);
  end loop;
end $$;
