"""What an owner agreed to is one edition, whatever was written since; and a word given counts as long as it can."""

from datetime import timedelta

import psycopg
import pytest
import time_machine
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from apps.alliance.models import Grant
from apps.alliance.roles import Role
from apps.core.errors import Invalid, WrongState
from apps.projects.access import may_use
from apps.projects.models import AccessRequest, Edition, Project, TeamMember, Vote
from apps.projects.services import amendments, decisions, proposals
from tests.factories import CenterFactory, MemberFactory, arranged, holder
from tests.projects.world import PURPOSE, again, approve, in_days, proposed, published, second_steward

P, R = Project.Status, AccessRequest.Status
pytestmark = pytest.mark.django_db


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=False) as clock:
        yield clock


@pytest.fixture
def two(clock):
    """A project that asks two owners; one approved, the other gave it back."""
    return Two(clock)


class Two:
    def __init__(self, clock):
        self.clock = clock
        centers = [CenterFactory(short_name=name) for name in ("First", "Second")]
        self.first, self.second = (holder(Role.DATA_STEWARD, center) for center in centers)
        versions = [published(c, s) for c, s in zip(centers, (self.first, self.second), strict=True)]
        self.lead = MemberFactory()
        self.project = proposed(self.lead, versions[0], submit=False)
        proposals.ask_for(self.project, by=self.lead, version=versions[1], reason="To compare.")
        proposals.submit(self.project, by=self.lead)
        self.ours, self.theirs = (self.project.requests.get(version=one) for one in versions)
        self.later()
        approve(self.ours, by=self.first, ends_on=in_days(100))
        decisions.return_to_lead(self.project, by=self.second, reason="Say more.")
        self.later()

    def later(self):
        self.clock.shift(timedelta(minutes=1))

    def write(self, **parts):
        proposals.write(again(self.project), by=self.lead, **parts)

    def send(self):
        self.later()
        proposals.submit(again(self.project), by=self.lead)

    def facts(self):
        return may_use(self.lead, self.ours.version.dataset, self.project)


def line(decision, key):
    return next(one for one in decision.lines if one.key == key)


# ── a text that an owner did not see ────────────────────────────────────────────────────────────────────────────────
def test_what_was_sent_is_kept_as_it_was(two):
    two.write(methods="Others.")

    (edition,) = Edition.objects.all()
    assert (edition.number, edition.methods, edition.submitted_by) == (1, "Cox models.", two.lead)
    assert again(two.ours).edition == edition
    assert again(two.theirs).edition is None, "it is a draft again"


def test_whoever_agreed_to_another_text_is_asked_anew_and_its_yes_holds_for_the_old_one(two):
    two.write(purpose=PURPOSE | {"kind": "methods"}, ends_on=in_days(90))
    two.send()

    anew = two.project.requests.get(amends=two.ours)
    assert (anew.status, anew.edition.number, again(two.ours).status) == (R.WAITING, 2, R.APPROVED)
    assert line(two.facts(), "approval").met
    assert line(two.facts(), "project").until is None, "it is not active"
    decisions.refuse(again(two.theirs), by=two.second, reason="No.")
    assert again(two.project).status == P.SUBMITTED, "the first owner's word on the new text is missing"
    decisions.refuse(anew, by=two.first, reason="Not for that.")

    assert again(two.project).status == P.DECIDED
    assert again(two.project).purpose["kind"] == "biomedical", "it reads as the one owner agreed to"
    assert again(two.ours).status == R.APPROVED


def test_the_yes_to_the_new_text_takes_the_place_of_the_old_one_at_one_moment(two):
    two.write(methods="Others.")
    two.send()
    anew = two.project.requests.get(amends=two.ours)
    two.later()
    approve(anew, by=two.first, ends_on=in_days(60))

    old, new = again(two.ours), again(anew)
    assert (old.status, new.status) == (R.REPLACED, R.APPROVED)
    assert old.replaced_at == new.decided_at == timezone.now()
    assert line(two.facts(), "approval").rests_on.endswith(str(new.pk))
    before = may_use(two.lead, old.version.dataset, two.project, timezone.now() - timedelta(microseconds=1))
    assert line(before, "approval").rests_on.endswith(str(old.pk))


def test_somebody_who_joined_meanwhile_needs_the_first_owner_too(two):
    proposals.add_to_team(again(two.project), by=two.lead, member=(guest := MemberFactory()))
    assert not line(may_use(guest, two.ours.version.dataset, two.project), "team").met
    two.send()

    assert two.project.requests.get(amends=two.ours).status == R.WAITING
    assert not line(may_use(guest, two.ours.version.dataset, two.project), "team").met
    assert line(may_use(guest, two.theirs.version.dataset, two.project), "team").met, "as it is asked there"


def test_who_left_is_no_reason_to_ask_again(two):
    proposals.drop(again(two.theirs), by=two.lead)
    two.send()

    assert not two.project.requests.filter(amends=two.ours).exists()
    assert again(two.project).status == P.DECIDED, "nothing is left to be decided"


def test_other_data_alone_touches_nobody_else(two):
    elsewhere = CenterFactory()
    other = published(elsewhere, holder(Role.DATA_STEWARD, elsewhere))
    proposals.ask_for(again(two.project), by=two.lead, version=other, reason="To compare.")
    two.send()

    assert {one.version for one in two.project.requests.filter(status=R.WAITING)} == {two.theirs.version, other}


def test_without_any_data_nothing_is_sent():
    lead = MemberFactory()
    center = CenterFactory()
    project = proposed(lead, published(center, holder(Role.DATA_STEWARD, center)), submit=False)
    proposals.drop(project.requests.get(), by=lead)

    with pytest.raises(Invalid, match="at least one dataset"):
        proposals.submit(project, by=lead)


def test_votes_of_an_earlier_edition_do_not_count(two):
    quorum_of_two = published(two.first.center, two.first, quorum=2, slug="guarded")
    proposals.ask_for(again(two.project), by=two.lead, version=quorum_of_two, reason="To compare.")
    two.send()
    request = two.project.requests.get(version=quorum_of_two)
    approve(request, by=two.first, ends_on=in_days(9))
    decisions.return_to_lead(again(two.project), by=two.second, reason="More.")
    two.send()
    approve(again(request), by=second_steward(two.first.center), ends_on=in_days(9))

    assert again(request).status == R.WAITING


# ── whose word counts ───────────────────────────────────────────────────────────────────────────────────────────────
def test_a_yes_of_somebody_who_is_no_steward_any_more_does_not_count(clock):
    owner = CenterFactory()
    gone = holder(Role.DATA_STEWARD, owner)
    request = proposed(MemberFactory(), published(owner, gone, quorum=2)).requests.get()
    approve(request, by=gone, ends_on=in_days(9))
    clock.shift(timedelta(minutes=1))
    with arranged():
        Grant.history.filter(user=gone).update(ended_at=timezone.now())
    approve(request, by=second_steward(owner), ends_on=in_days(9))
    assert again(request).status == R.WAITING

    approve(request, by=second_steward(owner), ends_on=in_days(9))
    assert again(request).status == R.APPROVED


def test_the_quorum_never_shrinks_while_a_request_waits():
    owner = CenterFactory()
    steward = holder(Role.DATA_STEWARD, owner)
    version = published(owner, steward, quorum=2)
    request = proposed(MemberFactory(), version).requests.get()
    with arranged():
        type(version.dataset).objects.filter(pk=version.dataset_id).update(quorum=1)

    approve(request, by=steward, ends_on=in_days(9))

    assert again(request).status == R.WAITING


def _take(project, request, steward):
    decisions.take(request, by=steward)


def _ask(project, request, steward):
    proposals.remark(project, by=steward, text="Why?")


def _vote(project, request, steward):
    decisions.refuse(request, by=steward, reason="No.")


def _give_back(project, request, steward):
    decisions.return_to_lead(project, by=steward, reason="More.")


@pytest.mark.parametrize("part", [_take, _ask, _vote, _give_back])
def test_whoever_had_a_part_in_deciding_joins_no_more(part, clock):
    owner = CenterFactory()
    judge, other = (holder(Role.DATA_STEWARD, owner) for _ in range(2))
    lead = MemberFactory()
    project = proposed(lead, published(owner, judge))
    request = project.requests.get()
    part(project, request, judge)
    if again(project).status == P.SUBMITTED:
        decisions.return_to_lead(project, by=other, reason="More.")
    if again(project).status == P.DECIDED:
        amendments.begin(again(project), by=lead)

    with pytest.raises(Invalid, match="had a part in deciding"):
        proposals.add_to_team(again(project), by=lead, member=judge)
    with pytest.raises(DatabaseError, match="nobody joins a project that they judged"), transaction.atomic():
        TeamMember.objects.create(project=project, member=judge, added_by=lead)


# ── revoking ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_revoking_drops_what_waits_so_that_nothing_brings_it_back(two):
    two.write(methods="Others.")
    two.send()
    anew = two.project.requests.get(amends=two.ours)

    decisions.revoke(again(two.ours), by=two.first, reason="Consent was withdrawn.")

    assert (again(two.ours).status, again(anew).status) == (R.REVOKED, R.DROPPED)
    with pytest.raises(WrongState, match="taken back"):
        approve(anew, by=two.first, ends_on=in_days(9))


# ── held by PostgreSQL ──────────────────────────────────────────────────────────────────────────────────────────────
def refused_by(sql, *values):
    with pytest.raises(DatabaseError) as refusal, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
    return type(refusal.value.__cause__)


@pytest.mark.parametrize("change", ["update projects_edition set methods = 'x'", "delete from projects_edition"])
def test_nobody_changes_what_was_sent(two, change):
    assert refused_by(change) is psycopg.errors.InsufficientPrivilege


@pytest.mark.parametrize("change", ["edition_id = null", "quorum = 0", "amends_id = id"])
def test_raw_sql_changes_nothing_of_what_an_owner_agreed_to(two, change):
    kind = refused_by(f"update projects_accessrequest set {change} where id = %s", two.ours.pk)

    assert kind is psycopg.errors.IntegrityConstraintViolation


def test_raw_sql_gives_no_yes_to_an_edition_that_is_not_asked_for(two):
    two.write(methods="Others.")
    two.send()
    waiting = again(two.theirs)

    with pytest.raises(DatabaseError, match="no such vote is due"), transaction.atomic():
        Vote.objects.create(request=waiting, round=1, steward=two.second, is_yes=True, ends_on=in_days(9))


def test_raw_sql_puts_no_second_approval_beside_the_first(two):
    two.write(methods="Others.")
    two.send()
    anew = two.project.requests.get(amends=two.ours)
    Vote.objects.create(request=anew, round=2, steward=two.first, is_yes=True, ends_on=in_days(9))

    kind = refused_by(
        "update projects_accessrequest set status = 'approved', decided_at = %s, ends_on = current_date + 9 "
        "where id = %s",
        timezone.now(),
        anew.pk,
    )

    assert kind is psycopg.errors.IntegrityConstraintViolation
