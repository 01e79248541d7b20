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
    if held.table_name in ('projects_vote', 'projects_remark') then
      execute format('revoke update on %I from %I', held.table_name, held.grantee);
    end if;
  end loop;
end $$;

-- A vote is of a steward who was never on the team, on a request that waits, in the round that runs.
create function projects_vote_is_due() returns trigger language plpgsql as $$
declare asked record;
begin
  select r.status, p.round, p.status as project, r.project_id into asked
  from projects_accessrequest r join projects_project p on p.id = r.project_id where r.id = NEW.request_id;
  if asked.status <> 'waiting' or asked.project <> 'submitted' or asked.round <> NEW.round
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

-- An approval needs the yes of the owner's quorum; what was approved for, until when and on what conditions never changes.
create function projects_decision_stands() returns trigger language plpgsql as $$
declare yeses int;
begin
  if NEW.status = 'approved' and OLD.status <> 'approved' then
    select count(*) into yeses from projects_vote v join projects_project p on p.id = NEW.project_id
    where v.request_id = NEW.id and v.is_yes and v.round = p.round;
    if OLD.status <> 'waiting' or yeses < (
      select d.quorum from catalog_datasetversion v join catalog_dataset d on d.id = v.dataset_id where v.id = NEW.version_id)
    then
      raise exception 'the owner has not approved this' using errcode = 'integrity_constraint_violation';
    end if;
  elsif NEW.status = 'refused' and OLD.status <> 'refused' and not exists (
      select from projects_vote v join projects_project p on p.id = NEW.project_id
      where v.request_id = NEW.id and not v.is_yes and v.round = p.round)
    or NEW.status = 'revoked' and OLD.status not in ('approved', 'revoked') then
    raise exception 'the owner has not said this' using errcode = 'integrity_constraint_violation';
  elsif OLD.status in ('approved', 'refused', 'revoked', 'dropped')
    and (NEW.status not in (OLD.status, 'revoked') or OLD.status <> 'approved' and NEW.status <> OLD.status
         or (NEW.project_id, NEW.version_id, NEW.decided_at, NEW.ends_on, NEW.conditions)
            is distinct from (OLD.project_id, OLD.version_id, OLD.decided_at, OLD.ends_on, OLD.conditions)
         or OLD.revoked_at is distinct from NEW.revoked_at and OLD.revoked_at is not null)
  then
    raise exception 'what was decided stands' using errcode = 'integrity_constraint_violation';
  end if;
  return NEW;
end $$;
create trigger decision_stands before update on projects_accessrequest
  for each row execute function projects_decision_stands();
