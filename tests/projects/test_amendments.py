"""A change goes to those whom it touches, the rest stays in force; more time is asked of one owner alone."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from apps.alliance.roles import Role
from apps.core.errors import Invalid, NotAllowed, WrongState
from apps.core.models import Notice
from apps.projects.access import may_use
from apps.projects.actors import ACCESS_CLOCK
from apps.projects.models import AccessRequest, Amendment, Project
from apps.projects.services import amendments, closing, decisions, proposals
from apps.projects.tasks import remind_of_endings
from tests.factories import CenterFactory, MemberFactory, holder
from tests.projects.world import (
    PURPOSE,
    again,
    agrees,
    approve,
    changed,
    in_days,
    joins,
    make_world,
    proposed,
    published,
)

P, R, A = Project.Status, AccessRequest.Status, Amendment.Status
pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db):
    return make_world()


@pytest.fixture
def clock(world):
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=False) as clock:
        yield clock


def use(world, member=None):
    return may_use(member or world.lead, world.dataset, world.project)


def waiting(world):
    return world.project.requests.get(status=R.WAITING)


# ── to whom it goes ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_change_starts_as_the_project_reads_and_is_open_once(world, clock):
    amendment = amendments.begin(world.project, by=world.lead)

    assert amendment.text() == again(world.project).text()
    with pytest.raises(Invalid, match="open already"):
        amendments.begin(world.project, by=world.lead)
    with pytest.raises(NotAllowed, match="lead"):
        amendments.begin(world.project, by=world.colleague)


def test_what_does_not_differ_is_not_sent(world, clock):
    with pytest.raises(Invalid, match="Nothing differs"):
        changed(world, methods="Cox models.")


def test_until_the_owner_agrees_the_old_text_holds_and_then_the_new_one(world, clock):
    amendment = changed(world, ends_on=in_days(20))
    assert use(world)
    assert again(world.project).ends_on == in_days(365)
    clock.shift(timedelta(minutes=1))

    agrees(world, days=20)

    assert again(amendment).status == A.DECIDED
    assert again(world.project).ends_on == in_days(20)
    assert again(world.request).status == R.REPLACED
    assert use(world).until.date() == in_days(21)


def test_a_no_leaves_the_old_approval_with_its_old_text(world, clock):
    amendment = changed(world, purpose=PURPOSE | {"kind": "methods"})

    decisions.refuse(waiting(world), by=world.steward, reason="Not for that.")

    assert again(amendment).status == A.DECIDED
    assert again(world.request).status == R.APPROVED
    assert again(world.project).purpose["kind"] == "biomedical"
    assert use(world)


def test_other_data_is_asked_of_its_owner_alone(world, clock):
    elsewhere = CenterFactory()
    other = published(elsewhere, holder(Role.DATA_STEWARD, elsewhere))
    amendment = amendments.begin(world.project, by=world.lead)
    proposals.ask_for(again(world.project), by=world.lead, version=other, reason="To compare.")
    amendments.submit(amendment, by=world.lead)

    assert waiting(world).version == other
    assert again(world.request).status == R.APPROVED


def test_somebody_who_joins_by_a_change_leaves_when_it_is_taken_back(world, clock):
    amendment = joins(world, world.colleague, clock)
    request = waiting(world)
    clock.shift(timedelta(minutes=1))

    amendments.withdraw(amendment, by=world.lead, reason="They went elsewhere.")

    assert (again(amendment).status, again(request).status) == (A.WITHDRAWN, R.DROPPED)
    assert [one.member for one in world.project.team.filter(until=None)] == [world.lead]
    assert not Notice.objects.filter(to=world.steward, read_at=None, key__startswith="request:").exists()
    with pytest.raises(WrongState):
        approve(request, by=world.steward, ends_on=in_days(9))


def test_nobody_is_put_on_a_running_project_without_a_change(world, clock):
    with pytest.raises(WrongState, match="you can change something"):
        proposals.add_to_team(world.project, by=world.lead, member=world.colleague)
    changed(world, methods="Others.")
    with pytest.raises(WrongState):
        proposals.add_to_team(world.project, by=world.lead, member=world.colleague)


def test_it_comes_back_and_goes_out_again_as_another_edition(world, clock):
    amendment = changed(world, methods="Others.")
    first = waiting(world)
    decisions.return_amendment(amendment, by=world.steward, reason="Say which.")
    assert (again(amendment).status, again(first).status) == (A.RETURNED, R.DROPPED)
    clock.shift(timedelta(minutes=1))
    amendments.write(again(amendment), by=world.lead, methods="Random forests.")
    amendments.submit(again(amendment), by=world.lead)

    assert (waiting(world).edition.number, waiting(world).edition.methods) == (3, "Random forests.")
    assert use(world)


def test_who_agreed_before_it_came_back_is_asked_again_only_where_the_text_changed_since(world, clock):
    elsewhere = CenterFactory()
    other_steward = holder(Role.DATA_STEWARD, elsewhere)
    other = published(elsewhere, other_steward)
    amendment = amendments.begin(world.project, by=world.lead)
    amendments.write(amendment, by=world.lead, methods="Others.")
    proposals.ask_for(again(world.project), by=world.lead, version=other, reason="To compare.")
    amendments.submit(amendment, by=world.lead)
    clock.shift(timedelta(minutes=1))
    ours = world.project.requests.get(status=R.WAITING, version=world.version)
    approve(ours, by=world.steward, ends_on=in_days(9))
    decisions.return_amendment(again(amendment), by=other_steward, reason="Why?")
    clock.shift(timedelta(minutes=1))
    amendments.submit(again(amendment), by=world.lead)

    assert waiting(world).version == other
    decisions.refuse(waiting(world), by=other_steward, reason="No.")
    assert again(amendment).status == A.DECIDED
    assert again(world.project).methods == "Others.", "one of them agreed"


def test_only_a_steward_whose_word_is_missing_gives_it_back(world, clock):
    amendment = changed(world, methods="Others.")

    for who in (world.lead, holder(Role.DATA_STEWARD)):
        with pytest.raises(NotAllowed):
            decisions.return_amendment(amendment, by=who, reason="Hm.")


def test_a_revocation_ends_what_waits_and_with_it_the_change(world, clock):
    amendment = changed(world, methods="Others.")

    decisions.revoke(world.request, by=world.steward, reason="Consent was withdrawn.")

    assert again(amendment).status == A.DECIDED
    assert again(world.project).methods == "Cox models."
    assert not use(world)


def test_closing_ends_a_change_and_what_waits(world, clock):
    amendment = changed(world, methods="Others.")
    request = waiting(world)

    closing.close(world.project, by=world.manager, reason="The money is gone.")

    assert (again(amendment).status, again(request).status) == (A.WITHDRAWN, R.DROPPED)


def test_without_an_approval_in_force_a_new_text_has_nobody_to_agree(world, clock):
    clock.shift(timedelta(days=301))

    with pytest.raises(Invalid, match="No approval is in force"):
        changed(world, methods="Others.", ethics_until=in_days(60))


# ── more time ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_more_time_is_asked_of_one_owner_on_the_same_text(world, clock):
    renewal = amendments.ask_to_renew(world.request, by=world.lead)
    assert renewal.is_renewal
    assert use(world)
    with pytest.raises(Invalid, match="asked already"):
        amendments.ask_to_renew(world.request, by=world.lead)
    clock.shift(timedelta(minutes=1))

    agrees(world, days=360)

    assert (again(world.request).status, again(renewal).ends_on) == (R.REPLACED, in_days(360))
    assert again(world.project).status == P.ACTIVE


def test_it_ends_with_the_project_at_the_latest(world, clock):
    amendments.ask_to_renew(world.request, by=world.lead)

    with pytest.raises(Invalid, match="from tomorrow to"):
        agrees(world, days=366)


def test_what_lasts_as_long_as_the_project_is_not_renewed(world, clock):
    amendments.ask_to_renew(world.request, by=world.lead)
    longest = agrees(world, days=365)

    with pytest.raises(Invalid, match="change the project's last day"):
        amendments.ask_to_renew(longest, by=world.lead)


def test_a_renewal_waits_apart_from_a_change(world, clock):
    elsewhere = CenterFactory()
    other_steward = holder(Role.DATA_STEWARD, elsewhere)
    other = published(elsewhere, other_steward)
    renewal = amendments.ask_to_renew(world.request, by=world.lead)
    amendment = amendments.begin(world.project, by=world.lead)
    proposals.ask_for(again(world.project), by=world.lead, version=other, reason="To compare.")
    amendments.submit(amendment, by=world.lead)

    with pytest.raises(NotAllowed, match="owner who is asked"):
        decisions.return_amendment(amendment, by=world.steward, reason="Hm.")
    decisions.return_amendment(amendment, by=other_steward, reason="Hm.")
    assert again(renewal).status == R.WAITING
    amendments.submit(again(amendment), by=world.lead)
    decisions.refuse(world.project.requests.get(version=other), by=other_steward, reason="No.")

    assert (again(amendment).status, again(renewal).status) == (A.DECIDED, R.WAITING)


def test_a_renewal_brings_no_revoked_approval_back(world, clock):
    renewal = amendments.ask_to_renew(world.request, by=world.lead)
    decisions.revoke(world.request, by=world.steward, reason="Consent was withdrawn.")

    with pytest.raises(WrongState):
        approve(renewal, by=world.steward, ends_on=in_days(360))
    with pytest.raises(WrongState, match="can't be renewed"):
        amendments.ask_to_renew(again(world.request), by=world.lead)
    assert not use(world)


# ── reminders ───────────────────────────────────────────────────────────────────────────────────────────────────────
def reminders(world):
    return Notice.objects.filter(to=world.lead, key__startswith="ending:").order_by("created_at", "key")


@pytest.mark.parametrize(
    ("days", "what"),
    [(250 - 60, "ethics"), (300 - 30, "approval"), (365 - 14, "project")],
)
def test_the_lead_is_told_once_of_each_end_that_comes_near(world, days, what):
    with time_machine.travel(timezone.now() + timedelta(days=days), tick=False) as clock:
        remind_of_endings()
        remind_of_endings()
        told = [one.key.split(":")[1] for one in reminders(world)]
        assert told.count(what) == 1
        clock.shift(timedelta(days=1))
        remind_of_endings()

    assert reminders(world).count() == len(told)


def test_nobody_is_told_of_what_is_far_or_over(world):
    remind_of_endings()
    assert not reminders(world).exists()

    closing.close(world.project, by=world.manager, reason="Over.")
    with time_machine.travel(timezone.now() + timedelta(days=249), tick=False):
        remind_of_endings()
        closing.remind(again(world.project), by=ACCESS_CLOCK)
    assert {one.key.split(":")[1] for one in reminders(world)} <= {"ethics", "approval"}


# ── another lead ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_another_of_the_team_takes_over_and_the_stewards_hear_of_it(world, clock):
    joins(world, world.colleague, clock)

    closing.hand_over(world.project, by=world.lead, to=world.colleague, reason="I go on leave.")

    assert again(world.project).lead == world.colleague
    assert Notice.objects.filter(to=world.steward, key__startswith="handed-over:").exists()
    with pytest.raises(NotAllowed, match="Only the project's lead"):
        amendments.ask_to_renew(world.request, by=world.lead)
    proposals.remove_from_team(again(world.project), by=world.colleague, member=world.lead)


def test_a_manager_of_the_center_hands_it_over_too_but_not_to_a_stranger(world, clock):
    guest = MemberFactory()
    joins(world, guest, clock)

    for to in (guest, world.colleague, world.lead):
        with pytest.raises(Invalid):
            closing.hand_over(world.project, by=world.manager, to=to, reason="She left.")
    with pytest.raises(NotAllowed):
        closing.hand_over(world.project, by=world.steward, to=world.colleague, reason="Hm.")


def test_a_lead_who_is_suspended_or_changed_center_cannot_act(world):
    lead = again(world.lead)
    lead.status = "suspended"
    lead.save()
    with pytest.raises(NotAllowed, match="suspended"):
        amendments.begin(world.project, by=again(lead))
    lead.status, lead.center = "active", world.owner
    lead.save()
    with pytest.raises(NotAllowed, match="hand-over"):
        amendments.begin(world.project, by=again(lead))


# ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────────
ALL = ("outputs", "copies", "publications")


def test_a_lead_closes_a_project_point_by_point(world):
    for confirmed, learned in (((), "It works."), (ALL[:2], "It works."), (ALL, " ")):
        with pytest.raises(Invalid):
            closing.close(world.project, by=world.lead, confirmed=confirmed, learned=learned)
    closing.close(world.project, by=world.lead, confirmed=ALL, learned="It works.", publications="doi:10.1/1")

    closed = again(world.project)
    assert closed.status == P.CLOSED
    assert (sorted(closed.closeout.confirmed), closed.closeout.learned) == (sorted(ALL), "It works.")


def test_where_an_owner_wants_results_back_that_is_confirmed_too(db):
    world = make_world(terms=[{"code": "DUO:0000042"}, {"code": "DUO:0000029"}])

    with pytest.raises(Invalid, match="returned to Owner"):
        closing.close(world.project, by=world.lead, confirmed=ALL, learned="It works.")
    closing.close(world.project, by=world.lead, confirmed=(*ALL, "returned"), learned="It works.")


def test_a_manager_closes_without_it_but_says_why(world):
    with pytest.raises(Invalid, match="why"):
        closing.close(world.project, by=world.manager, reason=" ")
    closing.close(world.project, by=world.manager, reason="The lead left.")

    assert not hasattr(again(world.project), "closeout")


def test_a_proposal_is_taken_back_with_a_reason_if_one_likes(world):
    project = proposed(world.lead, world.version)
    proposals.withdraw(project, by=world.lead, reason="Another way was found.")

    assert (again(project).status, again(project).reason) == (P.WITHDRAWN, "Another way was found.")


def test_data_that_is_approved_already_is_renewed_and_not_asked_for_again(world, clock):
    amendments.begin(world.project, by=world.lead)

    with pytest.raises(Invalid, match="approved already"):
        proposals.ask_for(again(world.project), by=world.lead, version=world.version, reason="Once more.")
