create schema audit;

-- ── What arrives ─────────────────────────────────────────────────────────────────────────────────────────────────────
create table audit.pending (
  id bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  arrived_at timestamptz not null default clock_timestamp(),
  entry text not null
);
create index pending_by_xid on audit.pending (xid);

create table audit.changed (
  pending_id bigint not null,
  table_name text not null,
  row_id text not null,
  op "char" not null,      -- Inserted, Updated, Deleted; Noted as it was when its table came under the rule
  before text,             -- the row's digest before: a silent change shows even when an audited one followed
  digest text,
  number bigint generated always as identity  -- the order within a transaction
);
create index changed_by_event on audit.changed (pending_id);

-- ── What is in order, under the tree ─────────────────────────────────────────────────────────────────────────────────
create table audit.entry (
  idx bigint not null,
  sequenced_at timestamptz not null,
  entry text not null,
  leaf bytea not null,
  -- json, not jsonb: each of them reads the text anew, and so does it in two thirds of the time.
  -- No path (#>>): of a name that stands twice it would find the first, and every other reader finds the last.
  id uuid generated always as ((entry::json ->> 'id')::uuid) stored,
  kind text generated always as (entry::json ->> 'kind') stored,
  outcome text generated always as (entry::json ->> 'outcome') stored,
  actor_ref text generated always as (entry::json -> 'actor' ->> 'ref') stored,
  object_ref text generated always as (entry::json -> 'object' ->> 'id') stored,
  center_ref text generated always as (entry::json -> 'object' ->> 'center') stored,
  primary key (idx, sequenced_at)
) partition by range (sequenced_at);
create index entry_by_id on audit.entry (id) where id is not null;
create index entry_by_center on audit.entry (center_ref, id) where id is not null;
create index entry_by_actor on audit.entry (actor_ref, id) where id is not null;
create index entry_by_object on audit.entry (object_ref, id) where id is not null;
create index entry_by_kind on audit.entry (kind, id) include (center_ref) where id is not null;  -- and those at a center
create index entry_refused on audit.entry (id) include (outcome, center_ref) where outcome <> 'success';

create table audit.checkpoint (
  size bigint primary key,
  root bytea not null,
  frontier bytea not null,
  note text not null,
  signed_at timestamptz not null default clock_timestamp()
);

create table audit.cosignature (
  size bigint not null references audit.checkpoint (size),
  witness text not null,
  line text not null,
  seen_at timestamptz not null default clock_timestamp(),
  primary key (witness, size)
);

-- Whose signatures count: the log's keys from the first on (each later one with the statement that links it to the one
-- before), and the centers' witnesses.
create table audit.log_key (
  from_size bigint primary key,
  vkey text not null unique,
  rotation text not null
);

create table audit.witness (
  center text not null,
  vkey text not null,
  url text not null,
  left_at timestamptz,       -- since then it is asked no more; what it signed stays checkable
  primary key (center, vkey)
);

create table audit.alarm (
  id bigint generated always as identity primary key,
  raised_at timestamptz not null default clock_timestamp(),
  words text not null,
  cleared_at timestamptz,
  about text not null default ''  -- what clears it once that works again; by hand only, where empty
);

-- ── The door in ──────────────────────────────────────────────────────────────────────────────────────────────────────
-- A search path ends in pg_temp wherever the owner's rights are lent: else temporary objects of the caller come first.
-- What could not be put in order would stop the notary, and what has no time or a second line the verifiers.
-- Half of what the verifiers let pass between two neighbours. Tests, which turn the portal's clock, put another in its place.
create function audit.is_now(moment timestamptz) returns boolean
language sql volatile set search_path = pg_catalog, pg_temp
return moment between clock_timestamp() - interval '5 minutes' and clock_timestamp() + interval '5 minutes';

create function audit.append(entry text) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare facts jsonb := entry;
declare made bigint;
begin
  if (octet_length(entry) <= 65535 and entry ~ '^\{"[^\u0001-\u001f]*\}$'
      and facts ->> 'id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' and facts ->> 'kind' <> 'audit.rows'
      and facts ->> 'occurred_at' ~ '^[12]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3])(:[0-5]\d){2}\.\d{6}Z$'
      and strpos(entry, format('"occurred_at":"%s"', facts ->> 'occurred_at')) > 0
      and audit.is_now((facts ->> 'occurred_at')::timestamptz)
      -- What goes into an index of audit.entry, read as it is read there (json): a row of an index has its bounds.
      and octet_length(concat(entry::json ->> 'kind', entry::json ->> 'outcome', entry::json -> 'actor' ->> 'ref',
                              entry::json -> 'object' ->> 'id', entry::json -> 'object' ->> 'center')) <= 1000
     ) is not true then
    raise exception 'this is no event that the record takes' using errcode = 'check_violation';
  end if;
  insert into audit.pending (entry) values (append.entry) returning id into made;
  return made;
end $$;

create function audit.must() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD' set intervalstyle = 'iso_8601'
set bytea_output = 'hex' set extra_float_digits = 1 as $$
declare event bigint;
declare was text;
begin
  select id into event from audit.pending where xid = pg_current_xact_id() order by id desc limit 1;
  if event is null then
    raise exception 'unaudited change of %: nothing changes without an event', TG_TABLE_NAME
      using errcode = 'insufficient_privilege';
  end if;
  if TG_OP <> 'INSERT' then
    was := encode(sha256(convert_to(OLD::text, 'UTF8')), 'hex');
  end if;
  if TG_OP = 'DELETE' or TG_OP = 'UPDATE' and OLD.id <> NEW.id then
    insert into audit.changed values (event, TG_TABLE_NAME, OLD.id::text, 'D', was, null);
    was := null;
  end if;
  if TG_OP <> 'DELETE' then
    insert into audit.changed values (event, TG_TABLE_NAME, NEW.id::text, case when was is null then 'I' else 'U' end::"char",
      was, encode(sha256(convert_to(NEW::text, 'UTF8')), 'hex'));
  end if;
  return null;
end $$;

create function audit.refuse() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  raise exception 'the record is append-only' using errcode = 'insufficient_privilege';
end $$;
create trigger entry_stays before update or delete on audit.entry for each row execute function audit.refuse();
create trigger entry_is_kept before truncate on audit.entry for each statement execute function audit.refuse();
create trigger pending_stays before update on audit.pending for each row execute function audit.refuse();
create trigger checkpoint_stays before update or delete on audit.checkpoint for each row execute function audit.refuse();
create trigger log_key_stays before update or delete on audit.log_key for each row execute function audit.refuse();
create trigger checkpoint_is_kept before truncate on audit.checkpoint for each statement execute function audit.refuse();

-- The digest of a row as must() writes it, for comparing what is with what was recorded.
create function audit.row_digests(governed regclass) returns table (row_id text, digest text)
language plpgsql security definer stable
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD' set intervalstyle = 'iso_8601'
set bytea_output = 'hex' set extra_float_digits = 1 as $$
begin
  if not exists (select from pg_trigger where tgrelid = governed and tgname = 'must_be_recorded'
                 and tgfoid = 'audit.must()'::regprocedure) then
    raise exception '% is not governed by the record', governed;
  end if;
  return query execute format(
    'select t.id::text, encode(sha256(convert_to(t::text, ''UTF8'')), ''hex'') from %s t', governed);
end $$;

-- Puts a table under the rule; called by the migration that makes or takes over the table. Owner only.
create procedure audit.govern(governed regclass) language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  execute format(
    'create constraint trigger must_be_recorded after insert or update or delete on %s '
    'deferrable initially deferred for each row execute function audit.must()', governed);
  execute format(
    'create trigger must_not_be_truncated before truncate on %s for each statement execute function audit.refuse()',
    governed);
  call audit.note_existing(governed);
end $$;

-- Rows that were there before the rule (made by migrations) enter the record under one event.
create procedure audit.note_existing(governed regclass) language plpgsql set search_path = pg_catalog, public, pg_temp as $$
declare event bigint;
begin
  insert into audit.pending (entry) values (format(
    '{"kind":"audit.governed","occurred_at":"%s","table":"%s","v":1}',
    to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), governed))
  returning id into event;
  insert into audit.changed
  select event, c.relname, d.row_id, 'N'::"char", null, d.digest
  from audit.row_digests(governed) d, pg_class c where c.oid = governed;
end $$;

-- Monthly partitions, made ahead by the notary.
create procedure audit.ensure_partition(day date)
language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC' as $$
declare first date := date_trunc('month', day)::date;
declare name text := 'entry_' || to_char(first, 'YYYY_MM');
begin
  if to_regclass('audit.' || name) is null then
    -- Made apart and then attached: "partition of" would wait for all readers of the record, and all others for it.
    execute format('create table audit.%I (like audit.entry including defaults including generated including indexes)', name);
    execute format('alter table audit.entry attach partition audit.%I for values from (%L) to (%L)',
                   name, first, (first + interval '1 month')::date);
    -- Row triggers go over to a partition, those on statements do not.
    execute format('create trigger entry_is_kept before truncate on audit.%I for each statement execute function audit.refuse()', name);
  end if;
end $$;

-- ── What is read ─────────────────────────────────────────────────────────────────────────────────────────────────────
-- Events as the pages list them: those in order, and those that wait for the notary. Lines of rows are left out.
create view audit.event as
select * from (
  select idx, id, kind as event, outcome, (entry::json ->> 'occurred_at')::timestamptz as occurred_at,
         actor_ref, entry::json -> 'object' ->> 'type' as target_type,
         object_ref as target_ref, center_ref, entry
  from audit.entry
  union all
  select null::bigint, (entry::json ->> 'id')::uuid, entry::json ->> 'kind', entry::json ->> 'outcome',
         (entry::json ->> 'occurred_at')::timestamptz, entry::json -> 'actor' ->> 'ref',
         entry::json -> 'object' ->> 'type', entry::json -> 'object' ->> 'id', entry::json -> 'object' ->> 'center', entry
  from audit.pending
) as listed where id is not null;  -- here, not in each half: only so can PostgreSQL read both by their indexes, in order

create function audit.state() returns table (
  waiting bigint, oldest_at timestamptz, size bigint, root bytea, note text, signed_at timestamptz)
language sql security definer stable set search_path = pg_catalog, pg_temp as $$
  select (select count(*) from (select from audit.pending limit 100001) as capped),
         (select arrived_at from audit.pending order by id limit 1),
         c.size, c.root, c.note, c.signed_at
  from (select) as one left join lateral (select * from audit.checkpoint order by size desc limit 1) c on true
$$;

call audit.ensure_partition(current_date);
call audit.ensure_partition((current_date + interval '1 month')::date);

-- ── Who may do what ──────────────────────────────────────────────────────────────────────────────────────────────────
revoke all on schema audit from public;
revoke all on all functions in schema audit from public;
revoke all on all procedures in schema audit from public;
grant usage on schema audit to caia_portal, caia_notary;
grant execute on function audit.append(text), audit.state(), audit.row_digests(regclass) to caia_portal;
grant select on audit.event, audit.pending, audit.changed, audit.entry, audit.checkpoint, audit.cosignature, audit.log_key, audit.witness, audit.alarm
  to caia_portal;
grant select, delete on audit.pending, audit.changed to caia_notary;
grant select, insert on audit.entry, audit.checkpoint, audit.cosignature, audit.log_key to caia_notary;
grant select, insert, update on audit.witness to caia_notary;
grant select, insert, update on audit.alarm to caia_notary;
grant execute on procedure audit.ensure_partition(date) to caia_notary;
