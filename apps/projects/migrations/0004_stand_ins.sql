-- Who stood in for whom stays as it was: such a row is never erased, ends once, and no two of one steward overlap.
do $$
declare held record;
begin
  for held in
    select grantee from information_schema.role_table_grants
    where table_schema = 'public' and table_name = 'projects_standin' and privilege_type = 'DELETE'
      and grantee not in (current_user, 'PUBLIC')
  loop
    execute format('revoke delete on projects_standin from %I', held.grantee);
  end loop;
end $$;

create function projects_stand_in_stays() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  if OLD.ended_at is not null
     or (to_jsonb(OLD) - '{ended_at,ended_by_id}'::text[]) is distinct from (to_jsonb(NEW) - '{ended_at,ended_by_id}'::text[])
  then
    raise exception 'who stood in for whom stays as it was' using errcode = 'integrity_constraint_violation';
  end if;
  return NEW;
end $$;
create trigger stand_in_stays before update on projects_standin
  for each row execute function projects_stand_in_stays();

-- Both are of that center, and one steward has one stand-in a day; whoever names two at once waits for the other here.
create function projects_stand_in_is_one() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  perform from alliance_member where id = NEW.away_id for no key update;
  if exists (
       select from projects_standin s
       where s.away_id = NEW.away_id and s.id <> NEW.id and s.ended_at is null
         and s.starts_on <= NEW.ends_on and s.ends_on >= NEW.starts_on)
     or (select count(*) from alliance_member where id in (NEW.away_id, NEW.stand_in_id) and center_id = NEW.center_id) <> 2
  then
    raise exception 'one steward has one stand-in, of the same center' using errcode = 'integrity_constraint_violation';
  end if;
  return NEW;
end $$;
create trigger stand_in_is_one before insert on projects_standin
  for each row execute function projects_stand_in_is_one();
revoke execute on function projects_stand_in_stays() from public;
revoke execute on function projects_stand_in_is_one() from public;
