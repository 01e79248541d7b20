"""Centers: suspended and reinstated by others, they leave by their own word and say what they are."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.utils import timezone

from apps.alliance.models import Center, Member
from apps.alliance.roles import Role
from apps.alliance.services import centers, people
from apps.audit.models import Event
from apps.core.actors import Nobody
from apps.core.errors import Invalid, NotAllowed, WrongState
from apps.core.models import Notice
from tests.factories import CenterFactory, MemberFactory, alliance, holder


# ── suspending ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_suspended_centers_people_are_refused_at_once(alliance_manager, center, manager, colleague):
    centers.suspend(center, by=alliance_manager, reason="A breach is looked into.")

    with pytest.raises(NotAllowed, match=f"{center} is suspended in the alliance"):
        people.vouch(colleague, by=manager)


def test_a_suspended_centers_people_are_signed_out(alliance_manager, center, colleague, browse):
    browser = browse(colleague)
    browser.get("/")

    centers.suspend(center, by=alliance_manager, reason="A breach.")

    assert not UserSession.objects.filter(user=colleague).exists()
    assert browser.get("/").status_code == 302
    assert Event.objects.get(event="alliance.center.suspended").details["sessions_ended"] == 1


def test_other_centers_go_on(alliance_manager, center, elsewhere, other_manager):
    person = MemberFactory(center=elsewhere)

    centers.suspend(center, by=alliance_manager, reason="A breach.")

    assert people.vouch(person, by=other_manager)


def test_nobody_suspends_their_own_center(alliance_manager):
    with pytest.raises(NotAllowed, match="their own center"):
        centers.suspend(alliance_manager.center, by=alliance_manager, reason="Self-criticism.")


def test_a_center_manager_suspends_no_center(manager, elsewhere):
    with pytest.raises(NotAllowed, match="Only an alliance manager"):
        centers.suspend(elsewhere, by=manager, reason="Rivalry.")


def test_the_managers_of_a_suspended_center_are_told_why(alliance_manager, center, manager):
    centers.suspend(center, by=alliance_manager, reason="A breach.")

    assert "A breach." in Notice.objects.get(to=manager).text


def test_the_center_of_the_alliances_last_manager_is_not_suspended(center):
    """Also not by somebody whose own role will end."""
    holder(Role.ALLIANCE_MANAGER, alliance(), center=center)
    passing = holder(Role.ALLIANCE_MANAGER, alliance(), ends_at=timezone.now() + timedelta(days=30))

    with pytest.raises(WrongState, match="last manager"):
        centers.suspend(center, by=passing, reason="A breach.")

    center.refresh_from_db()
    assert center.status == Center.Status.ACTIVE


# ── reinstating ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_reinstated_centers_people_act_again(alliance_manager, center, manager, colleague):
    centers.suspend(center, by=alliance_manager, reason="A breach.")

    centers.reinstate(center, by=alliance_manager, reason="Closed.")

    assert people.vouch(colleague, by=manager)


def test_the_managers_of_a_reinstated_center_are_told(alliance_manager, center, manager):
    centers.suspend(center, by=alliance_manager, reason="A breach.")

    centers.reinstate(center, by=alliance_manager, reason="Closed.")

    assert Notice.objects.filter(to=manager, subject=f"{center} is reinstated").count() == 1


def test_a_second_suspension_is_told_again(alliance_manager, center, manager):
    for reason in ("First.", "Second."):
        centers.suspend(center, by=alliance_manager, reason=reason)
        centers.reinstate(center, by=alliance_manager, reason="Closed.")

    assert Notice.objects.filter(to=manager, subject=f"{center} is suspended").count() == 2


def test_a_suspended_alliance_manager_reinstates_nothing(center, alliance_manager):
    Center.objects.filter(pk=center.pk).update(status=Center.Status.SUSPENDED)
    Center.objects.filter(pk=alliance_manager.center_id).update(status=Center.Status.SUSPENDED)

    with pytest.raises(NotAllowed, match="its people can't act"):
        centers.reinstate(center, by=alliance_manager, reason="Friends.")


# ── leaving ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_center_leaves_by_its_signing_officials_word(center, alliance_manager):
    official = holder(Role.SIGNING_OFFICIAL, center)

    centers.leave(center, by=official, reason="The contract ends.")

    center.refresh_from_db()
    assert center.status == Center.Status.LEFT
    assert Notice.objects.get(to=alliance_manager).subject == f"{center} left the alliance"


@pytest.mark.parametrize("role", [Role.CENTER_MANAGER, Role.DATA_STEWARD, Role.OUTPUT_CHECKER, Role.AUDITOR])
def test_no_other_role_takes_the_center_out(center, role):
    with pytest.raises(NotAllowed, match="Only a signing official"):
        centers.leave(center, by=holder(role, center), reason="Enough.")


def test_nobody_makes_a_center_leave(center, alliance_manager):
    with pytest.raises(NotAllowed, match="Only a signing official"):
        centers.leave(center, by=alliance_manager, reason="Out.")


def test_another_centers_signing_official_does_not_take_it_out(center, elsewhere):
    with pytest.raises(NotAllowed, match=f"Only a signing official of {center}"):
        centers.leave(center, by=holder(Role.SIGNING_OFFICIAL, elsewhere), reason="Out.")


def test_people_of_a_center_that_left_can_do_nothing(center, manager, colleague, alliance_manager):
    centers.leave(center, by=holder(Role.SIGNING_OFFICIAL, center), reason="The contract ends.")

    with pytest.raises(NotAllowed, match=f"{center} has left the alliance"):
        people.vouch(colleague, by=manager)


def test_a_suspended_center_leaves_by_its_signing_officials_word(center, alliance_manager):
    official = holder(Role.SIGNING_OFFICIAL, center)
    centers.suspend(center, by=alliance_manager, reason="A breach.")

    centers.leave(center, by=official, reason="The contract ends.")

    center.refresh_from_db()
    assert center.status == Center.Status.LEFT


def test_a_suspended_centers_signing_official_can_do_nothing_else(center, alliance_manager):
    official = holder(Role.SIGNING_OFFICIAL, center)
    centers.suspend(center, by=alliance_manager, reason="A breach.")

    with pytest.raises(NotAllowed, match="is suspended in the alliance"):
        people.edit_profile(official, by=official, name="Somebody", position="", orcid="")


@pytest.mark.parametrize("status", [Member.Status.SUSPENDED, Member.Status.LEFT, Member.Status.INVITED])
def test_a_signing_official_who_cannot_act_takes_no_center_out(center, status):
    official = holder(Role.SIGNING_OFFICIAL, center, status=status)
    Center.objects.filter(pk=center.pk).update(status=Center.Status.SUSPENDED)

    with pytest.raises(NotAllowed, match="Your membership is"):
        centers.leave(center, by=official, reason="Out.")


def test_nobody_makes_a_suspended_center_leave(center, alliance_manager, manager):
    centers.suspend(center, by=alliance_manager, reason="A breach.")

    with pytest.raises(NotAllowed, match="Only a signing official"):
        centers.leave(center, by=alliance_manager, reason="Out.")
    with pytest.raises(NotAllowed, match="is suspended in the alliance"):
        centers.leave(center, by=manager, reason="Out.")
    with pytest.raises(NotAllowed, match="Sign in first"):
        centers.leave(center, by=Nobody(), reason="Out.")


def test_leaving_is_for_good(center, alliance_manager):
    centers.leave(center, by=holder(Role.SIGNING_OFFICIAL, center), reason="The contract ends.")

    with pytest.raises(WrongState, match="left now"):
        centers.reinstate(center, by=alliance_manager, reason="Come back.")


def test_a_center_does_not_leave_with_the_alliances_last_manager(center):
    official = holder(Role.SIGNING_OFFICIAL, center)
    holder(Role.ALLIANCE_MANAGER, alliance(), center=center)

    with pytest.raises(WrongState, match="last manager"):
        centers.leave(center, by=official, reason="The contract ends.")

    center.refresh_from_db()
    assert center.status == Center.Status.ACTIVE


# ── what a center says of itself ────────────────────────────────────────────────────────────────────────────────────
def test_a_manager_changes_what_the_center_says_of_itself(center, manager):
    centers.edit(center, by=manager, contact_name="New office", smallest_count=20)

    center.refresh_from_db()
    assert (center.contact_name, center.smallest_count) == ("New office", 20)
    assert Event.objects.get().details["fields"] == ["contact_name", "smallest_count"]


@pytest.mark.parametrize("status", [Center.Status.ACTIVE, Center.Status.APPLICANT, Center.Status.SUSPENDED])
@pytest.mark.parametrize("named", ["there.example.org", "mail.there.example.org", "example.org"])
def test_no_center_names_a_domain_of_another(center, manager, status, named):
    """Or it could invite that center's people, and its provider could speak for them."""
    CenterFactory(email_domains=["there.example.org"], status=status)

    with pytest.raises(Invalid, match="is another center's domain"):
        centers.edit(center, by=manager, email_domains=[*center.email_domains, named])

    center.refresh_from_db()
    assert named not in center.email_domains


def test_a_center_keeps_and_adds_domains_of_its_own(center, manager):
    CenterFactory(email_domains=["there.example.org", "elsewhere.example.org"], status=Center.Status.LEFT)
    CenterFactory(email_domains=["here.example.org"])

    centers.edit(center, by=manager, email_domains=[*center.email_domains, "there.example.org", "nowhere.example.org"])

    center.refresh_from_db()
    assert "nowhere.example.org" in center.email_domains


def test_another_centers_manager_changes_nothing(center, other_manager):
    with pytest.raises(NotAllowed, match=f"Only a center manager of {center}"):
        centers.edit(center, by=other_manager, contact_name="Ours")
