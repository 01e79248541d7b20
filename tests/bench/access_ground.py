"""An alliance of full size, laid by SQL in a minute, unevenly as in life: some have hundreds of projects, most a few.

The superuser writes with every trigger asleep, so nothing here has an event; what triggers would write, such as the
standings, is written here too. Random numbers come from a fixed seed: two runs on one machine ask the same.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db.models import Count
from django.utils import timezone

from apps.alliance.models import Center, Member
from apps.alliance.roles import ON_CENTER, Role
from apps.audit.ids import uuid7
from apps.catalog.models import DatasetVersion
from apps.projects.held import data_of
from apps.projects.models import Project
from tests import database
from tests.factories import alliance, give, holder
from tests.projects.world import PURPOSE, RISKS

# How unevenly things are picked, as the power of a random number between 0 and 1.
PEOPLE, DATA = 1.7, 2.4
SEED = 0.26
TEXT = "We agree."


@dataclass(frozen=True)
class Size:
    """How much there is; grants are team rows, requests for data and roles together."""

    centers: int
    members: int
    projects: int
    datasets: int
    team: int
    requests: int
    roles: int

    @classmethod
    def of(cls, scale: float) -> "Size":
        """The numbers of docs/benchmarks.md, or a share of them."""

        def share(number: int, least: int) -> int:
            return max(int(number * scale), least)

        grants = share(120_000, 1500), share(30_000, 500), share(50_000, 2000)
        return cls(100, share(20_000, 400), share(5_000, 100), share(2_000, 100), *grants)


@dataclass(frozen=True)
class Viewers:
    """`busiest` is on most projects and holds every role of their center that goes together; `auditor` sees all."""

    busiest: Member
    auditor: Member


def lay(size: Size) -> Viewers:
    """Empty the database and fill it; the people who look at the pages are given their roles by the factories."""
    database.truncate()
    facts: dict[str, Any] = {
        **vars(size),
        "people": PEOPLE,
        "data": DATA,
        "purpose": json.dumps(PURPOSE),
        "risks": json.dumps(RISKS),
        "text": TEXT,
        "sha256": hashlib.sha256(TEXT.encode()).hexdigest(),
        "today": timezone.now().date(),
        "on_center": ContentType.objects.get_for_model(Center).pk,
        "names": [str(role) for role in ON_CENTER],
    }
    with database.superuser() as connection:
        connection.execute("select setseed(%s)", [SEED])
        for statement in STATEMENTS:
            connection.execute(statement, facts)
            if made := re.match(r"\s*create unlogged table (\w+)", statement):
                connection.execute(f"alter table {made[1]} add primary key (n)")
                connection.execute(f"analyze {made[1]}")
        connection.execute(ROLES, facts)
        connection.execute("drop table bench_center, bench_member, bench_dataset, bench_project")
    with database.owner() as owner:
        owner.execute("vacuum analyze")
    return _viewers()


def grants() -> dict[str, int]:
    """How the grants are split."""
    with database.owner() as owner:
        tables = {"team": "projects_teammember", "requests": "projects_accessrequest", "roles": "alliance_grant"}
        return {
            name: int(owner.execute(f"select count(*) from {table}").fetchone()[0])  # type: ignore[index]
            for name, table in tables.items()
        }


def lay_guardian() -> str:
    """As many bare permissions in guardian's own table: of each team row one on its project, the rest on data."""
    facts = {
        "count": sum(grants().values()),
        "project": ContentType.objects.get_for_model(Project).pk,
        "version": ContentType.objects.get_for_model(DatasetVersion).pk,
    }
    with database.superuser() as connection:
        connection.execute("truncate guardian_userobjectpermission")
        connection.execute(BARE_PERMISSIONS, facts)
        connection.execute(BARE, facts)
    with database.owner() as owner:
        owner.execute("vacuum analyze guardian_userobjectpermission")
    return "projects.bench_use"


def note_intervals(began: Iterable[tuple[UUID, UUID, UUID]]) -> None:
    """What the clock would write down of (project, member, version) that can be used since now."""
    columns = "id, project_id, member_id, version_id, since, lacks"
    with database.superuser() as connection, connection.cursor() as cursor:
        with cursor.copy(f"copy projects_accessinterval ({columns}) from stdin") as copy:
            since = timezone.now()
            for one in began:
                copy.write_row((uuid7(), *one, since, "{}"))
        connection.execute("analyze projects_accessinterval")


def _viewers() -> Viewers:
    on_most = Member.objects.filter(teams__until=None).annotate(on=Count("teams")).order_by("-on")[:50]
    busiest = next(one for one in on_most if data_of(one))
    for role in (Role.CENTER_MANAGER, Role.DATA_STEWARD, Role.SIGNING_OFFICIAL):
        if not busiest.holds(role, on=busiest.center):
            give(busiest, role)
    give(busiest, Role.ALLIANCE_MANAGER, alliance())
    auditor = holder(Role.AUDITOR, alliance(), center=busiest.center)
    notices = {"to": busiest.pk, "since": timezone.now() - timedelta(days=300)}
    with database.superuser() as connection:
        connection.execute(NOTICES, notices)
    return Viewers(Member.objects.select_related("center").get(pk=busiest.pk), auditor)


# The busiest center is the one whose data is asked for most: number 0 of the datasets, and of the people, belong to it.
STATEMENTS = [
    """
create unlogged table bench_center as select n, uuidv7() as id from generate_series(0, %(centers)s - 1) n
""",
    """
insert into alliance_center (id, alliance_id, slug, short_name, legal_name, ror_id, email_domains, contact_name,
  contact_email, smallest_count, status, status_at, created_at)
select id, 1, 'center-' || n, 'Center ' || n, 'Cancer Center ' || n, '', array['c' || n || '.example.org'], 'Office',
  'data@c' || n || '.example.org', 10, 'active', now() - interval '3 years', now() - interval '3 years'
from bench_center
""",
    """
create unlogged table bench_member as
select m.n, uuidv7() as id, c.n as center_n, c.id as center_id, random() < 0.97 as is_active
from (select n, case when n = 0 then 0 else floor(%(centers)s * power(random(), 1.3))::int end as c
      from generate_series(0, %(members)s - 1) n) m
join bench_center c on c.n = m.c
""",
    """
insert into alliance_member (id, password, email, name, position, orcid, center_id, status, status_at, created_at,
  joined_at, vouched_until)
select id, '!unusable', 'person-' || n || '@c' || center_n || '.example.org', 'Person ' || to_char(n, 'FM00000'), '',
  '', center_id, case when is_active then 'active' else 'suspended' end, now() - interval '2 years',
  now() - interval '2 years', now() - interval '2 years', %(today)s + (n * 37 %% 350 + 1)
from bench_member
""",
    """
insert into alliance_vouch (id, member_id, center_id, vouched_at, vouched_by_id, ends_on, ended_at)
select uuidv7(), m.id, m.center_id, now() - interval '1 day' * (400 * y + 20),
  (select id from bench_member v where v.n = case when m.n = 1 then 2 else 1 end),
  %(today)s + case when y = 1 then -20 else m.n * 37 %% 350 + 1 end, null
from bench_member m, generate_series(0, 1) y where m.n %% 50 <> 3
""",
    """
insert into mfa_authenticator (user_id, type, data, created_at)
select id, 'totp', '{"secret": "none"}', now() - interval '2 years' from bench_member where n %% 40 <> 7
""",
    """
insert into alliance_heldfactor (factor, member_id, since) select id, user_id, created_at from mfa_authenticator
""",
    """
insert into alliance_trainingtype (id, alliance_id, name, description, lifetime_days, required_of_all, required_for,
  status, status_at, created_at)
select uuidv7(), 1, 'Training ' || n, 'What it teaches.', 365, n < 2,
  case when n = 2 then array['data_steward']::varchar[] else array[]::varchar[] end, 'published',
  now() - interval '3 years', now() - interval '3 years'
from generate_series(0, 5) n
""",
    """
insert into alliance_trainingrecord (id, member_id, type_id, completed_on, valid_until, evidence_key, evidence_name,
  evidence_type, evidence_sha256, evidence_bytes, reason, submitted_at, decided_at, decided_by_id, status, status_at)
select uuidv7(), m.id, t.id, %(today)s - 100, %(today)s + (m.n %% 260 + 1), 'training/bench.pdf', 'c.pdf',
  'application/pdf', repeat('0', 64), 1, '', at, case when is_open then null else at + interval '1 day' end,
  case when is_open then null else (select id from bench_member v where v.n = case when m.n = 1 then 2 else 1 end) end,
  case when is_open then 'submitted' else 'accepted' end, at
from bench_member m
join alliance_trainingtype t on t.required_of_all or t.required_for <> '{}' or (m.n + hashtext(t.name)) %% 5 = 0,
lateral (select (m.n * 7 + hashtext(t.name)) %% 25 = 0 as is_open,
         now() - interval '1 day' * (m.n %% 90 + 2) - interval '1 second' * (m.n %% 5000) as at) s
""",
    """
create unlogged table bench_dataset as
select d.n, uuidv7() as id, uuidv7() as version_id, c.n as center_n, c.id as center_id
from (select n, case when n < 3 then 0 else (n * 7919) %% %(centers)s end as c
      from generate_series(0, %(datasets)s - 1) n) d
join bench_center c on c.n = d.c
""",
    """
insert into catalog_dataset (id, center_id, slug, title, modality, description, owner_basis, contact, smallest_count,
  quorum, legal_basis, data_subjects, data_categories, recipients, transfers, retention, safeguards, created_at)
select id, center_id, 'data-' || n, 'Data ' || n || ' of ' || (array['lung', 'breast', 'colon', 'brain'])[n %% 4 + 1],
  (array['ehr', 'pathology', 'radiology', 'genomics'])[n %% 4 + 1], 'Records of routine care.', 'Consent.',
  'data@c.example.org', 10, 1, 'As agreed.', 'As agreed.', 'As agreed.', 'As agreed.', 'As agreed.', 'As agreed.',
  'As agreed.', now() - interval '2 years'
from bench_dataset
""",
    """
insert into catalog_datasetversion (id, dataset_id, number, status, status_at, created_at, changes, licence, citation,
  format, source, records, terms, bytes, published_at, published_by_id, reason)
select version_id, d.id, 1, 'published', now() - interval '2 years', now() - interval '2 years', '', 'CC0-1.0', '', '',
  '{}', '{"patients": 100}',
  case when d.n %% 4 = 0 then '[{"code": "DUO:0000006"}]' else '[{"code": "DUO:0000042"}]' end::jsonb,
  4, now() - interval '2 years', (select id from bench_member where n = 1), ''
from bench_dataset d
""",
    """
insert into catalog_datasetfile (id, version_id, path, bytes, sha256, media_type, role, stored_at)
select uuidv7(), version_id, 'a.csv', 4, repeat('a', 64), 'text/csv', '', now() from bench_dataset
""",
    """
create unlogged table bench_project as
select n, uuidv7() as id, (array['active', 'active', 'active', 'active', 'active', 'active', 'active', 'active',
  'submitted', 'closed'])[n %% 10 + 1] as status, floor(%(members)s * power(random(), %(people)s))::int as lead_n
from generate_series(0, %(projects)s - 1) n
""",
    """
insert into projects_project (id, number, center_id, lead_id, title, lay_summary, public_benefit, methods, outputs,
  purpose, risks, ethics_reference, ethics_until, gpu_hours, ends_on, status, status_at, created_at, submitted_at,
  round, reason)
select p.id, p.n + 1, m.center_id, m.id, 'Project ' || p.n || ' on survival', 'What we want to know.', 'Better care.',
  'Cox models.', 'Tables.', %(purpose)s, %(risks)s, 'IRB-' || p.n, %(today)s + (p.n %% 300 + 30), 100,
  %(today)s + (p.n %% 500 + 60), p.status, now() - interval '1 hour' * (p.n %% 3000 + 1), now() - interval '1 year',
  now() - interval '300 days', 1, ''
from bench_project p join bench_member m on m.n = p.lead_n
""",
    """
insert into projects_edition (id, project_id, number, submitted_at, submitted_by_id, title, lay_summary, public_benefit,
  methods, outputs, purpose, risks, ethics_reference, ethics_until, gpu_hours, ends_on)
select uuidv7(), id, 1, submitted_at, lead_id, title, lay_summary, public_benefit, methods, outputs, purpose, risks,
  ethics_reference, ethics_until, gpu_hours, ends_on
from projects_project
""",
    """
insert into core_standing (label, row_id, status, since)
select 'alliance.center', id, 'active', now() - interval '3 years' from bench_center
union all select 'alliance.member', id, 'active', now() - interval '2 years' from bench_member
union all select 'alliance.member', id, 'suspended', now() - interval '1 year' from bench_member where not is_active
union all select 'alliance.trainingtype', id, 'published', created_at from alliance_trainingtype
union all select 'projects.project', id, 'draft', now() - interval '1 year' from bench_project
union all select 'projects.project', id, 'submitted', now() - interval '300 days' from bench_project
union all select 'projects.project', id, 'active', now() - interval '290 days' from bench_project
  where status <> 'submitted'
union all select 'projects.project', id, status, now() - interval '20 days' from bench_project where status = 'closed'
""",
    """
insert into projects_teammember (id, project_id, member_id, since, added_by_id, until, removed_by_id)
select uuidv7(), p.id, m.id, now() - interval '310 days', lead.id,
  case when is_over then now() - interval '50 days' end, case when is_over then lead.id end
from (select distinct p, case when k = 0 then null else floor(%(members)s * power(random(), %(people)s))::int end as m
      from generate_series(0, %(projects)s - 1) p, generate_series(0, ceil(%(team)s * 1.01 / %(projects)s)::int) k) t
join bench_project p on p.n = t.p
join bench_member m on m.n = coalesce(t.m, p.lead_n) and (t.m is null or t.m <> p.lead_n)
join bench_member lead on lead.n = p.lead_n,
lateral (select t.m is not null and (p.n + m.n) %% 10 < 3 as is_over) s
limit %(team)s
""",
    """
insert into projects_accessrequest (id, project_id, edition_id, quorum, version_id, reason, status, status_at,
  created_at, waits_since, decided_at, conditions, ends_on, answer)
select uuidv7(), p.id, e.id, 1, d.version_id, 'It holds the outcomes.', state, at + interval '4 days',
  at - interval '9 days', at, case when state <> 'waiting' then at + interval '4 days' end, '',
  case when state = 'approved' then %(today)s + (p.n * 13 + d.n) %% 400 + 1 end,
  case when state = 'refused' then 'It is not needed.' else '' end
from (select distinct p, floor(%(datasets)s * power(random(), %(data)s))::int as d
      from generate_series(0, %(projects)s - 1) p, generate_series(1, ceil(%(requests)s * 1.03 / %(projects)s)::int)) r
join bench_project p on p.n = r.p
join bench_dataset d on d.n = r.d
join projects_edition e on e.project_id = p.id,
lateral (select case when p.status = 'submitted' then 'waiting' when (p.n + d.n) %% 20 = 0 then 'refused'
                else 'approved' end as state,
         now() - interval '300 days' + interval '1 minute' * (p.n * 17 %% 10000) as at) s
limit %(requests)s
""",
    """
insert into agreements_agreementtemplate (id, alliance_id, name, purpose, created_at)
values (uuidv7(), 1, 'Terms', 'Use of data', now())
""",
    """
insert into agreements_templateversion (id, template_id, number, text, status, status_at, created_at, published_at,
  published_by_id)
select uuidv7(), t.id, 1, '# Agreement', 'published', now(), now(), now(), (select id from bench_member where n = 1)
from agreements_agreementtemplate t
""",
    """
insert into agreements_kepttext (id, sha256, text, kept_at) values (uuidv7(), %(sha256)s, %(text)s, now())
""",
    """
insert into agreements_agreement (id, number, providing_id, receiving_id, title, created_at, created_by_id)
select uuidv7(), a.n * 1000 + b.n + 1, a.id, b.id, 'Use of data of ' || a.n || ' by ' || b.n,
  now() - interval '2 years', (select id from bench_member where n = 1)
from bench_center a join bench_center b on a.n <> b.n and (a.n * 31 + b.n * 17) %% 10 < 8
""",
    """
insert into agreements_agreementversion (id, agreement_id, number, edition, template_version_id, values, conditions,
  starts_on, ends_on, text_sha256, status, status_at, created_at, created_by_id, sent_at, sent_by_id, signed_at,
  superseded_at, reason)
select uuidv7(), a.id, v, 1, t.id, '{}', '', %(today)s - 700, %(today)s + (a.number * 7 %% 600 + 1), %(sha256)s,
  case when v = 2 and is_out then 'out_for_signature' when v = 2 or is_out then 'in_force' else 'superseded' end,
  at, at, a.created_by_id, at, a.created_by_id, case when v = 1 or not is_out then at end,
  case when v = 1 and not is_out then now() - interval '300 days' end, ''
from agreements_agreement a, agreements_templateversion t, generate_series(1, 2) v,
lateral (select now() - interval '300 days' * (3 - v) as at, a.number %% 50 = 7 as is_out) s
""",
    """
insert into agreements_scopeline (id, version_id, dataset_id)
select uuidv7(), v.id, d.id from agreements_agreementversion v
join agreements_agreement a on a.id = v.agreement_id join bench_dataset d on d.center_id = a.providing_id
""",
    """
insert into agreements_termsacceptance (id, member_id, dataset_version_id, agreement_version_id, text_sha256,
  accepted_at)
select uuidv7(), w.member_id, w.version_id, b.id, %(sha256)s, now() - interval '30 days'
from (select distinct t.member_id, m.center_id, r.version_id
      from projects_teammember t join projects_accessrequest r on r.project_id = t.project_id and r.status = 'approved'
      join bench_member m on m.id = t.member_id
      where t.until is null and (m.n + hashtext(r.version_id::text)) %% 3 <> 0) w
join bench_dataset d on d.version_id = w.version_id
left join agreements_agreement a on a.providing_id = d.center_id and a.receiving_id = w.center_id
left join agreements_agreementversion b on b.agreement_id = a.id and b.status = 'in_force'
where b.id is not null or d.center_id = w.center_id
""",
]
ROLES = """
insert into alliance_grant (id, user_id, permission_id, content_type_id, object_pk, role, center_id, reason, granted_at,
  ended_at, end_reason)
select uuidv7(), m.id, r.id, %(on_center)s, m.center_id::text, r.codename, m.center_id, 'For the work.', at,
  case when not is_held then at + interval '90 days' end, case when is_held then '' else 'Another job.' end
from (select m.*, row_number() over (partition by center_id order by n) as rank from bench_member m where is_active) m
cross join (select id, codename, row_number() over (order by codename) - 1 as place from auth_permission
            where content_type_id = %(on_center)s and codename = any(%(names)s)) r
cross join generate_series(0, %(roles)s / %(members)s + 1) y
cross join lateral (select y = 0 and m.rank between r.place * 3 + 1 and r.place * 3 + 3 as is_held,
                           now() - interval '100 days' * (y + 1) as at) s
where is_held or y > 0 and (m.n + y) %% 5 = r.place
limit %(roles)s
"""
BARE_PERMISSIONS = """
insert into auth_permission (name, content_type_id, codename)
select 'Use', unnest(array[%(project)s, %(version)s]), 'bench_use' on conflict do nothing
"""
BARE = """
insert into guardian_userobjectpermission (object_pk, content_type_id, permission_id, user_id)
select g.object_pk, g.on_model, p.id, g.member_id
from (select project_id::text as object_pk, %(project)s as on_model, member_id from projects_teammember
      union
      select r.version_id::text, %(version)s, t.member_id from projects_accessrequest r
      join projects_teammember t on t.project_id = r.project_id and t.until is null) g
join auth_permission p on p.content_type_id = g.on_model and p.codename = 'bench_use'
order by g.on_model = %(version)s, random() limit %(count)s
"""
NOTICES = """
insert into core_notice (id, to_id, key, subject, text, path, created_at)
select uuidv7(), %(to)s, 'bench:' || n, 'A notice', 'Its text.', '', %(since)s::timestamptz + interval '1 minute' * n
from generate_series(1, 20000) n
"""
