"""Vouching, suspending, reinstating, leaving: never for oneself, never across centers, at once."""

from datetime import date, timedelta

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.utils import timezone

from apps.alliance.models import Center, Grant, Member
from apps.alliance.roles import Role
from apps.alliance.services import people
from apps.audit.models import Event
from apps.core.errors import NotAllowed, WrongState
from apps.core.models import Notice
from tests.factories import InvitationFactory, MemberFactory, alliance, give, holder


@pytest.fixture
def signed_in(browse):
    """A member with an open session, and their browser."""

    def open_session(member):
        browser = browse(member)
        assert browser.get("/").status_code == 200
        return browser

    return open_session


# ── vouching ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_center_vouches_for_a_year(manager, colleague):
    with time_machine.travel("2027-03-01T12:00:00Z"):
        given = people.vouch(colleague, by=manager)

    colleague.refresh_from_db()
    assert given.ends_on == colleague.vouched_until == date(2028, 2, 29)
    assert (given.vouched_by, given.center) == (manager, manager.center)


def test_a_new_word_ends_the_former(manager, colleague):
    first = people.vouch(colleague, by=manager)
    second = people.vouch(colleague, by=manager)

    first.refresh_from_db()
    assert first.ended_at
    assert second.ended_at is None


def test_nobody_vouches_for_themselves(manager):
    with pytest.raises(NotAllowed, match="Nobody can do that for themselves"):
        people.vouch(manager, by=manager)

    assert not manager.vouches.exists()


def test_another_centers_manager_cannot_vouch(other_manager, colleague):
    with pytest.raises(NotAllowed, match=f"Only a center manager of {colleague.center}"):
        people.vouch(colleague, by=other_manager)

    assert not colleague.vouches.exists()


@pytest.mark.parametrize("role", [Role.DATA_STEWARD, Role.SIGNING_OFFICIAL, Role.OUTPUT_CHECKER, Role.AUDITOR])
def test_no_other_role_of_the_center_vouches(center, colleague, role):
    with pytest.raises(NotAllowed, match="Only a center manager"):
        people.vouch(colleague, by=holder(role, center))


def test_an_alliance_manager_vouches_for_nobody(alliance_manager, colleague):
    with pytest.raises(NotAllowed, match="Only a center manager"):
        people.vouch(colleague, by=alliance_manager)


@pytest.mark.parametrize("status", [Member.Status.INVITED, Member.Status.SUSPENDED, Member.Status.LEFT])
def test_a_center_vouches_for_active_people_only(center, manager, status):
    person = MemberFactory(center=center, status=status)

    with pytest.raises(WrongState, match="vouches for active people"):
        people.vouch(person, by=manager)


# ── suspending ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_suspended_person_is_signed_out_everywhere(manager, colleague, signed_in):
    browsers = [signed_in(colleague), signed_in(colleague)]

    people.suspend(colleague, by=manager, reason="On leave.")

    assert not UserSession.objects.filter(user=colleague).exists()
    for browser in browsers:
        assert not Session.objects.filter(session_key=browser.session.session_key).exists()
        assert browser.get("/").status_code == 302
    assert Event.objects.get(event="alliance.member.suspended").details["sessions_ended"] == 2


def test_a_suspension_ends_nobody_elses_session(manager, colleague, signed_in):
    browser = signed_in(manager)

    people.suspend(colleague, by=manager, reason="On leave.")

    assert browser.get("/").status_code == 200


def test_a_suspended_person_can_do_nothing(manager, colleague):
    people.suspend(colleague, by=manager, reason="On leave.")

    with pytest.raises(NotAllowed, match="membership is suspended"):
        people.edit_profile(colleague, by=colleague, name="Other", position="", orcid="")


def test_roles_survive_a_suspension(center, manager):
    steward = holder(Role.DATA_STEWARD, center)

    people.suspend(steward, by=manager, reason="On leave.")

    assert Grant.objects.filter(user=steward).exists()


def test_nobody_suspends_themselves(manager):
    with pytest.raises(NotAllowed, match="Nobody can do that for themselves"):
        people.suspend(manager, by=manager, reason="Tired.")


def test_another_centers_manager_cannot_suspend(other_manager, colleague):
    with pytest.raises(NotAllowed, match="Only a center manager of"):
        people.suspend(colleague, by=other_manager, reason="Envy.")


def test_an_alliance_manager_cannot_suspend_a_centers_person(alliance_manager, colleague):
    with pytest.raises(NotAllowed, match="Only a center manager of"):
        people.suspend(colleague, by=alliance_manager, reason="Order.")


def test_a_suspended_manager_cannot_lift_their_own_suspension(center, manager):
    second = holder(Role.CENTER_MANAGER, center)
    people.suspend(manager, by=second, reason="On leave.")

    with pytest.raises(NotAllowed):
        people.reinstate(manager, by=manager, reason="Back.")


# ── reinstating ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_reinstated_person_acts_again_with_the_same_roles(center, manager):
    second = holder(Role.CENTER_MANAGER, center)
    third = MemberFactory(center=center)
    people.suspend(second, by=manager, reason="On leave.")

    people.reinstate(second, by=manager, reason="Back.")

    assert people.vouch(third, by=Member.objects.get(pk=second.pk))


def test_a_reinstated_person_is_told_by_whom_and_why(manager, colleague):
    people.suspend(colleague, by=manager, reason="On leave.")

    people.reinstate(colleague, by=manager, reason="Back from leave.")

    notice = Notice.objects.get(to=colleague, subject="You can act in the portal again")
    assert str(manager) in notice.text
    assert "Back from leave." in notice.text


def test_a_suspended_person_is_told_by_whom_and_why(manager, colleague):
    people.suspend(colleague, by=manager, reason="On leave.")

    notice = Notice.objects.get(to=colleague)
    assert notice.text == f"{manager} of {manager.center} suspended it: On leave."


def test_whoever_is_let_go_is_told_by_whom_and_why(manager, colleague):
    people.leave(colleague, by=manager, reason="Moved.")

    assert Notice.objects.get(to=colleague).text == f"{manager} of {manager.center} closed it: Moved."


def test_somebody_who_never_joined_is_not_told_of_leaving(center, manager):
    member = people.invite(center, by=manager, email=f"new@{center.email_domains[0]}", name="New Person")

    people.leave(member, by=manager, reason="A mistake.")

    assert not Notice.objects.exists()


def test_only_the_suspended_are_reinstated(manager, colleague):
    with pytest.raises(WrongState, match="active now"):
        people.reinstate(colleague, by=manager, reason="Why not.")


# ── leaving ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_leaving_ends_every_role(center, manager):
    person = holder(Role.DATA_STEWARD, center)
    give(person, Role.OUTPUT_CHECKER)

    people.leave(person, by=manager, reason="Moved.")

    assert not Grant.objects.filter(user=person).exists()
    ended = Grant.history.filter(user=person)
    assert {grant.ended_by for grant in ended} == {manager}
    assert Event.objects.get(event="alliance.member.left").details["grants_ended"] == 2


def test_leaving_ends_the_centers_word(manager, colleague):
    given = people.vouch(colleague, by=manager)

    people.leave(colleague, by=manager, reason="Moved.")

    colleague.refresh_from_db()
    given.refresh_from_db()
    assert colleague.vouched_until is None
    assert given.ended_at


def test_leaving_signs_out(manager, colleague, signed_in):
    browser = signed_in(colleague)

    people.leave(colleague, by=manager, reason="Moved.")

    assert not UserSession.objects.filter(user=colleague).exists()
    assert not Session.objects.filter(session_key=browser.session.session_key).exists()
    assert browser.get("/").status_code == 302
    assert Event.objects.get(event="alliance.member.left").details["sessions_ended"] == 1


def test_leaving_withdraws_the_invitation(center, manager):
    invitation = InvitationFactory(member__center=center)

    people.leave(invitation.member, by=manager, reason="Mistake.")

    invitation.refresh_from_db()
    assert invitation.withdrawn_at


def test_leaving_is_for_good(manager, colleague):
    people.leave(colleague, by=manager, reason="Moved.")

    with pytest.raises(WrongState, match="left now"):
        people.reinstate(colleague, by=manager, reason="Back?")


def test_a_suspended_person_can_be_let_go(manager, colleague):
    people.suspend(colleague, by=manager, reason="On leave.")

    people.leave(colleague, by=manager, reason="Will not return.")

    colleague.refresh_from_db()
    assert colleague.status == Member.Status.LEFT


def test_the_alliances_last_manager_cannot_be_made_to_leave(center, manager):
    last = holder(Role.ALLIANCE_MANAGER, alliance(), center=center)

    with pytest.raises(WrongState, match="last manager"):
        people.leave(last, by=manager, reason="Moved.")

    last.refresh_from_db()
    assert last.status == Member.Status.ACTIVE
    assert Grant.objects.filter(user=last).exists()


def test_the_alliances_last_manager_cannot_be_suspended(center, manager):
    last = holder(Role.ALLIANCE_MANAGER, alliance(), center=center)

    with pytest.raises(WrongState, match="last manager"):
        people.suspend(last, by=manager, reason="On leave.")

    last.refresh_from_db()
    assert last.status == Member.Status.ACTIVE


def test_one_of_two_alliance_managers_can_be_suspended(center, manager, alliance_manager):
    one = holder(Role.ALLIANCE_MANAGER, alliance(), center=center)

    people.suspend(one, by=manager, reason="On leave.")

    one.refresh_from_db()
    assert one.status == Member.Status.SUSPENDED


def test_one_of_two_alliance_managers_can_leave(center, manager, alliance_manager):
    one = holder(Role.ALLIANCE_MANAGER, alliance(), center=center)

    people.leave(one, by=manager, reason="Moved.")

    assert [grant.user for grant in Grant.objects.filter(role=Role.ALLIANCE_MANAGER)] == [alliance_manager]


# ── the center's standing ───────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("standing", [Center.Status.SUSPENDED, Center.Status.LEFT])
def test_people_of_a_center_that_may_not_act_are_refused(center, manager, colleague, standing):
    Center.objects.filter(pk=center.pk).update(status=standing)

    with pytest.raises(NotAllowed, match="its people can't act"):
        people.vouch(colleague, by=manager)


# ── profiles ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_everybody_keeps_their_own_name(colleague):
    people.edit_profile(colleague, by=colleague, name="New Name", position="Statistician", orcid="0000-0002-1825-0097")

    colleague.refresh_from_db()
    assert (colleague.name, colleague.position) == ("New Name", "Statistician")


def test_a_manager_does_not_write_somebodys_name(manager, colleague):
    with pytest.raises(NotAllowed, match="Only the person whose account"):
        people.edit_profile(colleague, by=manager, name="Nickname", position="", orcid="")


def test_the_word_of_a_center_is_for_at_most_a_year(manager, colleague):
    people.vouch(colleague, by=manager)

    colleague.refresh_from_db()
    assert colleague.vouched_until <= timezone.now().date() + timedelta(days=366)
