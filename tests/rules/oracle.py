"""What must hold of the alliance whatever anybody did, said again in SQL and without a line of the portal's rules.

Each query finds what breaks a rule; who stood how at which moment is read from the record alone. The moments of two
acts must differ, so whoever asks lets the clock run between them.
"""

from django.db import connection

# From when until when a role was in force; who was active when, by the record; which center could act when.
STORY = """
with audit_event as materialized (
  select id, event, outcome, actor_ref, target_ref, entry::json #>> '{actor,type}' as actor_type,
         entry::json -> 'details' as details, (entry::json ->> 'occurred_at')::timestamptz as occurred_at
  from audit.event
),
held as (
  select id, user_id, role, center_id, granted_by_id, granted_at as since,
         least(coalesce(ends_at, 'infinity'), coalesce(ended_at, 'infinity')) as until
  from alliance_grant
),
turns as (
  select target_ref as ref, occurred_at as since, event,
         lead(occurred_at, 1, 'infinity') over (partition by target_ref order by occurred_at, id) as until,
         case event
           when 'alliance.member.founded' then 'invited' when 'alliance.member.invited' then 'invited'
           when 'alliance.member.first_invited' then 'invited' when 'alliance.member.joined' then 'active'
           when 'alliance.member.suspended' then 'suspended' when 'alliance.member.reinstated' then 'active'
           when 'alliance.member.left' then 'left'
           when 'alliance.center.founded' then 'active' when 'alliance.center.applied' then 'applicant'
           when 'alliance.center.admitted' then 'active' when 'alliance.center.suspended' then 'suspended'
           when 'alliance.center.reinstated' then 'active' when 'alliance.center.left' then 'left'
           when 'alliance.center.rejected' then 'rejected' when 'alliance.center.applied_again' then 'applicant'
           when 'alliance.training.submitted' then 'submitted' when 'alliance.training.resubmitted' then 'submitted'
           when 'alliance.training.accepted' then 'accepted' when 'alliance.training.returned' then 'returned'
           when 'alliance.training.lapsed' then 'lapsed'
           when 'alliance.training_type.published' then 'published' when 'alliance.training_type.retired' then 'retired'
         end as state
  from audit_event
  where outcome = 'success' and event in (
    'alliance.member.founded', 'alliance.member.invited', 'alliance.member.first_invited', 'alliance.member.joined',
    'alliance.member.suspended', 'alliance.member.reinstated', 'alliance.member.left', 'alliance.center.founded',
    'alliance.center.applied', 'alliance.center.admitted', 'alliance.center.suspended', 'alliance.center.reinstated',
    'alliance.center.left', 'alliance.center.rejected', 'alliance.center.applied_again',
    'alliance.training.submitted', 'alliance.training.resubmitted',
    'alliance.training.accepted', 'alliance.training.returned', 'alliance.training.lapsed',
    'alliance.training_type.published', 'alliance.training_type.retired')
),
able as (  -- the stretches of time in which a person could act
  select m.id, m.center_id, greatest(p.since, c.since) as since, least(p.until, c.until) as until
  from alliance_member m
  join turns p on p.ref = m.id::text and p.state = 'active'
  join turns c on c.ref = m.center_id::text and c.state in ('active', 'applicant')
),
managed as (  -- the stretches in which a person could act as their center's manager
  select a.id, h.center_id, greatest(a.since, h.since) as since, least(a.until, h.until) as until
  from able a join held h on h.user_id = a.id and h.role = 'center_manager' and h.center_id = a.center_id
),
ran as (  -- and as the alliance's
  select a.id, a.center_id, greatest(a.since, h.since) as since, least(a.until, h.until) as until
  from able a join held h on h.user_id = a.id and h.role = 'alliance_manager' and h.center_id is null
)
"""

RULES = {
    "a center's role was given by its manager, or as its first by another center's alliance manager": """
        select h.id::text, h.role from held h
        where h.center_id is not null and h.granted_by_id is not null
          and not exists (select from managed g where g.id = h.granted_by_id and g.center_id = h.center_id
                          and g.since < h.since and h.since < g.until)
          and not (h.role = 'center_manager'
            and exists (select from ran g where g.id = h.granted_by_id and g.center_id <> h.center_id
                        and g.since < h.since and h.since < g.until)
            and not exists (select from held o join turns p on p.ref = o.user_id::text and p.state = 'active'
                            where o.role = 'center_manager' and o.center_id = h.center_id and o.id <> h.id
                              and o.since < h.since and h.since < o.until and p.since < h.since and h.since < p.until))
    """,
    "a role of the alliance was given by its manager": """
        select h.id::text, h.role from held h
        where h.center_id is null and h.granted_by_id is not null
          and not exists (select from ran g where g.id = h.granted_by_id and g.since < h.since and h.since < g.until)
    """,
    "only the founding gave roles that nobody gave": """
        select h.id::text, h.role from held h where h.granted_by_id is null
          and not exists (select from audit_event e where e.event = 'alliance.member.founded' and e.outcome = 'success'
                          and e.actor_ref = 'founder' and e.target_ref = h.user_id::text)
    """,
    "the alliance never loses its last manager": """
        select 'alliance', 'nobody'
        where exists (select from ran) and not exists (select from ran where until = 'infinity')
    """,
    "nobody gave a role to themselves": "select id::text, role from held where granted_by_id = user_id",
    "a center's roles are with its own people": """
        select h.id::text, h.role from held h join alliance_member m on m.id = h.user_id
        where h.center_id is not null and h.center_id <> m.center_id
    """,
    "a role was given to somebody active, or at the founding": """
        select h.id::text, h.role from held h where h.granted_by_id is not null
          and not exists (select from turns p where p.ref = h.user_id::text and p.state = 'active'
                          and p.since < h.since and h.since < p.until)
    """,
    "an auditor decided nothing at any time": """
        select a.user_id::text, d.role from held a join held d on d.user_id = a.user_id
        where a.role = 'auditor' and d.role <> 'auditor'
          and greatest(a.since, d.since) < least(a.until, d.until)
    """,
    "one role is held once at a time": """
        select a.id::text, a.role from held a join held b on b.user_id = a.user_id and b.role = a.role
          and b.center_id is not distinct from a.center_id and b.id <> a.id
        where greatest(a.since, b.since) < least(a.until, b.until)
    """,
    "whoever left holds nothing and is invited nowhere": """
        select m.id::text, 'role' from alliance_member m join held h on h.user_id = m.id and h.until = 'infinity'
        where m.status = 'left'
        union all
        select m.id::text, 'invitation' from alliance_member m join alliance_invitation i on i.member_id = m.id
        where m.status = 'left' and i.accepted_at is null and i.withdrawn_at is null
        union all
        select m.id::text, 'word' from alliance_member m join alliance_vouch v on v.member_id = m.id
        where m.status = 'left' and v.ended_at is null and v.ends_on > %(today)s
    """,
    "whoever did something could act just then": """
        select e.id::text, e.event from audit_event e
        where e.outcome = 'success' and e.actor_type = 'person'
          and e.event not in ('alliance.member.joined', 'alliance.center.left')
          and not exists (select from able a where a.id::text = e.actor_ref
                          and a.since < e.occurred_at and e.occurred_at <= a.until)
    """,
    "a center left by its own active signing official, and was active or suspended": """
        select e.id::text, e.event from audit_event e
        where e.event = 'alliance.center.left' and e.outcome = 'success' and not exists (
          select from held h
          join turns p on p.ref = e.actor_ref and p.state = 'active'
          join turns c on c.ref = e.target_ref and c.state in ('active', 'suspended')
          where h.user_id::text = e.actor_ref and h.role = 'signing_official' and h.center_id::text = e.target_ref
            and h.since < e.occurred_at and e.occurred_at < h.until
            and p.since < e.occurred_at and e.occurred_at < p.until
            and c.since < e.occurred_at and e.occurred_at <= c.until)
    """,
    "whoever joined was invited, in time, to a center that could act": """
        select e.id::text, e.event from audit_event e join alliance_member m on m.id::text = e.target_ref
        where e.event = 'alliance.member.joined' and e.outcome = 'success' and not (
          e.actor_ref = e.target_ref
          and exists (select from alliance_invitation i where i.member_id = m.id and i.accepted_at = e.occurred_at
                      and i.invited_at < e.occurred_at and e.occurred_at < i.ends_at)
          and exists (select from turns c where c.ref = m.center_id::text and c.state in ('active', 'applicant')
                      and c.since < e.occurred_at and e.occurred_at < c.until))
    """,
    "a center's word came from its manager, not for themselves": """
        select v.id::text, '' from alliance_vouch v join alliance_member m on m.id = v.member_id
        where v.vouched_by_id = v.member_id or v.center_id <> m.center_id
          or not exists (select from managed g where g.id = v.vouched_by_id and g.center_id = v.center_id
                         and g.since < v.vouched_at and v.vouched_at < g.until)
    """,
    "training was decided by a manager of the center, not by the member": """
        select r.id::text, r.status from alliance_trainingrecord r join alliance_member m on m.id = r.member_id
        where r.decided_by_id is not null and (r.decided_by_id = r.member_id
          or not exists (select from managed g where g.id = r.decided_by_id and g.center_id = m.center_id
                         and g.since < r.decided_at and r.decided_at < g.until))
    """,
    "the standing of a center was decided by another center's alliance manager": """
        select e.id::text, e.event from audit_event e
        where e.outcome = 'success'
          and e.event in ('alliance.center.admitted', 'alliance.center.suspended', 'alliance.center.reinstated',
                          'alliance.center.rejected', 'alliance.center.applied_again')
          and not exists (select from ran g where g.id::text = e.actor_ref and g.center_id::text <> e.target_ref
                          and g.since < e.occurred_at and e.occurred_at < g.until)
    """,
    "people are looked after by their own center's manager and never by themselves": """
        select e.id::text, e.event from audit_event e join alliance_member m on m.id::text = e.target_ref
        where e.outcome = 'success' and e.event in ('alliance.member.suspended', 'alliance.member.reinstated',
                                                   'alliance.member.left', 'alliance.member.vouched',
                                                   'alliance.member.erased')
          and (e.actor_ref = e.target_ref or not exists (
            select from managed g where g.id::text = e.actor_ref and g.center_id = m.center_id
            and g.since < e.occurred_at and e.occurred_at <= g.until))
    """,
    "the state of everything is that of its last event": """
        select m.id::text, m.status from alliance_member m
          left join turns t on t.ref = m.id::text and t.until = 'infinity' where t.state is distinct from m.status
        union all select c.id::text, c.status from alliance_center c
          left join turns t on t.ref = c.id::text and t.until = 'infinity' where t.state is distinct from c.status
        union all select r.id::text, r.status from alliance_trainingrecord r
          left join turns t on t.ref = r.id::text and t.until = 'infinity' where t.state is distinct from r.status
        union all select y.id::text, y.status from alliance_trainingtype y
          left join turns t on t.ref = y.id::text and t.until = 'infinity' where t.state is distinct from y.status
    """,
    "there are as many changes as events": """
        select what, rows::text || ' rows, ' || events::text || ' events' from (
          select 'members' as what, (select count(*) from alliance_member) as rows,
                 count(*) filter (where event in ('alliance.member.founded', 'alliance.member.invited',
                                                  'alliance.member.first_invited')
                                  and details->>'again' is null) as events from done
          union all select 'centers', (select count(*) from alliance_center),
                 count(*) filter (where event in ('alliance.center.founded', 'alliance.center.applied')) from done
          union all select 'roles given', (select count(*) from alliance_grant),
                 count(*) filter (where event in ('alliance.grant.given', 'alliance.grant.given_by_alliance',
                                                  'alliance.grant.first_manager_appointed'))
                 + 2 * count(*) filter (where event = 'alliance.member.founded') from done
          union all select 'roles ended', (select count(*) from alliance_grant where ended_by_id is not null),
                 count(*) filter (where event = 'alliance.grant.ended')
                 + coalesce(sum((details->>'grants_ended')::int) filter (where event = 'alliance.member.left'), 0)
            from done
          union all select 'invitations', (select count(*) from alliance_invitation),
                 count(*) filter (where event in ('alliance.member.founded', 'alliance.member.invited',
                                  'alliance.member.first_invited', 'alliance.invitation.renewed')) from done
          union all select 'joinings', (select count(*) from alliance_invitation where accepted_at is not null),
                 count(*) filter (where event = 'alliance.member.joined') from done
          union all select 'words', (select count(*) from alliance_vouch v where not exists (
                   select from done d where d.event = 'alliance.member.joined' and d.occurred_at = v.vouched_at
                   and d.target_ref = v.member_id::text)),
                 count(*) filter (where event = 'alliance.member.vouched') from done
          union all select 'proofs', (select count(*) from alliance_trainingrecord),
                 count(*) filter (where event = 'alliance.training.submitted') from done
          union all select 'trainings', (select count(*) from alliance_trainingtype),
                 count(*) filter (where event = 'alliance.training_type.published') from done
        ) counts where rows <> events
    """,
}


def broken_rules(today: str) -> list[tuple[str, str, str]]:
    """Each broken rule with the row that breaks it; one statement asks them all."""
    asked = " union all ".join(
        f"select {place}, found.* from ({sql}) found(ref, what)" for place, sql in enumerate(RULES.values())
    )
    done = ", done as materialized (select * from audit_event where outcome = 'success')"
    with connection.cursor() as cursor:
        cursor.execute(f"{STORY}{done} {asked}", {"today": today})
        return [(list(RULES)[place], ref, what) for place, ref, what in cursor.fetchall()]


def count_of_events() -> int:
    """All that people tried, done or refused."""
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from audit.event where entry::json #>> '{actor,type}' = 'person'")
        return int(cursor.fetchone()[0])
