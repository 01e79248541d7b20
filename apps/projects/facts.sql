-- What the access decision rests on, as it was at one moment, for each asked (member, project, dataset): one row each.
-- Agreement and acceptance stand in agreements/selectors.py too (in_force_between, acceptance_of), for one question at a time;
-- center, membership and training in catalog/needs.py. tests/projects/test_two_readers.py holds them to the same answers.
-- %(members)s, %(projects)s, %(datasets)s: arrays of equal length; %(at)s: the moment.
-- What many questions share (a person, a project's request for some data, an agreement) is looked up once for all.
with asked as (
  select * from unnest(%(members)s::uuid[], %(projects)s::uuid[], %(datasets)s::uuid[]) with ordinality
    as a (member_id, project_id, dataset_id, place)
), moment as (
  select %(at)s::timestamptz as at, (%(at)s::timestamptz at time zone 'UTC')::date as today
), person as materialized (
  select m.id, m.center_id, home.short_name, home.slug,
    (select status from core_standing where row_id = m.center_id and since <= at order by since desc, id desc limit 1)
      as center_status,
    (select status from core_standing where row_id = m.id and since <= at order by since desc, id desc limit 1) as status,
    (select factor from alliance_heldfactor f
     where f.member_id = m.id and f.since <= at and (f.until is null or f.until > at) order by factor limit 1) as factor,
    vouch.id as vouch, vouch.ends_on as vouched_until, training.missing, training.until as trained_until,
    training.last_id as proof
  from (select distinct member_id from asked) a
  cross join moment
  join alliance_member m on m.id = a.member_id
  join alliance_center home on home.id = m.center_id
  left join lateral (
    select w.id, w.ends_on from alliance_vouch w
    where w.member_id = m.id and w.center_id = m.center_id and w.vouched_at <= at and (w.ended_at is null or w.ended_at > at)
    order by w.ends_on desc limit 1
  ) vouch on true
  cross join lateral (
    select array_agg(k.name order by k.name) filter (where proof.id is null) as missing,
           min(proof.valid_until) as until, (array_agg(proof.id order by proof.valid_until))[1] as last_id
    from alliance_trainingtype k
    left join lateral (
      select r.id, r.valid_until from alliance_trainingrecord r
      where r.member_id = m.id and r.type_id = k.id and r.status in ('accepted', 'lapsed')
        and r.decided_at <= at and r.valid_until >= today
      order by r.valid_until desc limit 1
    ) proof on true
    where (select status from core_standing where row_id = k.id and since <= at order by since desc, id desc limit 1) = 'published'
      and (k.required_of_all or k.required_for && array(
        select g.role::varchar from alliance_grant g
        where g.user_id = m.id and g.granted_at <= at and (g.ends_at is null or g.ends_at > at)
          and (g.ended_at is null or g.ended_at > at)))
  ) training
), wish as materialized (
  select p.id as project_id, said.id as edition, said.ends_on as project_ends_on, said.ethics_reference, said.ethics_until, said.purpose,
    said.gpu_hours, said.submitted_at,
    (select coalesce(sum(hours), 0) from projects_gpuuse u where u.project_id = p.id and u.used_at <= at) as gpu_used,
    (select status from core_standing where row_id = p.id and since <= at order by since desc, id desc limit 1) as status,
    d.id as dataset_id, d.title, d.center_id as owner_id, owner.short_name as owner,
    request.id as request, request.state, request.ends_on as approved_until, request.conditions, request.begins_on,
    v.id as version, v.number, v.terms, v.published_at is not null and v.published_at <= at as is_published,
    v.withdrawn_at is not null and v.withdrawn_at <= at as is_withdrawn
  from (select distinct project_id, dataset_id from asked) a
  cross join moment
  join projects_project p on p.id = a.project_id
  join catalog_dataset d on d.id = a.dataset_id
  join alliance_center owner on owner.id = d.center_id
  left join lateral (
    -- The request that is in force, or else the one that was made last; what was taken back only where nothing else is.
    select r.id, r.version_id, r.edition_id, r.ends_on, r.conditions, (r.decided_at at time zone 'UTC')::date as begins_on,
      case
        when r.status in ('approved', 'revoked', 'replaced') and r.decided_at <= at then
          case when r.revoked_at <= at then 'revoked' when r.replaced_at <= at then 'replaced'
               when r.ends_on < today then 'ended' else 'approved' end
        when r.status = 'refused' and r.decided_at <= at then 'refused'
        when r.status = 'dropped' and r.status_at <= at then 'dropped'
        when r.waits_since <= at then 'waiting' else 'draft'
      end as state
    from projects_accessrequest r
    join catalog_datasetversion of on of.id = r.version_id
    where r.project_id = p.id and of.dataset_id = d.id and r.created_at <= at
    order by (r.status in ('approved', 'revoked', 'replaced') and r.decided_at <= at and r.ends_on >= today
              and (r.revoked_at is null or r.revoked_at > at) and (r.replaced_at is null or r.replaced_at > at)) desc,
             (r.status = 'dropped' and r.status_at <= at), r.created_at desc, r.id desc
    limit 1
  ) request on true
  cross join lateral (
    -- What its owner agreed to, or is asked to agree to; nothing that was written since. Before that, the working copy.
    select e.id, e.ends_on, e.ethics_reference, e.ethics_until, e.purpose, e.gpu_hours, e.submitted_at
    from projects_edition e where e.id = request.edition_id
    union all
    select null, p.ends_on, p.ethics_reference, p.ethics_until, p.purpose, p.gpu_hours, null where request.edition_id is null
  ) said
  left join catalog_datasetversion v on v.id = request.version_id
), agreed as materialized (
  select distinct on (pair.receiving_id, s.dataset_id) a.receiving_id, s.dataset_id, b.id, b.over_at, a.number
  from (select distinct person.center_id as receiving_id, wish.owner_id as providing_id, wish.dataset_id
        from asked join person on person.id = asked.member_id
        join wish on wish.project_id = asked.project_id and wish.dataset_id = asked.dataset_id) pair
  cross join moment
  join agreements_agreement a on a.providing_id = pair.providing_id and a.receiving_id = pair.receiving_id
  join agreements_agreementversion b on b.agreement_id = a.id
    and b.signed_at is not null and b.begins_at <= at and b.over_at > at
  join agreements_scopeline s on s.version_id = b.id and s.dataset_id = pair.dataset_id
  order by pair.receiving_id, s.dataset_id, b.begins_at desc
)
select
  person.short_name, person.slug, wish.owner, wish.title, person.center_id = wish.owner_id,
  person.center_status, person.status, wish.status,
  person.vouch, person.vouched_until, person.missing, person.trained_until, person.proof, person.factor,
  wish.project_ends_on, wish.ethics_reference, wish.ethics_until, wish.purpose, wish.gpu_hours, wish.gpu_used,
  team.id, team.since, wish.submitted_at,
  wish.request, wish.state, wish.approved_until, wish.conditions, wish.begins_on,
  wish.version, wish.number, wish.terms, wish.is_published, wish.is_withdrawn,
  agreed.id, agreed.over_at, agreed.number,
  (select id from agreements_termsacceptance t
   where t.member_id = person.id and t.dataset_version_id = wish.version and t.accepted_at <= at
     and t.agreement_version_id is not distinct from agreed.id
   order by t.accepted_at desc limit 1),
  person.center_id, wish.project_id, wish.edition
from asked
cross join moment
join person on person.id = asked.member_id
join wish on wish.project_id = asked.project_id and wish.dataset_id = asked.dataset_id
left join lateral (
  select t.id, t.since from projects_teammember t
  where t.project_id = wish.project_id and t.member_id = person.id and t.since <= at and (t.until is null or t.until > at)
  order by t.since desc limit 1
) team on true
left join agreed on agreed.receiving_id = person.center_id and agreed.dataset_id = wish.dataset_id
  and person.center_id <> wish.owner_id
order by asked.place
