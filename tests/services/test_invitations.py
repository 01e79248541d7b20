"""Inviting and joining: whose address, whose link, how often, how long.

Over the budget of 400 lines because the cases of one link are told apart best side by side.
"""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from apps.alliance.invitations import invitation_from, link_for
from apps.alliance.models import Center, Invitation, Member
from apps.alliance.roles import Role
from apps.alliance.services import people
from apps.audit.models import Event, Outcome
from apps.core.actors import Nobody
from apps.core.errors import Invalid, NotAllowed, NotFound, PortalError, WrongState
from apps.core.models import Message, Notice
from tests.factories import InvitationFactory, MemberFactory, give, holder


def invite(center, manager, **facts):
    address = f"new.person@{center.email_domains[0]}"
    return people.invite(center, by=manager, **{"email": address, "name": "New Person", **facts})


def join(invitation, *, by=None, **facts):
    member = Member.objects.get(pk=invitation.member_id)
    facts = {"name": "New Person", **facts}
    return people.accept_invitation(member, by=by or member, invitation=invitation, **facts)


# ── inviting ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_invited_person_belongs_to_the_center_and_cannot_act_yet(center, manager):
    member = invite(center, manager)

    assert (member.center_id, member.status) == (center.pk, Member.Status.INVITED)
    assert not member.standing()
    assert not member.has_usable_password()


def test_an_address_outside_the_centers_domains_is_refused(center, manager):
    with pytest.raises(Invalid, match="must be one of") as refusal:
        invite(center, manager, email="new.person@elsewhere.example.org")

    assert list(refusal.value.fields) == ["email"]
    assert not Member.objects.filter(name="New Person").exists()


@pytest.mark.parametrize("domain", ["evil-{0}", "{0}.evil.org", "evil.org"])
def test_a_domain_that_only_looks_alike_is_refused(center, manager, domain):
    with pytest.raises(Invalid):
        invite(center, manager, email=f"x@{domain.format(center.email_domains[0])}")


def test_a_domain_below_the_centers_own_is_accepted(center, manager):
    member = invite(center, manager, email=f"x@oncology.{center.email_domains[0]}")

    assert member.email.startswith("x@oncology.")


def test_an_address_is_kept_in_small_letters(center, manager):
    member = invite(center, manager, email=f" New.Person@{center.email_domains[0].upper()} ")

    assert member.email == f"new.person@{center.email_domains[0]}"


def test_a_person_cannot_be_invited_twice_whatever_the_case(center, manager):
    invite(center, manager)

    with pytest.raises(Invalid, match="is a member already"):
        invite(center, manager, email=f"NEW.PERSON@{center.email_domains[0]}")

    assert Member.objects.filter(email__iexact=f"new.person@{center.email_domains[0]}").count() == 1


def test_a_member_of_another_center_cannot_be_invited_away(center, manager, elsewhere):
    MemberFactory(center=elsewhere, email=f"new.person@{center.email_domains[0]}")

    with pytest.raises(Invalid, match="is a member already"):
        invite(center, manager)


def test_a_manager_cannot_invite_to_another_center(center, other_manager):
    with pytest.raises(NotAllowed, match=f"Only a center manager of {center}"):
        invite(center, other_manager)


def test_the_mail_goes_out_once_the_message_is_delivered(center, manager, deliver_all):
    invite(center, manager)
    assert mail.outbox == []

    deliver_all()

    (letter,) = mail.outbox
    assert letter.to == [f"new.person@{center.email_domains[0]}"]
    assert str(center) in letter.subject


def test_the_link_in_the_mail_opens_the_invitation(center, manager, deliver_all, browse, settings):
    member = invite(center, manager)
    deliver_all()
    (link,) = [line for line in mail.outbox[0].body.splitlines() if line.startswith(settings.BASE_URL)]

    page = browse().get(link.removeprefix(settings.BASE_URL))

    assert page.status_code == 200
    assert page.context["invitation"].member_id == member.pk


def test_no_mail_goes_out_for_an_invitation_withdrawn_meanwhile(center, manager, deliver_all):
    member = invite(center, manager)
    people.leave(member, by=manager, reason="Invited by mistake.")

    deliver_all()

    assert mail.outbox == []


def test_an_invitation_is_never_open_longer_than_two_weeks(center, manager):
    member = invite(center, manager)

    (invitation,) = member.invitations.all()
    assert invitation.ends_at - invitation.invited_at == pytest.approx(timedelta(days=14), abs=timedelta(seconds=5))


def test_a_forged_link_opens_nothing():
    invitation = InvitationFactory.build()
    token = link_for(invitation).strip("/").rpartition("/")[2]

    assert invitation_from(token[:-1] + ("A" if token[-1] != "A" else "B")) is None
    assert invitation_from("") is None


# ── joining ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_open_invitation_makes_an_active_member(center, manager):
    member = invite(center, manager)

    join(member.invitations.get(), password="a long enough phrase")

    member.refresh_from_db()
    assert member.status == Member.Status.ACTIVE
    assert member.joined_at
    assert member.check_password("a long enough phrase")
    assert member.standing()


def test_the_manager_who_invited_vouches_for_the_first_year(center, manager):
    member = invite(center, manager)

    join(member.invitations.get())

    member.refresh_from_db()
    assert member.vouched_until == timezone.now().date() + timedelta(days=365)
    assert member.vouches.get().vouched_by == manager


@pytest.mark.parametrize("fate", ["suspended", "left", "no manager any more"])
def test_nobody_vouches_who_could_not_vouch_now(center, manager, fate):
    member = invite(center, manager)
    if fate == "no manager any more":
        manager.all_grants.update(ended_at=timezone.now())
    else:
        Member.objects.filter(pk=manager.pk).update(status=fate)

    join(member.invitations.get())

    member.refresh_from_db()
    assert member.status == Member.Status.ACTIVE
    assert member.vouched_until is None
    assert not member.vouches.exists()


def test_the_manager_is_told_who_joined(center, manager):
    member = invite(center, manager)

    join(member.invitations.get())

    assert Notice.objects.get(to=manager).subject == f"New Person joined {center}"


def test_joining_works_without_a_password_for_those_with_a_provider(center, manager):
    member = invite(center, manager)

    join(member.invitations.get())

    member.refresh_from_db()
    assert not member.has_usable_password()


@pytest.mark.parametrize("weak", ["short", "qwerty123456", "new.person.1"])
def test_a_weak_password_is_put_back_on_the_form(center, manager, weak):
    member = invite(center, manager)

    with pytest.raises(Invalid) as refusal:
        join(member.invitations.get(), password=weak)

    member.refresh_from_db()
    assert list(refusal.value.fields) == ["password"]
    assert member.status == Member.Status.INVITED


def test_an_invitation_that_ran_out_is_closed(center, manager):
    member = invite(center, manager)

    with (
        time_machine.travel(timezone.now() + timedelta(days=14, seconds=1)),
        pytest.raises(WrongState, match="no longer open"),
    ):
        join(member.invitations.get())

    member.refresh_from_db()
    assert member.status == Member.Status.INVITED


def test_an_invitation_works_until_its_last_second(center, manager):
    member = invite(center, manager)
    invitation = member.invitations.get()

    with time_machine.travel(invitation.ends_at - timedelta(seconds=1), tick=False):
        join(invitation)

    member.refresh_from_db()
    assert member.status == Member.Status.ACTIVE


def test_a_withdrawn_invitation_is_closed(center, manager):
    member = invite(center, manager)
    first = member.invitations.get()
    people.renew_invitation(center, by=manager, invitation=first)

    with pytest.raises(WrongState, match="no longer open"):
        join(first)


def test_an_invitation_works_once(center, manager):
    member = invite(center, manager)
    invitation = member.invitations.get()
    join(invitation)

    with pytest.raises(WrongState, match="no longer open"):
        join(invitation, name="Somebody Else")

    member.refresh_from_db()
    assert member.name == "New Person"


def test_nobody_accepts_for_somebody_else(center, manager, colleague):
    member = invite(center, manager)

    with pytest.raises(NotAllowed, match="for somebody else"):
        join(member.invitations.get(), by=colleague)

    member.refresh_from_db()
    assert member.status == Member.Status.INVITED


def test_nobody_accepts_without_saying_who_they_are(center, manager):
    member = invite(center, manager)

    with pytest.raises(NotAllowed, match="for somebody else"):
        join(member.invitations.get(), by=Nobody())

    assert Event.objects.get(outcome=Outcome.REFUSED).actor_type == "anonymous"


def test_an_invitation_opens_no_other_persons_door(center, manager):
    first = invite(center, manager)
    second = invite(center, manager, email=f"second@{center.email_domains[0]}")

    with pytest.raises(PortalError):
        people.accept_invitation(second, by=second, invitation=first.invitations.get(), name="Second")

    second.refresh_from_db()
    assert second.status == Member.Status.INVITED
    assert Event.objects.filter(event="alliance.member.joined", outcome=Outcome.REFUSED).count() == 1


@pytest.mark.parametrize("standing", [Center.Status.SUSPENDED, Center.Status.LEFT])
def test_nobody_joins_a_center_that_cannot_act(center, manager, standing):
    member = invite(center, manager)
    Center.objects.filter(pk=center.pk).update(status=standing)

    with pytest.raises(NotAllowed, match="its people can't act"):
        join(member.invitations.get())

    member.refresh_from_db()
    assert member.status == Member.Status.INVITED


# ── inviting again ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_renewed_invitation_has_a_new_link_and_two_new_weeks(center, manager, deliver_all):
    member = invite(center, manager)
    first = member.invitations.get()

    with time_machine.travel(timezone.now() + timedelta(days=20)):
        second = people.renew_invitation(center, by=manager, invitation=first)
        assert second.is_open(timezone.now())

    first.refresh_from_db()
    assert first.withdrawn_at
    assert link_for(second) != link_for(first)
    assert Message.objects.filter(task="alliance.mail_invitation", args=[str(second.pk)]).exists()


def test_whoever_joined_needs_no_invitation(center, manager):
    member = invite(center, manager)
    invitation = member.invitations.get()
    join(invitation)

    with pytest.raises(WrongState, match="is active and needs no invitation"):
        people.renew_invitation(center, by=manager, invitation=invitation)

    assert Invitation.objects.count() == 1


def test_a_manager_cannot_renew_another_centers_invitation(center, manager, elsewhere, other_manager):
    theirs = invite(elsewhere, other_manager, email=f"x@{elsewhere.email_domains[0]}")

    with pytest.raises(NotFound):
        people.renew_invitation(center, by=manager, invitation=theirs.invitations.get())

    assert theirs.invitations.get().withdrawn_at is None


def test_a_manager_who_is_suspended_invites_nobody(center, manager):
    Member.objects.filter(pk=manager.pk).update(status=Member.Status.SUSPENDED)

    with pytest.raises(NotAllowed, match="membership is suspended"):
        invite(center, manager)


def test_a_role_of_another_kind_invites_nobody(center):
    steward = holder(Role.DATA_STEWARD, center)
    give(steward, Role.OUTPUT_CHECKER)

    with pytest.raises(NotAllowed, match="Only a center manager"):
        invite(center, steward)
