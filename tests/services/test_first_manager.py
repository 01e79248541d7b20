"""The first manager of a center that has nobody yet, invited by the alliance."""

import pytest
from django.core import mail

from apps.alliance.models import Center, Member
from apps.alliance.services import people
from apps.core.errors import NotAllowed, WrongState
from tests.factories import CenterFactory, MemberFactory


def test_the_alliance_invites_an_applicants_first_manager(alliance_manager, deliver_all):
    applicant = CenterFactory(status=Center.Status.APPLICANT)

    people.invite_first_manager(applicant, by=alliance_manager, email=f"head@{applicant.email_domains[0]}", name="Head")
    deliver_all()

    assert mail.outbox[0].to == [f"head@{applicant.email_domains[0]}"]


def test_a_center_that_has_people_invites_by_itself(alliance_manager):
    applicant = CenterFactory(status=Center.Status.APPLICANT)
    MemberFactory(center=applicant)

    with pytest.raises(WrongState, match="has people already"):
        people.invite_first_manager(
            applicant, by=alliance_manager, email=f"head@{applicant.email_domains[0]}", name="Head"
        )


@pytest.mark.parametrize("standing", [Center.Status.SUSPENDED, Center.Status.LEFT])
def test_nobody_is_invited_to_a_center_whose_people_cannot_act(alliance_manager, standing):
    center = CenterFactory(status=standing)

    with pytest.raises(NotAllowed, match="its people can't act"):
        people.invite_first_manager(center, by=alliance_manager, email=f"head@{center.email_domains[0]}", name="Head")

    assert not center.members.exists()


def test_an_unanswered_first_manager_gets_a_new_link(alliance_manager):
    applicant = CenterFactory(status=Center.Status.APPLICANT)
    email = f"head@{applicant.email_domains[0]}"
    first = people.invite_first_manager(applicant, by=alliance_manager, email=email, name="Head")

    again = people.invite_first_manager(applicant, by=alliance_manager, email=email, name="The Head")

    assert (again.pk, again.name) == (first.pk, "The Head")
    assert [invitation.withdrawn_at is None for invitation in again.invitations.order_by("pk")] == [False, True]


def test_people_who_left_do_not_stand_in_a_first_managers_way(alliance_manager):
    applicant = CenterFactory(status=Center.Status.APPLICANT)
    MemberFactory(center=applicant, status=Member.Status.LEFT)

    assert people.invite_first_manager(
        applicant, by=alliance_manager, email=f"head@{applicant.email_domains[0]}", name="Head"
    )


def test_a_center_manager_of_elsewhere_invites_no_first_manager(other_manager):
    applicant = CenterFactory(status=Center.Status.APPLICANT)

    with pytest.raises(NotAllowed, match="Only an alliance manager"):
        people.invite_first_manager(applicant, by=other_manager, email="a@b.example.org", name="Head")


def test_a_first_manager_is_vouched_for_by_nobody_yet(alliance_manager):
    applicant = CenterFactory(status=Center.Status.APPLICANT)
    head = people.invite_first_manager(
        applicant, by=alliance_manager, email=f"head@{applicant.email_domains[0]}", name="Head"
    )

    member = Member.objects.get(pk=head.pk)
    people.accept_invitation(member, by=member, invitation=head.invitations.get(), name="Head")

    head.refresh_from_db()
    assert head.status == Member.Status.ACTIVE
    assert head.vouched_until is None
