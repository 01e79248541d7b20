-- Nothing is erased but files of a draft; what was published can only be withdrawn. Held here against every way in.
do $$
declare held record;
begin
  for held in
    select table_name, grantee from information_schema.role_table_grants
    where table_schema = 'public' and privilege_type = 'DELETE' and grantee not in (current_user, 'PUBLIC')
      and table_name in ('catalog_dataset', 'catalog_datasetversion')
  loop
    execute format('revoke delete on %I from %I', held.table_name, held.grantee);
  end loop;
end $$;

create function catalog_published_version_stays() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  if OLD.status = 'draft' then
    return NEW;
  end if;
  if NEW.status = 'draft'
     or (to_jsonb(OLD) - '{status,status_at,withdrawn_at,withdrawn_by_id,reason}'::text[])
        is distinct from (to_jsonb(NEW) - '{status,status_at,withdrawn_at,withdrawn_by_id,reason}'::text[])
     or OLD.status = 'withdrawn' and to_jsonb(OLD) is distinct from to_jsonb(NEW) then
    raise exception 'what was published is never changed' using errcode = 'integrity_constraint_violation';
  end if;
  return NEW;
end $$;
create trigger published_version_stays before update on catalog_datasetversion
  for each row execute function catalog_published_version_stays();

-- The version is locked, so that no file slips in while it is being published.
create function catalog_published_files_stay() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  if TG_OP <> 'INSERT' and (select status from catalog_datasetversion where id = OLD.version_id for share) <> 'draft'
     or TG_OP <> 'DELETE' and (select status from catalog_datasetversion where id = NEW.version_id for share) <> 'draft' then
    raise exception 'what was published is never changed' using errcode = 'integrity_constraint_violation';
  end if;
  return coalesce(NEW, OLD);
end $$;
create trigger published_files_stay before insert or update or delete on catalog_datasetfile
  for each row execute function catalog_published_files_stay();

revoke execute on function catalog_published_version_stays(), catalog_published_files_stay() from public;
