"""From a draft to a decided project: each owner decides for its own data, and nobody for themselves."""

from datetime import timedelta

import psycopg
import pytest
import time_machine
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from apps.alliance.roles import Role
from apps.audit.models import Event
from apps.core.errors import Invalid, NotAllowed, WrongState
from apps.core.models import Notice, Standing
from apps.projects.access import may_use
from apps.projects.models import AccessRequest, Project, TeamMember, Vote
from apps.projects.services import decisions, proposals
from tests.factories import CenterFactory, MemberFactory, arranged, give, holder
from tests.projects.world import RISKS, approve, in_days, proposed, published, second_steward

P, R = Project.Status, AccessRequest.Status
pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return CenterFactory(short_name="Owner")


@pytest.fixture
def steward(owner):
    return holder(Role.DATA_STEWARD, owner)


@pytest.fixture
def version(owner, steward):
    return published(owner, steward)


@pytest.fixture
def lead():
    return MemberFactory()


def again(row):
    return type(row)._base_manager.get(pk=row.pk)


def refused_by(sql, *values):
    with pytest.raises(DatabaseError) as refusal, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
    return type(refusal.value.__cause__)


# ── the proposal ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_whoever_proposes_leads_and_is_on_the_team(lead):
    project = proposals.propose(lead.center, by=lead, title="Survival")

    assert (project.lead, project.status, project.reference[:2]) == (lead, P.DRAFT, "P-")
    assert [one.member for one in project.team.all()] == [lead]


def test_nobody_proposes_for_another_center(lead):
    with pytest.raises(NotAllowed, match="your own"):
        proposals.propose(CenterFactory(), by=lead, title="Survival")


def test_an_incomplete_proposal_is_not_sent_and_says_all_that_it_lacks(lead):
    project = proposals.propose(lead.center, by=lead, title="Survival")

    with pytest.raises(Invalid) as refusal:
        proposals.submit(project, by=lead)

    for words in ("the methods", "the purpose", "a last day", "an ethics approval", "at least one dataset", "linked"):
        assert words in str(refusal.value)
    assert again(project).status == P.DRAFT


def test_a_risk_that_is_there_wants_a_few_words(lead, version):
    project = proposed(lead, version, submit=False)
    proposals.write(project, by=lead, risks=RISKS | {"linkage": {"answer": "yes", "words": " "}})

    with pytest.raises(Invalid, match="a few words on “Will the data be linked"):
        proposals.submit(project, by=lead)


def test_what_was_written_is_kept_piece_by_piece_and_the_event_names_the_parts_alone(lead):
    project = proposals.propose(lead.center, by=lead, title="Survival")

    proposals.write(project, by=lead, methods="Secret plans.", title="Survival")

    event = Event.objects.get(event="projects.project.written")
    assert event.details == {"parts": ["methods"]}
    assert "Secret" not in event.entry
    assert again(project).methods == "Secret plans."


def test_only_the_lead_writes_and_only_while_it_is_open(lead, version):
    project = proposed(lead, version)

    with pytest.raises(WrongState, match="give it back"):
        proposals.write(project, by=lead, methods="Others.")
    with pytest.raises(NotAllowed, match="lead"):
        proposals.write(project, by=MemberFactory(center=lead.center), methods="Others.")


def test_a_draft_version_or_a_withdrawn_one_is_not_asked_for(lead, version, steward):
    project = proposals.propose(lead.center, by=lead, title="Survival")
    with arranged():
        version.status, version.withdrawn_at, version.withdrawn_by = "withdrawn", timezone.now(), steward
        version.save()

    with pytest.raises(WrongState, match="published"):
        proposals.ask_for(project, by=lead, version=version, reason="Why not.")


def test_the_same_data_is_asked_for_once(lead, version):
    project = proposed(lead, version, submit=False)

    with pytest.raises(Invalid, match="already"):
        proposals.ask_for(project, by=lead, version=version, reason="Twice.")


def test_who_can_not_act_is_put_on_no_team(lead):
    project = proposals.propose(lead.center, by=lead, title="Survival")

    with pytest.raises(Invalid, match="suspended"):
        proposals.add_to_team(project, by=lead, member=MemberFactory(status="suspended"))


def test_sending_it_tells_each_owners_stewards_but_none_on_the_team(lead, version, owner, steward):
    insider = holder(Role.DATA_STEWARD, owner)
    project = proposed(lead, version, submit=False)
    proposals.add_to_team(project, by=lead, member=insider)

    proposals.submit(project, by=lead)

    told = set(Notice.objects.filter(key__startswith="request:").values_list("to", flat=True))
    assert told == {steward.pk}


# ── the decisions ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_each_owner_decides_for_its_own_and_the_last_one_ends_the_wait(lead, version, steward):
    elsewhere = CenterFactory()
    other = published(elsewhere, holder(Role.DATA_STEWARD, elsewhere))
    project = proposed(lead, version, submit=False)
    proposals.ask_for(project, by=lead, version=other, reason="To compare.")
    proposals.submit(project, by=lead)
    ours, theirs = (project.requests.get(version=one) for one in (version, other))

    with pytest.raises(NotAllowed, match="Only a data steward of"):
        approve(theirs, by=steward, ends_on=in_days(30))
    approve(ours, by=steward, ends_on=in_days(30), conditions="Cite us.")
    assert again(project).status == P.SUBMITTED
    decisions.refuse(theirs, by=holder(Role.DATA_STEWARD, elsewhere), reason="Consent does not cover it.")

    assert again(project).status == P.DECIDED
    assert (again(ours).status, again(theirs).status) == (R.APPROVED, R.REFUSED)
    assert again(ours).conditions == "Cite us."
    decisions.start(project, by=lead)
    assert again(project).status == P.ACTIVE


def test_nobody_decides_on_a_project_of_their_own_team_not_even_one_they_left(lead, version, owner):
    insider = holder(Role.DATA_STEWARD, owner)
    project = proposed(lead, version, submit=False)
    proposals.add_to_team(project, by=lead, member=insider)
    proposals.remove_from_team(project, by=lead, member=insider)
    proposals.submit(project, by=lead)

    with pytest.raises(NotAllowed, match="their own team"):
        approve(project.requests.get(), by=insider, ends_on=in_days(30))
    with pytest.raises(NotAllowed, match="their own team"):
        decisions.return_to_lead(project, by=insider, reason="Hm.")


def test_a_quorum_of_two_needs_two_people(lead, owner, steward):
    version = published(owner, steward, quorum=2, slug="guarded")
    request = proposed(lead, version).requests.get()

    approve(request, by=steward, ends_on=in_days(40), conditions="Cite us.")
    assert again(request).status == R.WAITING
    with pytest.raises(Invalid, match="already"):
        approve(request, by=steward, ends_on=in_days(40))
    approve(request, by=second_steward(owner), ends_on=in_days(30), conditions="No linkage.")

    done = again(request)
    assert (done.status, done.ends_on) == (R.APPROVED, in_days(30)), "the earliest end counts"
    assert done.conditions == "Cite us.\n\nNo linkage."


def test_a_condition_that_two_stewards_name_in_the_same_words_stands_once(lead, owner, steward):
    request = proposed(lead, published(owner, steward, quorum=2, slug="guarded")).requests.get()

    approve(request, by=steward, ends_on=in_days(40), conditions="Cite us.")
    approve(request, by=second_steward(owner), ends_on=in_days(40), conditions="Cite us.")

    assert again(request).conditions == "Cite us."


def test_one_no_refuses_whatever_the_others_said(lead, owner, steward):
    version = published(owner, steward, quorum=2, slug="guarded")
    request = proposed(lead, version).requests.get()
    approve(request, by=steward, ends_on=in_days(40))

    decisions.refuse(request, by=second_steward(owner), reason="Too wide.")

    assert (again(request).status, again(request).answer) == (R.REFUSED, "Too wide.")
    with pytest.raises(WrongState):
        approve(request, by=second_steward(owner), ends_on=in_days(40))


@pytest.mark.parametrize("days", [0, 366])
def test_an_approval_ends_after_today_and_not_after_the_project(lead, version, steward, days):
    request = proposed(lead, version).requests.get()

    with pytest.raises(Invalid, match="from tomorrow to"):
        approve(request, by=steward, ends_on=in_days(days))


def test_what_comes_back_is_voted_on_anew(lead, owner, steward):
    version = published(owner, steward, quorum=2, slug="guarded")
    project = proposed(lead, version)
    request = project.requests.get()
    approve(request, by=steward, ends_on=in_days(40))

    decisions.return_to_lead(project, by=steward, reason="Say more about methods.")
    proposals.write(again(project), by=lead, methods="Much more.")
    proposals.submit(project, by=lead)
    approve(again(request), by=second_steward(owner), ends_on=in_days(40))

    assert again(request).status == R.WAITING, "the yes of the first round counts no more"
    approve(again(request), by=steward, ends_on=in_days(40))
    assert again(request).status == R.APPROVED


def test_who_takes_a_request_says_so_and_lets_it_go(lead, version, owner, steward):
    request = proposed(lead, version).requests.get()

    decisions.take(request, by=steward)
    assert again(request).taken_by == steward
    with pytest.raises(WrongState, match="not taken"):
        decisions.let_go(request, by=second_steward(owner))
    decisions.let_go(request, by=steward)
    assert again(request).taken_by is None


def test_without_any_approval_nothing_begins(lead, version, steward):
    project = proposed(lead, version)
    decisions.refuse(project.requests.get(), by=steward, reason="No.")

    with pytest.raises(WrongState, match="nothing to begin with"):
        decisions.start(project, by=lead)


def test_questions_go_between_the_team_and_the_stewards_who_are_asked(lead, version, steward):
    project = proposed(lead, version)

    asked = proposals.remark(project, by=steward, text="Why all years?")
    proposals.remark(project, by=lead, text="For the trend.", answers=asked)

    assert Notice.objects.filter(to=lead, text="Why all years?").exists()
    assert Notice.objects.filter(to=steward, text="For the trend.").exists()
    with pytest.raises(NotAllowed, match="Only the team"):
        proposals.remark(project, by=MemberFactory(), text="And I?")


def test_what_is_withdrawn_waits_for_nobody(lead, version, steward):
    project = proposed(lead, version)

    proposals.withdraw(project, by=lead)

    assert (again(project).status, project.requests.get().status) == (P.WITHDRAWN, R.DROPPED)
    assert not Notice.objects.filter(to=steward, read_at=None, key__startswith="request:").exists()


def test_a_project_is_halted_by_its_centers_managers_not_by_its_team(world):
    give(world.colleague, Role.CENTER_MANAGER)
    with arranged():
        TeamMember.objects.create(project=world.project, member=world.colleague, added_by=world.lead)

    with pytest.raises(NotAllowed, match="their own team"):
        decisions.suspend(world.project, by=world.colleague, reason="Hm.")
    decisions.suspend(world.project, by=world.manager, reason="A question is open.")
    assert not may_use(world.lead, world.dataset, world.project)
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=False):
        decisions.reinstate(world.project, by=world.manager, reason="Answered.")
        assert may_use(world.lead, world.dataset, world.project)


# ── held by PostgreSQL ──────────────────────────────────────────────────────────────────────────────────────────────
def test_raw_sql_approves_nothing_that_the_owner_did_not(lead, version):
    request = proposed(lead, version).requests.get()

    kind = refused_by(
        "update projects_accessrequest set status = 'approved', decided_at = now(), ends_on = current_date + 9 "
        "where id = %s",
        request.pk,
    )

    assert kind is psycopg.errors.IntegrityConstraintViolation


@pytest.mark.parametrize(
    "change", ["ends_on = ends_on + 900", "conditions = 'none'", "status = 'waiting'", "decided_at = now()"]
)
def test_raw_sql_changes_no_decision(world, change):
    kind = refused_by(f"update projects_accessrequest set {change} where id = %s", world.request.pk)

    assert kind is psycopg.errors.IntegrityConstraintViolation


def test_a_vote_of_a_stranger_or_of_the_team_is_refused_by_the_database_too(lead, version, owner):
    request = proposed(lead, version).requests.get()
    insider = holder(Role.DATA_STEWARD, owner)
    with arranged():
        TeamMember.objects.create(project=request.project, member=insider, added_by=lead)

    for who in (MemberFactory(), insider):
        with pytest.raises(DatabaseError, match="no such vote is due"), transaction.atomic():
            Vote.objects.create(request=request, round=1, steward=who, is_yes=True, ends_on=in_days(9))


@pytest.mark.parametrize("table", ["vote", "remark", "project", "teammember", "accessrequest"])
def test_nothing_is_erased_and_nothing_said_is_changed(world, table):
    assert refused_by(f"delete from projects_{table}") is psycopg.errors.InsufficientPrivilege
    if table in {"vote", "remark"}:
        assert refused_by(f"update projects_{table} set id = id") is psycopg.errors.InsufficientPrivilege


def test_who_stood_how_is_written_by_the_database_and_by_nobody_else(world):
    stood = list(Standing.objects.filter(row_id=world.project.pk).order_by("id").values_list("status", flat=True))

    assert stood == ["draft", "submitted", "decided", "active"]
    for sql in ("delete from core_standing", "update core_standing set status = 'active'"):
        assert refused_by(sql) is psycopg.errors.InsufficientPrivilege
    forged = "insert into core_standing (label, row_id, status, since) values ('x', gen_random_uuid(), 'y', now())"
    assert refused_by(forged) is psycopg.errors.InsufficientPrivilege
