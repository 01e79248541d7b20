-- Nothing is erased but the scope of a draft; what was signed or accepted is only ever added. Held against every way in.
do $$
declare held record;
begin
  for held in
    select table_name, grantee from information_schema.role_table_grants
    where table_schema = 'public' and privilege_type = 'DELETE' and grantee not in (current_user, 'PUBLIC')
      and table_name like 'agreements\_%' and table_name <> 'agreements_scopeline'
  loop
    execute format('revoke delete on %I from %I', held.table_name, held.grantee);
    if held.table_name in ('agreements_kepttext', 'agreements_keptdocument', 'agreements_signature', 'agreements_termsacceptance') then
      execute format('revoke update on %I from %I', held.table_name, held.grantee);
    end if;
  end loop;
end $$;

create function agreements_refuse() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  raise exception 'what was signed or accepted is never changed' using errcode = 'integrity_constraint_violation';
end $$;
create trigger kept_text_stays before update or delete on agreements_kepttext
  for each row execute function agreements_refuse();
create trigger kept_document_stays before update or delete on agreements_keptdocument
  for each row execute function agreements_refuse();
create trigger signature_stays before update or delete on agreements_signature
  for each row execute function agreements_refuse();
create trigger terms_acceptance_stays before update or delete on agreements_termsacceptance
  for each row execute function agreements_refuse();

alter table agreements_kepttext add constraint kept_text_is_its_hash
  check (sha256 = encode(sha256(convert_to(text, 'UTF8')), 'hex'));
alter table agreements_keptdocument add constraint kept_document_is_its_hash
  check (sha256 = encode(sha256(content), 'hex'));

-- A wording that was published is only ever retired.
create function agreements_template_stays() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  if OLD.status <> 'draft' and (NEW.status = 'draft' or OLD.status = 'retired'
      or (to_jsonb(OLD) - '{status,status_at}'::text[]) is distinct from (to_jsonb(NEW) - '{status,status_at}'::text[])) then
    raise exception 'what was published is never changed' using errcode = 'integrity_constraint_violation';
  end if;
  return NEW;
end $$;
create trigger published_template_stays before update on agreements_templateversion
  for each row execute function agreements_template_stays();

-- The parties and the title stay from the first sending on.
create function agreements_agreement_stays() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  if to_jsonb(OLD) is distinct from to_jsonb(NEW)
     and (OLD.number <> NEW.number or OLD.providing_id <> NEW.providing_id
          or exists (select from agreements_agreementversion where agreement_id = OLD.id and edition > 0)) then
    raise exception 'what was sent out is never changed' using errcode = 'integrity_constraint_violation';
  end if;
  return NEW;
end $$;
create trigger sent_agreement_stays before update on agreements_agreement
  for each row execute function agreements_agreement_stays();

create function agreements_version_begins_as_draft() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  if NEW.status <> 'draft' or NEW.edition <> 0 or NEW.signed_at is not null or NEW.superseded_at is not null then
    raise exception 'an agreement begins as a draft' using errcode = 'integrity_constraint_violation';
  end if;
  return NEW;
end $$;
create trigger version_begins_as_draft before insert on agreements_agreementversion
  for each row execute function agreements_version_begins_as_draft();

create function agreements_version_stays() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
declare moving text[] := '{status,status_at,signed_at,superseded_at,terminated_at,terminated_by_id,reason,begins_at,over_at}';
begin
  if OLD.id <> NEW.id or OLD.agreement_id <> NEW.agreement_id or OLD.number <> NEW.number or NEW.edition < OLD.edition then
    raise exception 'a version stays what it is' using errcode = 'integrity_constraint_violation';
  end if;
  if OLD.status = 'draft' then
    if NEW.status <> 'draft' and not exists (select from agreements_scopeline where version_id = NEW.id) then
      raise exception 'an agreement without data in its scope does not go out' using errcode = 'integrity_constraint_violation';
    end if;
    if (NEW.status = 'draft') <> (NEW.edition = OLD.edition) or OLD.signed_at is not null then
      raise exception 'each sending is an edition of its own' using errcode = 'integrity_constraint_violation';
    end if;
  elsif NEW.status = 'draft' then
    moving := moving || '{sent_at,sent_by_id,text_sha256}';
    if OLD.status <> 'out_for_signature' or OLD.signed_at is not null or NEW.signed_at is not null then
      raise exception 'what everybody signed does not become a draft' using errcode = 'integrity_constraint_violation';
    end if;
  end if;
  if OLD.status <> 'draft' and (to_jsonb(OLD) - moving) is distinct from (to_jsonb(NEW) - moving) then
    raise exception 'what was sent out is never changed' using errcode = 'integrity_constraint_violation';
  end if;
  -- What PostgreSQL computes itself is not yet there in NEW.
  if OLD.status in ('superseded', 'expired', 'terminated')
       and (to_jsonb(OLD) - '{begins_at,over_at}'::text[]) is distinct from (to_jsonb(NEW) - '{begins_at,over_at}'::text[])
     or OLD.status = 'in_force' and NEW.status not in ('in_force', 'superseded', 'expired', 'terminated')
     or OLD.signed_at is not null and OLD.signed_at is distinct from NEW.signed_at
     or OLD.superseded_at is not null and OLD.superseded_at is distinct from NEW.superseded_at
     or OLD.terminated_at is not null and OLD.terminated_at is distinct from NEW.terminated_at then
    raise exception 'what has ended stays as it ended' using errcode = 'integrity_constraint_violation';
  end if;
  -- It binds by the signatures of both centers under this very text, and by nothing else.
  if OLD.signed_at is null and NEW.signed_at is not null and 2 <> (
      select count(distinct s.center_id) from agreements_signature s join agreements_agreement a on a.id = NEW.agreement_id
      where s.version_id = NEW.id and s.edition = NEW.edition and s.text_sha256 = NEW.text_sha256
        and s.center_id in (a.providing_id, a.receiving_id)) then
    raise exception 'an agreement binds once both centers have signed' using errcode = 'integrity_constraint_violation';
  end if;
  return NEW;
end $$;
create trigger sent_version_stays before update on agreements_agreementversion
  for each row execute function agreements_version_stays();

-- The version is locked, so that nothing slips into or out of its scope while it is being sent.
create function agreements_scope_stays() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
declare held record;
begin
  for held in
    select v.status, a.providing_id from agreements_agreementversion v
    join agreements_agreement a on a.id = v.agreement_id
    where v.id in (case when TG_OP <> 'INSERT' then OLD.version_id end, case when TG_OP <> 'DELETE' then NEW.version_id end)
    for share of v
  loop
    if held.status <> 'draft' then
      raise exception 'what was sent out is never changed' using errcode = 'integrity_constraint_violation';
    end if;
    if TG_OP <> 'DELETE' and held.providing_id <> (select center_id from catalog_dataset where id = NEW.dataset_id) then
      raise exception 'a center agrees on its own data only' using errcode = 'integrity_constraint_violation';
    end if;
  end loop;
  return coalesce(NEW, OLD);
end $$;
create trigger sent_scope_stays before insert or update or delete on agreements_scopeline
  for each row execute function agreements_scope_stays();

-- A signature stands under the text that is out, given for one's own center; so none can be moved to another agreement.
create function agreements_signature_fits() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  perform from agreements_agreementversion v
    join agreements_agreement a on a.id = v.agreement_id
    join alliance_member m on m.id = NEW.signer_id
    where v.id = NEW.version_id and v.status = 'out_for_signature' and v.signed_at is null
      and v.edition = NEW.edition and v.text_sha256 = NEW.text_sha256 and v.sent_at = NEW.sent_at
      and m.center_id = NEW.center_id
      and NEW.center_id = case NEW.meaning when 'provides' then a.providing_id else a.receiving_id end
    for share of v;
  if not found then
    raise exception 'this signature does not fit what is out for signature' using errcode = 'integrity_constraint_violation';
  end if;
  return NEW;
end $$;
create trigger signature_fits before insert on agreements_signature
  for each row execute function agreements_signature_fits();

create function agreements_acceptance_fits() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  perform from catalog_datasetversion dv
    join catalog_dataset d on d.id = dv.dataset_id
    join alliance_member m on m.id = NEW.member_id
    where dv.id = NEW.dataset_version_id and dv.status = 'published'
      and (NEW.agreement_version_id is null and d.center_id = m.center_id
        or exists (select from agreements_agreementversion v
            join agreements_agreement a on a.id = v.agreement_id
            join agreements_scopeline s on s.version_id = v.id and s.dataset_id = d.id
            where v.id = NEW.agreement_version_id and a.providing_id = d.center_id and a.receiving_id = m.center_id
              and v.begins_at <= NEW.accepted_at and v.over_at > NEW.accepted_at));
  if not found then
    raise exception 'there are no such terms for this person to accept' using errcode = 'integrity_constraint_violation';
  end if;
  return NEW;
end $$;
create trigger terms_acceptance_fits before insert on agreements_termsacceptance
  for each row execute function agreements_acceptance_fits();
