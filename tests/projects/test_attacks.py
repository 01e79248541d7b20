"""What a dishonest member, or somebody with the portal's own right to write, tried on an owner's yes."""

from datetime import timedelta

import psycopg
import pytest
import time_machine
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from apps.catalog.models import DatasetVersion
from apps.projects.access import may_use
from apps.projects.models import AccessRequest, TeamMember
from apps.projects.services import amendments, decisions, proposals
from tests.factories import MemberFactory, arranged
from tests.projects.world import GRU, accepted, again, approve, changed, in_days, make_world, published

R = AccessRequest.Status
HELD = psycopg.errors.IntegrityConstraintViolation
pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db):
    return make_world()


@pytest.fixture
def clock(world):
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=False) as clock:
        yield clock


def refused_by(sql, *values):
    with pytest.raises(DatabaseError) as refusal, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
    return type(refusal.value.__cause__)


# ── raw SQL with the portal's own rights ────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("state", ["approved", "refused", "revoked", "replaced"])
def test_no_request_begins_as_decided(world, state):
    kind = refused_by(
        "insert into projects_accessrequest (id, project_id, version_id, edition_id, quorum, reason, status, status_at,"
        " created_at, decided_at, conditions, ends_on, answer, revoked_at, revoked_by_id, replaced_at)"
        " select gen_random_uuid(), project_id, version_id, edition_id, 1, '', %s, now(), now(), now(), '', ends_on,"
        " '', case when %s then now() end, case when %s then %s::uuid end, case when %s then now() end"
        " from projects_accessrequest",
        state, state == "revoked", state == "revoked", world.steward.pk, state == "replaced",
    )  # fmt: skip

    assert kind is HELD


@pytest.mark.parametrize("change", ["quorum = 1", "edition_id = null, status = 'waiting'", "amends_id = id"])
def test_what_stewards_vote_on_stays_until_they_have(change):
    world = make_world(quorum=2)

    assert refused_by(f"update projects_accessrequest set {change} where id = %s", world.request.pk) is HELD


def test_a_request_is_never_turned_to_other_data():
    world = make_world(quorum=2)
    other = published(world.owner, world.steward, slug="other-data")

    assert refused_by("update projects_accessrequest set version_id = %s", other.pk) is HELD


@pytest.mark.parametrize(
    "change", ["since = since - interval '1 year'", "member_id = added_by_id", "until = null, removed_by_id = null"]
)
def test_nobody_was_on_the_team_earlier_or_in_the_place_of_another(world, change):
    with arranged():
        left = TeamMember.objects.create(project=world.project, member=MemberFactory(), added_by=world.lead)
        TeamMember.objects.filter(pk=left.pk).update(until=timezone.now(), removed_by=world.lead)

    assert refused_by(f"update projects_teammember set {change} where id = %s", left.pk) is HELD


def test_nobody_joins_before_what_the_owner_read(world):
    kind = refused_by(
        "insert into projects_teammember (id, project_id, member_id, added_by_id, since)"
        " select gen_random_uuid(), id, %s, lead_id, created_at from projects_project",
        MemberFactory().pk,
    )

    assert kind is HELD


# ── through the portal ──────────────────────────────────────────────────────────────────────────────────────────────
def use(world):
    return may_use(world.lead, world.dataset, world.project)


def newer(version):
    """Another published version of the same data."""
    with arranged():
        made = DatasetVersion.objects.create(dataset=version.dataset, number=2, licence="CC0-1.0", terms=GRU)
        made.status, made.published_at, made.published_by = "published", timezone.now(), version.published_by
        made.save()
    return made


def test_data_that_is_revoked_is_used_in_no_other_version_either(world, clock):
    amendments.begin(world.project, by=world.lead)
    asked = proposals.ask_for(again(world.project), by=world.lead, version=newer(world.version), reason="It is newer.")
    amendments.submit(world.project.amendments.get(), by=world.lead)
    approve(asked, by=world.steward, ends_on=in_days(100))
    accepted(world.lead, asked.version)
    assert use(world)

    decisions.revoke(again(asked), by=world.steward, reason="Consent was withdrawn.")

    assert again(world.request).status == R.REVOKED
    assert not next(line for line in use(world).lines if line.key == "approval").met


def test_an_owner_who_leaves_a_renewal_undecided_holds_up_no_change(world, clock):
    renewal = amendments.ask_to_renew(world.request, by=world.lead)

    changed(world, methods="Others.")

    assert (again(renewal).status, again(world.request).status) == (R.DROPPED, R.APPROVED)
    assert world.project.requests.get(status=R.WAITING).edition.methods == "Others."
