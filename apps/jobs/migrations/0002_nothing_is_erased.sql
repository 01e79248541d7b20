-- Nothing of jobs is erased; what was handed in, left, counted and printed is only ever added. Held against every way in.
do $$
declare held record;
begin
  for held in
    select table_name, grantee from information_schema.role_table_grants
    where table_schema = 'public' and table_name like 'jobs\_%' and privilege_type = 'DELETE'
      and grantee not in (current_user, 'PUBLIC')
  loop
    execute format('revoke delete on %I from %I', held.table_name, held.grantee);
    if held.table_name in ('jobs_snapshot', 'jobs_jobdata', 'jobs_result', 'jobs_usage', 'jobs_logpiece') then
      execute format('revoke update on %I from %I', held.table_name, held.grantee);
    end if;
  end loop;
end $$;

create function jobs_refuse() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  raise exception 'what was handed in, left or counted stays' using errcode = 'integrity_constraint_violation';
end $$;
create trigger snapshot_stays before update or delete on jobs_snapshot for each row execute function jobs_refuse();
create trigger job_data_stays before update or delete on jobs_jobdata for each row execute function jobs_refuse();
create trigger result_stays before update or delete on jobs_result for each row execute function jobs_refuse();
create trigger usage_stays before update or delete on jobs_usage for each row execute function jobs_refuse();

-- What was asked for never changes, an attempt's number only grows, and a job that has ended stays as it ended.
create function jobs_job_stays() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
declare
  lives constant text[] := '{status,status_at,queued_at,not_before,fence,failures,cancel_asked_at,cancel_asked_by_id,ended_at,reason}';
begin
  if (to_jsonb(OLD) - lives) is distinct from (to_jsonb(NEW) - lives) or NEW.fence < OLD.fence
     or OLD.status in ('succeeded', 'failed', 'cancelled') and to_jsonb(OLD) is distinct from to_jsonb(NEW) then
    raise exception 'a job stays what it was asked to be, and as it ended' using errcode = 'integrity_constraint_violation';
  end if;
  return NEW;
end $$;
create trigger job_stays before update on jobs_job for each row execute function jobs_job_stays();

-- An attempt stays whose it is and where it was; once it has ended, as it ended.
create function jobs_attempt_stays() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  if (OLD.id, OLD.job_id, OLD.fence, OLD.host_id, OLD.started_at)
       is distinct from (NEW.id, NEW.job_id, NEW.fence, NEW.host_id, NEW.started_at)
     or OLD.ended_at is not null and to_jsonb(OLD) is distinct from to_jsonb(NEW) then
    raise exception 'an attempt stays as it ended' using errcode = 'integrity_constraint_violation';
  end if;
  return NEW;
end $$;
create trigger attempt_stays before update on jobs_attempt for each row execute function jobs_attempt_stays();

-- A slot is held by nobody else while an attempt holds it, and not by one that has ended.
create function jobs_slot_is_free() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  if NEW.attempt_id is not null and (
       OLD.attempt_id is not null and OLD.attempt_id <> NEW.attempt_id or NEW.is_gone
       or not exists (select from jobs_attempt where id = NEW.attempt_id and ended_at is null and host_id = NEW.host_id))
     and NEW.attempt_id is distinct from OLD.attempt_id then
    raise exception 'a slot is held by one attempt at a time' using errcode = 'integrity_constraint_violation';
  end if;
  return NEW;
end $$;
create trigger slot_is_free before update on jobs_slot for each row execute function jobs_slot_is_free();
