-- When a member had which second factor: written by PostgreSQL as allauth's rows come and go, so that any past moment can
-- be asked. Each factor has an interval of its own: who removes two at once, in two transactions, ends both.

-- PostgreSQL's own clock; tests, which turn the portal's, put another in its place.
create function alliance_now() returns timestamptz
language sql volatile set search_path = pg_catalog, pg_temp
return clock_timestamp();
revoke all on function alliance_now() from public;

create function alliance_keep_factor() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare moment timestamptz := public.alliance_now();
begin
  if TG_OP = 'UPDATE' and (OLD.id, OLD.user_id, OLD.type) = (NEW.id, NEW.user_id, NEW.type) then
    return null;
  end if;
  if TG_OP <> 'INSERT' then
    update public.alliance_heldfactor set until = greatest(since, moment) where factor = OLD.id and until is null;
  end if;
  -- Recovery codes count for no factor.
  if TG_OP <> 'DELETE' and NEW.type in ('totp', 'webauthn') then
    -- By the portal's clock where that says about now, as the record demands of events; what it says of long ago is not believed.
    if TG_OP = 'INSERT' and audit.is_now(NEW.created_at) then
      moment := NEW.created_at;
    end if;
    insert into public.alliance_heldfactor (factor, member_id, since) values (NEW.id, NEW.user_id, moment);
  end if;
  return null;
end $$;
revoke all on function alliance_keep_factor() from public;
create trigger keep_factor after insert or delete or update of id, user_id, type on mfa_authenticator
for each row execute function alliance_keep_factor();

-- What stands there already is there since it was made; what was removed before now, only the record knows.
insert into alliance_heldfactor (factor, member_id, since)
select id, user_id, created_at from mfa_authenticator where type in ('totp', 'webauthn');

-- An interval ends once and says nothing else ever after, whatever one's role in PostgreSQL.
create function alliance_held_factor_stays() returns trigger
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  if TG_OP = 'UPDATE' and OLD.until is null and NEW.until is not null
     and (OLD.id, OLD.factor, OLD.member_id, OLD.since) = (NEW.id, NEW.factor, NEW.member_id, NEW.since) then
    return NEW;
  end if;
  raise exception 'when somebody had a factor stays' using errcode = 'integrity_constraint_violation';
end $$;
revoke all on function alliance_held_factor_stays() from public;
create trigger held_factor_stays before update or delete on alliance_heldfactor
for each row execute function alliance_held_factor_stays();

do $$
declare held record;
begin
  for held in
    select distinct grantee from information_schema.role_table_grants
    where table_schema = 'public' and table_name = 'alliance_heldfactor' and privilege_type = 'INSERT'
      and grantee not in (current_user, 'PUBLIC')
  loop
    execute format('revoke insert, update, delete on alliance_heldfactor from %I', held.grantee);
  end loop;
end $$;
