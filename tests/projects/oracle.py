"""The rules of access said again in plain SQL, without a line of the portal's and without what PostgreSQL keeps for it.

Who stood how at a moment is read from the record alone; what was approved from the votes, not from the request. A
question passes where a row comes back. The moments of two acts must differ.
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
q as (
  select *
  from unnest(%(place)s::int[], %(member)s::uuid[], %(project)s::uuid[], %(dataset)s::uuid[], %(at)s::timestamptz[])
    as q (place, member, project, dataset, at)
),
days as (select q.*, (at at time zone 'UTC')::date as today from q),
votes as (  -- what each owner's stewards had said by a moment: the round in which the quorum was reached, if any
  select r.id as request, r.project_id, v.version_id, y.round, y.voted_at, y.ends_on,
         row_number() over (partition by r.id, y.round order by y.voted_at, y.id) as yeses,
         min(y.ends_on) over (partition by r.id, y.round order by y.voted_at, y.id) as earliest,
         d.quorum, d.id as dataset_id, v.terms
  from projects_accessrequest r
  join lateral (
    select id as version_id, dataset_id, terms from catalog_datasetversion where id = r.version_id
  ) v on true
  join catalog_dataset d on d.id = v.dataset_id
  join projects_vote y on y.request_id = r.id and y.is_yes
),
approvals as (
  select request, project_id, version_id, dataset_id, terms, voted_at as since, earliest as last_day, round
  from votes where yeses = quorum
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
  and exists (select from mfa_authenticator f
              where f.user_id = m.id and f.type <> 'recovery_codes' and f.created_at <= days.at)
  -- the project
  and (select became from story s where s.ref = p.id::text and s.at <= days.at order by s.at desc limit 1) = 'active'
  and p.ends_on >= days.today and p.ethics_until >= days.today and p.ethics_reference <> ''
  and exists (select from projects_teammember t where t.project_id = p.id and t.member_id = m.id
              and t.since <= days.at and coalesce(t.until, 'infinity') > days.at)
  -- the data: published and not withdrawn, approved and not revoked, and nobody of the owner said no in that round
  and exists (select from catalog_datasetversion v
              where v.id = a.version_id and v.published_at <= days.at
                and coalesce(v.withdrawn_at, 'infinity') > days.at)
  and not exists (select from story s where s.ref = a.request::text and s.at <= days.at)
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
  and not (a.terms @> '[{"code": "DUO:0000006"}]' and p.purpose ->> 'kind' not in ('biomedical', 'disease'))
  and not (a.terms @> '[{"code": "DUO:0000020"}]' and not (p.purpose ->> 'collaborates')::boolean)
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
