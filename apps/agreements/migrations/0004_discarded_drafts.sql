-- A draft can be given up: it was never sent, and it stays as it was. The rest is as before.
create or replace function agreements_version_stays() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
declare moving text[] := '{status,status_at,signed_at,superseded_at,terminated_at,terminated_by_id,reason,begins_at,over_at}';
begin
  if OLD.id <> NEW.id or OLD.agreement_id <> NEW.agreement_id or OLD.number <> NEW.number or NEW.edition < OLD.edition then
    raise exception 'a version stays what it is' using errcode = 'integrity_constraint_violation';
  end if;
  if OLD.status = 'draft' then
    if NEW.status not in ('draft', 'discarded') and not exists (select from agreements_scopeline where version_id = NEW.id) then
      raise exception 'an agreement without data in its scope does not go out' using errcode = 'integrity_constraint_violation';
    end if;
    if (NEW.status in ('draft', 'discarded')) <> (NEW.edition = OLD.edition) or OLD.signed_at is not null then
      raise exception 'each sending is an edition of its own' using errcode = 'integrity_constraint_violation';
    end if;
  elsif NEW.status = 'discarded' and OLD.status <> 'discarded' then
    raise exception 'only a draft is discarded' using errcode = 'integrity_constraint_violation';
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
  if OLD.status in ('superseded', 'expired', 'terminated', 'discarded')
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
