"""What must hold of projects whatever anybody did, said again in SQL and without a line of the portal's rules.

Each query finds what breaks a rule. Who could speak for whom at a moment is read from the grants and the record; the
moments of two acts must differ, so whoever asks lets the clock run between them.
"""

from django.db import connection

STORY = """
with done as materialized (
  select e.id, e.event, e.target_ref, e.actor_ref, e.entry::json #>> '{actor,type}' as actor_type,
         e.entry::json -> 'details' as details, (e.entry::json ->> 'occurred_at')::timestamptz as at
  from audit.event e where e.outcome = 'success'
),
held as (
  select user_id, role, center_id, granted_at as since,
         least(coalesce(ends_at, 'infinity'), coalesce(ended_at, 'infinity')) as until
  from alliance_grant
),
owned as (
  select r.*, d.center_id as owner, d.quorum as asks_for
  from projects_accessrequest r
  join catalog_datasetversion v on v.id = r.version_id
  join catalog_dataset d on d.id = v.dataset_id
)
"""

RULES = {
    "each vote is of a steward of the owner, as of then": """
        select y.id::text, 'vote' from projects_vote y join owned r on r.id = y.request_id
        where not exists (select from held h where h.user_id = y.steward_id and h.role = 'data_steward'
                          and h.center_id = r.owner and h.since < y.voted_at and y.voted_at < h.until)
    """,
    "nobody decides on a project on whose team they are, were or will be": """
        select y.id::text, 'vote' from projects_vote y join owned r on r.id = y.request_id
        join projects_teammember t on t.project_id = r.project_id and t.member_id = y.steward_id
        union all
        select e.id::text, e.event from done e join owned r on r.id::text = e.target_ref
        join projects_teammember t on t.project_id = r.project_id and t.member_id::text = e.actor_ref
        where e.event in ('projects.request.approved', 'projects.request.refused', 'projects.request.revoked')
    """,
    "a revocation is of a steward of the owner": """
        select e.id::text, e.event from done e join owned r on r.id::text = e.target_ref
        where e.event = 'projects.request.revoked' and not exists (
          select from held h where h.user_id::text = e.actor_ref and h.role = 'data_steward'
          and h.center_id = r.owner and h.since < e.at and e.at < h.until)
    """,
    "what stands approved has the yeses of its owner's quorum, in one round and without a no": """
        select r.id::text, r.status from owned r
        where r.status in ('approved', 'revoked', 'replaced') and not exists (
          select from projects_vote y where y.request_id = r.id group by y.round
          having count(distinct y.steward_id) filter (where y.is_yes) >= r.asks_for and not bool_or(not y.is_yes))
    """,
    "no approval outlasts what one of its owner's stewards said yes to": """
        select r.id::text, r.ends_on::text from owned r
        where r.status in ('approved', 'revoked', 'replaced')
          and r.ends_on > (select min(y.ends_on) from projects_vote y
                           where y.request_id = r.id and y.round = (select max(x.round) from projects_vote x
                                                                    where x.request_id = r.id))
    """,
    "what stands refused has a no": """
        select r.id::text, r.status from owned r
        where r.status = 'refused'
          and not exists (select from projects_vote y where y.request_id = r.id and not y.is_yes)
    """,
    "one approval stands for one version in one project": """
        select min(r.id::text), count(*)::text from owned r where r.status = 'approved'
        group by r.project_id, r.version_id having count(*) > 1
    """,
    "an approval rests on an edition that was frozen before its first vote": """
        select r.id::text, 'edition' from owned r left join projects_edition e on e.id = r.edition_id
        where r.status in ('waiting', 'approved', 'refused', 'revoked', 'replaced')
          and (e.id is null or e.project_id <> r.project_id or e.submitted_at > r.waits_since
               or exists (select from projects_vote y where y.request_id = r.id and y.voted_at < e.submitted_at))
    """,
    "what was replaced gave way to an approval of the same owner's data": """
        select r.id::text, r.status from owned r
        where r.status = 'replaced' and not exists (
          select from projects_accessrequest n join catalog_datasetversion v on v.id = n.version_id
          join catalog_datasetversion o on o.id = r.version_id
          where n.amends_id = r.id and v.dataset_id = o.dataset_id and n.decided_at = r.replaced_at)
    """,
    "a project is led by its own lead, as of then": """
        select e.id::text, e.event from done e
        left join projects_amendment a on a.id::text = e.target_ref
        join projects_project p on p.id::text = e.target_ref or p.id = a.project_id
        where e.event in ('projects.project.submitted', 'projects.project.withdrawn', 'projects.project.started',
                          'projects.project.written', 'projects.amendment.begun', 'projects.amendment.written',
                          'projects.amendment.submitted', 'projects.amendment.withdrawn', 'projects.request.added',
                          'projects.team_member.added', 'projects.team_member.removed')
          and e.actor_ref is distinct from coalesce(
            (select h.details ->> 'now' from done h where h.event = 'projects.project.handed_over'
             and h.target_ref = p.id::text and h.at < e.at order by h.at desc limit 1),
            (select h.details ->> 'was' from done h where h.event = 'projects.project.handed_over'
             and h.target_ref = p.id::text order by h.at limit 1),
            p.lead_id::text)
    """,
    "a project is halted and let go on by managers of its own center who are not on its team": """
        select e.id::text, e.event from done e join projects_project p on p.id::text = e.target_ref
        where e.event in ('projects.project.suspended', 'projects.project.reinstated') and (
          not exists (select from held h where h.user_id::text = e.actor_ref and h.role = 'center_manager'
                      and h.center_id = p.center_id and h.since < e.at and e.at < h.until)
          or exists (select from projects_teammember t where t.project_id = p.id
                     and t.member_id::text = e.actor_ref and t.since < e.at))
    """,
    "each signature is of an official of the center that it binds, a party to it": """
        select s.id::text, 'signature' from agreements_signature s
        join agreements_agreementversion b on b.id = s.version_id join agreements_agreement g on g.id = b.agreement_id
        join alliance_member m on m.id = s.signer_id
        where s.center_id <> m.center_id or s.center_id not in (g.providing_id, g.receiving_id)
          or not exists (select from held h where h.user_id = s.signer_id and h.role = 'signing_official'
                         and h.center_id = s.center_id and h.since < s.signed_at and s.signed_at < h.until)
    """,
    "no agreement binds without both signatures under its very text": """
        select b.id::text, b.status from agreements_agreementversion b
        where b.signed_at is not null and (
          select count(distinct s.center_id) from agreements_signature s
          where s.version_id = b.id and s.edition = b.edition and s.text_sha256 = b.text_sha256) <> 2
    """,
    "terms are accepted by the person themselves": """
        select t.id::text, 'terms' from agreements_termsacceptance t
        where not exists (select from done e where e.event = 'agreements.terms.accepted'
                          and e.actor_ref = t.member_id::text and e.at = t.accepted_at)
    """,
    "a project stands where its last event put it": """
        select p.id::text, p.status from projects_project p
        where p.status not in ('draft', 'decided') and p.status is distinct from (
          select e.details ->> 'to' from done e
          where e.target_ref = p.id::text and e.event like 'projects.project.%%' and e.details ->> 'to' is not null
          order by e.at desc, e.id desc limit 1)
    """,
    "nothing waits in a project that is over": """
        select r.id::text, r.status from owned r join projects_project p on p.id = r.project_id
        where r.status in ('waiting', 'draft') and p.status in ('closed', 'withdrawn')
    """,
}


def broken_rules() -> list[tuple[str, str, str]]:
    """Each broken rule with the row that breaks it; one statement asks them all."""
    asked = " union all ".join(
        f"select {place}, found.* from ({sql}) found(ref, what)" for place, sql in enumerate(RULES.values())
    )
    with connection.cursor() as cursor:
        cursor.execute(f"{STORY} {asked}", {})
        return [(list(RULES)[place], ref, what) for place, ref, what in cursor.fetchall()]
