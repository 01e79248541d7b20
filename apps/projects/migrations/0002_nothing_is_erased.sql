-- What was said stays; what was decided is changed by the steps of its life alone. Held here against every way in.
do $$
declare held record;
begin
  for held in
    select table_name, grantee from information_schema.role_table_grants
    where table_schema = 'public' and table_name like 'projects\_%' and privilege_type = 'DELETE'
      and grantee not in (current_user, 'PUBLIC')
  loop
    execute format('revoke delete on %I from %I', held.table_name, held.grantee);
    if held.table_name in ('projects_vote', 'projects_remark', 'projects_edition', 'projects_judge',
                           'projects_closeout', 'projects_gpuuse') then
      execute format('revoke update on %I from %I', held.table_name, held.grantee);
    end if;
  end loop;
end $$;

-- What an owner agreed to, what was said and what was used up: nobody changes these, whatever their role in PostgreSQL.
create function projects_refuse() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  raise exception 'what was said stays' using errcode = 'integrity_constraint_violation';
end $$;
create trigger edition_stays before update or delete on projects_edition for each row execute function projects_refuse();
create trigger vote_stays before update or delete on projects_vote for each row execute function projects_refuse();
create trigger judge_stays before update or delete on projects_judge for each row execute function projects_refuse();
create trigger closeout_stays before update or delete on projects_closeout for each row execute function projects_refuse();
create trigger gpu_use_stays before update or delete on projects_gpuuse for each row execute function projects_refuse();

-- A vote is of a steward of the owner who was never on the team, on a request that waits, about the edition it asks for.
create function projects_vote_is_due() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
declare asked record;
begin
  select r.status, e.number, p.status as project, r.project_id into asked
  from projects_accessrequest r
  join projects_project p on p.id = r.project_id
  join projects_edition e on e.id = r.edition_id where r.id = NEW.request_id;
  if asked is null or asked.status <> 'waiting' or asked.number <> NEW.round
     or asked.project not in ('submitted', 'decided', 'active', 'suspended')
     or exists (select from projects_teammember where project_id = asked.project_id and member_id = NEW.steward_id)
     or not exists (
       select from projects_accessrequest r
       join catalog_datasetversion v on v.id = r.version_id join catalog_dataset d on d.id = v.dataset_id
       join alliance_member m on m.id = NEW.steward_id and m.center_id = d.center_id where r.id = NEW.request_id) then
    raise exception 'no such vote is due' using errcode = 'integrity_constraint_violation';
  end if;
  return NEW;
end $$;
create trigger vote_is_due before insert on projects_vote for each row execute function projects_vote_is_due();

-- Whoever judged a project never joins it.
create function projects_team_is_apart() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  if exists (select from projects_judge where project_id = NEW.project_id and steward_id = NEW.member_id)
     or exists (select from projects_vote v join projects_accessrequest r on r.id = v.request_id
                where r.project_id = NEW.project_id and v.steward_id = NEW.member_id) then
    raise exception 'nobody joins a project that they judged' using errcode = 'integrity_constraint_violation';
  end if;
  return NEW;
end $$;
create trigger team_is_apart before insert on projects_teammember
  for each row execute function projects_team_is_apart();

-- Whoever joins was not named in an edition that was sent before; a row of the team ends once and is otherwise never changed.
create function projects_team_stays() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  if TG_OP = 'INSERT' and exists (
       select from projects_edition where project_id = NEW.project_id and submitted_at > NEW.since)
     or TG_OP = 'UPDATE' and (
       OLD.until is not null
       or (to_jsonb(OLD) - '{until,removed_by_id}'::text[]) is distinct from (to_jsonb(NEW) - '{until,removed_by_id}'::text[]))
  then
    raise exception 'who was on the team stays as it was' using errcode = 'integrity_constraint_violation';
  end if;
  return NEW;
end $$;
create trigger team_stays before insert or update on projects_teammember
  for each row execute function projects_team_stays();

-- The yeses that count: about the edition that is asked for, of those who are the owner's stewards at that moment, for all
-- its data or for this dataset alone, and were never on the team.
create function projects_yeses(asked projects_accessrequest, at timestamptz) returns int language sql stable set search_path = pg_catalog, public, pg_temp as $$
  select count(*)::int
  from projects_vote v
  join projects_edition e on e.id = asked.edition_id and e.number = v.round
  join catalog_datasetversion w on w.id = asked.version_id
  join catalog_dataset d on d.id = w.dataset_id
  where v.request_id = asked.id and v.is_yes
    and (
      exists (
        select from alliance_grant g
        where g.user_id = v.steward_id and g.center_id = d.center_id and g.role = 'data_steward' and g.granted_at <= at
          and (g.ends_at is null or g.ends_at > at) and (g.ended_at is null or g.ended_at > at))
      or exists (
        select from catalog_datasetsteward s join alliance_member m on m.id = s.member_id and m.center_id = d.center_id
        where s.dataset_id = d.id and s.member_id = v.steward_id and s.since <= at
          and (s.ended_at is null or s.ended_at > at)))
    and not exists (select from projects_teammember t where t.project_id = asked.project_id and t.member_id = v.steward_id)
$$;

-- An approval needs the yes of the owner's quorum; what was approved, for whom, until when and on what conditions never
-- changes. A newer approval takes the place of the one that it amends, at one moment.
create function projects_decision_stands() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  if TG_OP = 'INSERT' then
    if NEW.status not in ('draft', 'waiting') or NEW.decided_at is not null then
      raise exception 'the owner has not said this' using errcode = 'integrity_constraint_violation';
    end if;
    return NEW;
  end if;
  if (NEW.project_id, NEW.version_id) is distinct from (OLD.project_id, OLD.version_id)
     or OLD.status = 'waiting' and NEW.status = 'waiting'
     and (NEW.edition_id, NEW.amends_id, NEW.quorum) is distinct from (OLD.edition_id, OLD.amends_id, OLD.quorum) then
    raise exception 'what is asked for stays' using errcode = 'integrity_constraint_violation';
  end if;
  if NEW.status = 'approved' and OLD.status <> 'approved' then
    if OLD.status <> 'waiting' or (NEW.edition_id, NEW.quorum) is distinct from (OLD.edition_id, OLD.quorum)
       or projects_yeses(NEW, NEW.decided_at) < (
         select greatest(NEW.quorum, d.quorum)
         from catalog_datasetversion v join catalog_dataset d on d.id = v.dataset_id where v.id = NEW.version_id)
       or NEW.amends_id is not null and not exists (
         select from projects_accessrequest r
         where r.id = NEW.amends_id and r.project_id = NEW.project_id and r.version_id = NEW.version_id
           and r.status = 'replaced' and r.replaced_at = NEW.decided_at)
    then
      raise exception 'the owner has not approved this' using errcode = 'integrity_constraint_violation';
    end if;
  elsif NEW.status = 'refused' and OLD.status <> 'refused' and not exists (
      select from projects_vote v join projects_edition e on e.id = NEW.edition_id and e.number = v.round
      where v.request_id = NEW.id and not v.is_yes)
    or NEW.status in ('revoked', 'replaced') and OLD.status not in ('approved', NEW.status) then
    raise exception 'the owner has not said this' using errcode = 'integrity_constraint_violation';
  elsif OLD.status in ('approved', 'refused', 'revoked', 'dropped', 'replaced')
    and (NEW.status not in (OLD.status, 'revoked', 'replaced') or OLD.status <> 'approved' and NEW.status <> OLD.status
         or (NEW.project_id, NEW.version_id, NEW.edition_id, NEW.amends_id, NEW.quorum, NEW.decided_at, NEW.ends_on,
             NEW.conditions)
            is distinct from (OLD.project_id, OLD.version_id, OLD.edition_id, OLD.amends_id, OLD.quorum, OLD.decided_at,
             OLD.ends_on, OLD.conditions)
         or OLD.revoked_at is distinct from NEW.revoked_at and OLD.revoked_at is not null
         or OLD.replaced_at is distinct from NEW.replaced_at and OLD.replaced_at is not null)
  then
    raise exception 'what was decided stands' using errcode = 'integrity_constraint_violation';
  end if;
  return NEW;
end $$;
create trigger decision_stands before insert or update on projects_accessrequest
  for each row execute function projects_decision_stands();
