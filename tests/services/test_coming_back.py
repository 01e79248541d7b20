"""Whoever left can be invited again with the same address: the same row, begun anew, its history kept."""

import pytest
from allauth.mfa.models import Authenticator

from apps.alliance.models import Grant, Member
from apps.alliance.roles import Role
from apps.alliance.services import people
from apps.audit.models import Event
from apps.core.errors import Invalid
from tests.factories import MemberFactory, holder


def invite(center, manager, *, email, name="Back Again"):
    return people.invite(center, by=manager, email=email, name=name)


def test_who_left_is_invited_again_and_begins_anew(center, manager):
    former = holder(Role.DATA_STEWARD, center, email=f"back@{center.email_domains[0]}")
    former.set_password("an unlikely pair of words")
    former.save()
    Authenticator.objects.create(user=former, type=Authenticator.Type.TOTP, data={"secret": "none"})
    people.leave(former, by=manager, reason="Moved.")

    member = invite(center, manager, email=former.email.upper())

    assert member.pk == former.pk
    assert (member.status, member.name, member.vouched_until) == (Member.Status.INVITED, "Back Again", None)
    assert not member.has_usable_password()
    assert not Authenticator.objects.filter(user=member).exists()
    assert Event.objects.get(event="alliance.member.invited").details["again"] is True


def test_who_comes_back_is_active_with_a_past_but_without_roles(center, manager):
    former = holder(Role.DATA_STEWARD, center, email=f"back@{center.email_domains[0]}")
    people.leave(former, by=manager, reason="Moved.")

    member = invite(center, manager, email=former.email)
    people.accept_invitation(member, by=member, invitation=member.invitations.get(), name=member.name)

    former.refresh_from_db()
    assert (former.status, former.standing().reason) == (Member.Status.ACTIVE, "")
    assert former.vouched_until
    assert former.all_grants.get().ended_at, "the history stays"
    assert not Grant.objects.filter(user=former).exists()


def test_who_left_another_center_cannot_be_invited_here(center, manager, elsewhere):
    MemberFactory(center=elsewhere, email=f"back@{center.email_domains[0]}", status=Member.Status.LEFT)

    with pytest.raises(Invalid, match="is a member already"):
        invite(center, manager, email=f"back@{center.email_domains[0]}")


@pytest.mark.parametrize("status", [Member.Status.INVITED, Member.Status.ACTIVE, Member.Status.SUSPENDED])
def test_nobody_is_invited_again_who_did_not_leave(center, manager, status):
    there = MemberFactory(center=center, email=f"there@{center.email_domains[0]}", status=status)

    with pytest.raises(Invalid) as refusal:
        invite(center, manager, email=there.email)

    assert list(refusal.value.fields) == ["email"]
    there.refresh_from_db()
    assert there.status == status
