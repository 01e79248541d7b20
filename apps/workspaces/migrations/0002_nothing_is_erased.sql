-- Nothing of workspaces is erased; what hosts told and the code that ran is only ever added. Held against every way in.
do $$
declare held record;
begin
  for held in
    select table_name, grantee from information_schema.role_table_grants
    where table_schema = 'public' and table_name like 'workspaces\_%' and privilege_type = 'DELETE'
      and grantee not in (current_user, 'PUBLIC')
  loop
    execute format('revoke delete on %I from %I', held.table_name, held.grantee);
    if held.table_name in ('workspaces_runevent', 'workspaces_cellcode') then
      execute format('revoke update on %I from %I', held.table_name, held.grantee);
    end if;
  end loop;
end $$;

create function workspaces_refuse() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  raise exception 'what was told of a run stays' using errcode = 'integrity_constraint_violation';
end $$;
create trigger run_event_stays before update or delete on workspaces_runevent
  for each row execute function workspaces_refuse();
create trigger cell_code_stays before update or delete on workspaces_cellcode
  for each row execute function workspaces_refuse();

-- A run that has ended stays ended, as it ended; whose it is and who started it never changes.
create function workspaces_run_stays() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  if OLD.id <> NEW.id or OLD.workspace_id <> NEW.workspace_id or OLD.started_at <> NEW.started_at
     or OLD.started_by_id <> NEW.started_by_id
     or OLD.status in ('stopped', 'failed')
        and (OLD.status, OLD.ended_at, OLD.reason) is distinct from (NEW.status, NEW.ended_at, NEW.reason) then
    raise exception 'a run that has ended stays as it ended' using errcode = 'integrity_constraint_violation';
  end if;
  return NEW;
end $$;
create trigger run_stays before update on workspaces_run for each row execute function workspaces_run_stays();

-- A workspace stays whose it is, and never opens again.
create function workspaces_workspace_stays() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  if OLD.id <> NEW.id or OLD.project_id <> NEW.project_id or OLD.member_id <> NEW.member_id or OLD.uid <> NEW.uid
     or OLD.status <> 'open' and NEW.status = 'open' or OLD.status = 'deleted' and NEW.status <> 'deleted' then
    raise exception 'a workspace stays whose it is' using errcode = 'integrity_constraint_violation';
  end if;
  return NEW;
end $$;
create trigger workspace_stays before update on workspaces_workspace
  for each row execute function workspaces_workspace_stays();
