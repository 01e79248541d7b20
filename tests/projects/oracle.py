"""The rules of access said again in plain SQL, without a line of the portal's and without what PostgreSQL keeps for it.

Who stood how at a moment, and who had a second factor, is read from the record alone; what was approved from the votes,
and what an owner was asked from the edition on which its stewards voted. A question passes where a row comes back. The
moments of two acts must differ.
"""

from django.db import connection

ALLOWED = """
with story as materialized (
  select e.event, e.target_ref as ref, (e.entry::json ->> 'occurred_at')::timestamptz as at,
         e.entry::json -> 'details' ->> 'to' as became
  from audit.event e
  where e.outcome = 'success' and e.event in (
    'alliance.center.suspended', 'alliance.center.reinstated', 'alliance.member.suspended',
    'alliance.member.reinstated', 'alliance.training_type.retired', 'projects.project.started',
    'projects.project.reinstated', 'projects.project.suspended', 'projects.project.closed', 'projects.request.revoked')
),
factors as materialized (  -- nobody takes away their own last one: whoever set one up has one until a manager resets it
  select e.target_ref as ref, e.occurred_at as at, e.event = 'alliance.factor.added' as has
  from audit.event e
  where e.outcome = 'success' and e.event in ('alliance.factor.added', 'alliance.factor.reset')
),
q as (
  select *
  from unnest(%(place)s::int[], %(member)s::uuid[], %(project)s::uuid[], %(dataset)s::uuid[], %(at)s::timestamptz[])
    as q (place, member, project, dataset, at)
),
days as (select q.*, (at at time zone 'UTC')::date as today from q),
votes as (  -- who said yes to what, in which round; a vote counts while its author is the owner's steward and impartial
  select r.id as request, y.round, y.id, y.voted_at, y.ends_on, y.steward_id, r.project_id, d.quorum, d.center_id
  from projects_accessrequest r
  join catalog_datasetversion v on v.id = r.version_id
  join catalog_dataset d on d.id = v.dataset_id
  join projects_vote y on y.request_id = r.id and y.is_yes
),
tallies as (  -- by vote: how many yeses counted just then
  select t.request, t.round, t.voted_at, t.quorum, count(*) as yeses, min(y.ends_on) as last_day
  from votes t
  join votes y on y.request = t.request and y.round = t.round and y.voted_at <= t.voted_at
  where exists (select from alliance_grant g
                where g.user_id = y.steward_id and g.center_id = y.center_id and g.role = 'data_steward'
                  and g.granted_at <= t.voted_at and coalesce(g.ended_at, 'infinity') > t.voted_at
                  and coalesce(g.ends_at, 'infinity') > t.voted_at)
    and not exists (select from projects_teammember x
                    where x.project_id = y.project_id and x.member_id = y.steward_id and x.since <= t.voted_at)
  group by t.request, t.round, t.voted_at, t.quorum
),
approvals as (  -- an owner's yes: to one edition of the proposal, from the first full quorum on
  select distinct on (r.id) r.id as request, r.amends_id as instead_of, r.project_id, r.version_id, v.dataset_id,
         v.terms, t.voted_at as since, t.last_day, t.round, e.submitted_at as asked_at, e.purpose, e.ends_on,
         e.ethics_reference, e.ethics_until, e.gpu_hours
  from tallies t
  join projects_accessrequest r on r.id = t.request
  join catalog_datasetversion v on v.id = r.version_id
  join projects_edition e on e.id = r.edition_id and e.submitted_at <= r.waits_since
  where t.yeses >= t.quorum
  order by r.id, t.voted_at
)
select distinct days.place
from days
join alliance_member m on m.id = days.member
join catalog_dataset d on d.id = days.dataset
join projects_project p on p.id = days.project
join approvals a on a.project_id = p.id and a.dataset_id = d.id and a.since <= days.at and a.last_day >= days.today
where
  -- the center and the person: what the record says last of them
  coalesce((select became from story s where s.ref = m.center_id::text and s.at <= days.at
            order by s.at desc limit 1), 'active') = 'active'
  and coalesce((select became from story s where s.ref = m.id::text and s.at <= days.at
                order by s.at desc limit 1), 'active') = 'active'
  and exists (select from alliance_vouch w where w.member_id = m.id and w.center_id = m.center_id
              and w.vouched_at <= days.at and w.ends_on >= days.today and coalesce(w.ended_at, 'infinity') > days.at)
  and not exists (
    select from alliance_trainingtype k
    where k.required_of_all and k.created_at <= days.at
      and not exists (select from story s where s.ref = k.id::text and s.at <= days.at)
      and not exists (select from alliance_trainingrecord r
                      where r.member_id = m.id and r.type_id = k.id and r.status in ('accepted', 'lapsed')
                        and r.decided_at <= days.at and r.valid_until >= days.today))
  -- of whom the record tells nothing, they have what a test gave them
  and coalesce((select has from factors f where f.ref = m.id::text and f.at <= days.at order by f.at desc limit 1),
               exists (select from mfa_authenticator f
                       where f.user_id = m.id and f.type <> 'recovery_codes' and f.created_at <= days.at))
  -- the project
  and (select became from story s where s.ref = p.id::text and s.at <= days.at order by s.at desc limit 1) = 'active'
  -- as the owner was asked, not as it was written since: its end, its ethics, its people, its purpose, its budget
  and a.ends_on >= days.today and a.ethics_until >= days.today and a.ethics_reference <> ''
  and exists (select from projects_teammember t where t.project_id = p.id and t.member_id = m.id
              and t.since <= least(days.at, a.asked_at) and coalesce(t.until, 'infinity') > days.at)
  and (a.gpu_hours = 0 or a.gpu_hours > coalesce(
    (select sum(u.hours) from projects_gpuuse u where u.project_id = p.id and u.used_at <= days.at), 0))
  -- the data: published and not withdrawn, approved and not revoked, and nobody of the owner said no in that round
  and exists (select from catalog_datasetversion v
              where v.id = a.version_id and v.published_at <= days.at
                and coalesce(v.withdrawn_at, 'infinity') > days.at)
  and not exists (select from story s where s.ref = a.request::text and s.at <= days.at)
  and not exists (select from approvals newer where newer.instead_of = a.request and newer.since <= days.at)
  and not exists (select from projects_vote n
                  where n.request_id = a.request and n.round = a.round and not n.is_yes and n.voted_at <= a.since)
  -- the agreement between the two centers, and that this person accepted the terms under it
  and (
    m.center_id = d.center_id and exists (
      select from agreements_termsacceptance t
      where t.member_id = m.id and t.dataset_version_id = a.version_id and t.agreement_version_id is null
        and t.accepted_at <= days.at)
    or exists (
      select from agreements_agreementversion b
      join agreements_agreement g on g.id = b.agreement_id
      join agreements_scopeline l on l.version_id = b.id and l.dataset_id = d.id
      join agreements_termsacceptance t on t.agreement_version_id = b.id and t.member_id = m.id
        and t.dataset_version_id = a.version_id and t.accepted_at <= days.at
      where g.providing_id = d.center_id and g.receiving_id = m.center_id
        and b.starts_on <= days.today and b.ends_on >= days.today
        and (select count(distinct x.center_id) from agreements_signature x
             where x.version_id = b.id and x.edition = b.edition and x.text_sha256 = b.text_sha256
               and x.signed_at <= days.at) = 2
        and coalesce(b.terminated_at, 'infinity') > days.at and coalesce(b.superseded_at, 'infinity') > days.at)
  )
  -- the terms that these tests use: research of any kind (GRU), health only (HMB), with the owners' people (COL)
  and not (a.terms @> '[{"code": "DUO:0000006"}]' and a.purpose ->> 'kind' not in ('biomedical', 'disease'))
  and not (a.terms @> '[{"code": "DUO:0000020"}]' and not (a.purpose ->> 'collaborates')::boolean)
"""


def allowed(asked):
    """The places of those questions, (member, project, dataset, at) each, that the rules admit."""
    with connection.cursor() as cursor:
        cursor.execute("set local timezone = 'UTC'")
        cursor.execute(
            ALLOWED,
            {
                "place": list(range(len(asked))),
                "member": [str(one[0]) for one in asked],
                "project": [str(one[1]) for one in asked],
                "dataset": [str(one[2]) for one in asked],
                "at": [one[3] for one in asked],
            },
        )
        return {place for (place,) in cursor.fetchall()}
