-- What the access decision rests on, as it was at one moment, for each asked (member, project, dataset): one row each.
-- Agreement and acceptance stand in agreements/selectors.py too (in_force_between, acceptance_of), for one question at a time;
-- center, membership and training in catalog/needs.py. tests/projects/test_two_readers.py holds them to the same answers.
-- %(members)s, %(projects)s, %(datasets)s: arrays of equal length; %(at)s: the moment.
with asked as (
  select * from unnest(%(members)s::uuid[], %(projects)s::uuid[], %(datasets)s::uuid[]) with ordinality
    as a (member_id, project_id, dataset_id, place)
), moment as (
  select %(at)s::timestamptz as at, (%(at)s::timestamptz at time zone 'UTC')::date as today
)
select
  home.short_name, home.slug, owner.short_name, d.title, m.center_id = d.center_id,
  (select status from core_standing where row_id = m.center_id and since <= at order by since desc, id desc limit 1),
  (select status from core_standing where row_id = m.id and since <= at order by since desc, id desc limit 1),
  (select status from core_standing where row_id = p.id and since <= at order by since desc, id desc limit 1),
  vouch.id, vouch.ends_on,
  training.missing, training.until, training.last_id,
  (select id from mfa_authenticator f
   where f.user_id = m.id and f.type in ('totp', 'webauthn') and f.created_at <= at order by id limit 1),
  said.ends_on, said.ethics_reference, said.ethics_until, said.purpose, said.gpu_hours,
  (select coalesce(sum(hours), 0) from projects_gpuuse u where u.project_id = p.id and u.used_at <= at),
  team.id, team.since, said.submitted_at,
  request.id, request.state, request.ends_on, request.conditions, request.begins_on,
  v.id, v.number, v.terms, v.published_at is not null and v.published_at <= at, v.withdrawn_at is not null and v.withdrawn_at <= at,
  agreed.id, agreed.over_at, agreed.reference,
  (select id from agreements_termsacceptance t
   where t.member_id = m.id and t.dataset_version_id = v.id and t.accepted_at <= at
     and t.agreement_version_id is not distinct from agreed.id
   order by t.accepted_at desc limit 1)
from asked
cross join moment
join alliance_member m on m.id = asked.member_id
join alliance_center home on home.id = m.center_id
join projects_project p on p.id = asked.project_id
join catalog_dataset d on d.id = asked.dataset_id
join alliance_center owner on owner.id = d.center_id
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
left join lateral (
  select t.id, t.since from projects_teammember t
  where t.project_id = p.id and t.member_id = m.id and t.since <= at and (t.until is null or t.until > at)
  order by t.since desc limit 1
) team on true
left join lateral (
  -- The request that is in force, or else the one that was made last.
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
           r.created_at desc, r.id desc
  limit 1
) request on true
cross join lateral (
  -- What its owner agreed to, or is asked to agree to; nothing that was written since. Before that, the working copy.
  select e.ends_on, e.ethics_reference, e.ethics_until, e.purpose, e.gpu_hours, e.submitted_at
  from projects_edition e where e.id = request.edition_id
  union all
  select p.ends_on, p.ethics_reference, p.ethics_until, p.purpose, p.gpu_hours, null where request.edition_id is null
) said
left join catalog_datasetversion v on v.id = request.version_id
left join lateral (
  select b.id, b.over_at, a.number as reference
  from agreements_agreementversion b
  join agreements_agreement a on a.id = b.agreement_id
  join agreements_scopeline s on s.version_id = b.id and s.dataset_id = d.id
  where a.providing_id = d.center_id and a.receiving_id = m.center_id
    and b.signed_at is not null and b.begins_at <= at and b.over_at > at
  order by b.begins_at desc limit 1
) agreed on m.center_id <> d.center_id
order by asked.place
