"""Centers: they apply, are admitted, suspended and reinstated by others, and leave by their own word."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.core import mail
from django.utils import timezone

from apps.alliance.models import Center, Member
from apps.alliance.roles import Role
from apps.alliance.services import centers, grants, people
from apps.audit.models import Event
from apps.core.actors import Nobody
from apps.core.errors import Invalid, NotAllowed, WrongState
from apps.core.models import Notice
from tests.factories import CenterFactory, MemberFactory, alliance, give, holder

FACTS = {
    "legal_name": "A Cancer Center",
    "ror_id": "",
    "email_domains": ["new.example.org"],
    "contact_name": "Data office",
    "contact_email": "data@new.example.org",
    "smallest_count": 10,
}


def apply(manager, short_name="New Center", **facts):
    return centers.apply(alliance(), by=manager, short_name=short_name, **{**FACTS, **facts})


@pytest.fixture
def applicant(db):
    return CenterFactory(status=Center.Status.APPLICANT)


# ── applying ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_application_makes_an_applicant(alliance_manager):
    made = apply(alliance_manager)

    assert (made.status, made.slug) == (Center.Status.APPLICANT, "new-center")


def test_only_an_alliance_manager_enters_an_application(manager):
    with pytest.raises(NotAllowed, match="Only an alliance manager"):
        apply(manager)


@pytest.mark.parametrize("name", ["New Center", "new center", "NEW-CENTER", "New  Center!"])
def test_names_that_read_alike_are_refused(alliance_manager, name):
    apply(alliance_manager)

    with pytest.raises(Invalid) as refusal:
        apply(alliance_manager, name)

    assert list(refusal.value.fields) == ["short_name"]


@pytest.mark.parametrize("name", ["***", "北京", "–", "Apply", "APPLY!"])
def test_a_name_that_makes_no_address_is_refused(alliance_manager, name):
    with pytest.raises(Invalid) as refusal:
        apply(alliance_manager, name)

    assert list(refusal.value.fields) == ["short_name"]
    assert not Center.objects.filter(short_name=name).exists()


# ── admitting ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_applicant_with_a_manager_is_admitted(alliance_manager, applicant):
    head = holder(Role.CENTER_MANAGER, applicant)

    centers.admit(applicant, by=alliance_manager, reason="The board agreed.")

    applicant.refresh_from_db()
    assert applicant.status == Center.Status.ACTIVE
    assert Notice.objects.get(to=head).subject == f"{applicant} is admitted to the alliance"


def test_an_applicant_without_a_manager_is_not_admitted(alliance_manager, applicant):
    MemberFactory(center=applicant)

    with pytest.raises(Invalid, match="has no center manager yet"):
        centers.admit(applicant, by=alliance_manager, reason="The board agreed.")

    applicant.refresh_from_db()
    assert applicant.status == Center.Status.APPLICANT


def test_a_manager_who_is_suspended_does_not_make_an_applicant_ready(alliance_manager, applicant):
    holder(Role.CENTER_MANAGER, applicant, status=Member.Status.SUSPENDED)

    with pytest.raises(Invalid, match="has no center manager yet"):
        centers.admit(applicant, by=alliance_manager, reason="The board agreed.")


def test_an_applicants_own_manager_does_not_admit_it(applicant):
    with pytest.raises(NotAllowed, match="their own center"):
        centers.admit(applicant, by=holder(Role.CENTER_MANAGER, applicant), reason="We are ready.")


def test_an_alliance_manager_does_not_admit_their_own_center(applicant):
    insider = holder(Role.ALLIANCE_MANAGER, alliance(), center=applicant)
    give(MemberFactory(center=applicant), Role.CENTER_MANAGER)

    with pytest.raises(NotAllowed, match="Another center's alliance manager can"):
        centers.admit(applicant, by=insider, reason="We are ready.")


def test_a_center_is_admitted_once(alliance_manager, center, manager):
    with pytest.raises(WrongState, match="active now"):
        centers.admit(center, by=alliance_manager, reason="Again.")


# ── rejecting ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_application_is_rejected_and_its_people_are_told_why(alliance_manager, applicant, deliver_all):
    person = MemberFactory(center=applicant)

    centers.reject(applicant, by=alliance_manager, reason="No data office yet.")
    deliver_all()

    applicant.refresh_from_db()
    assert applicant.status == Center.Status.REJECTED
    assert "No data office yet." in Notice.objects.get(to=person).text
    assert Event.objects.get(event="alliance.center.rejected").reason == "No data office yet."


def test_the_contact_of_an_application_without_people_is_told_too(alliance_manager, applicant, deliver_all):
    centers.reject(applicant, by=alliance_manager, reason="No data office yet.")
    deliver_all()

    (letter,) = mail.outbox
    assert letter.to == [applicant.contact_email]
    assert "No data office yet." in letter.body


def test_no_contact_is_told_of_what_was_taken_up_again_meanwhile(alliance_manager, applicant, deliver_all):
    centers.reject(applicant, by=alliance_manager, reason="A mistake.")
    centers.apply_again(applicant, by=alliance_manager, reason="It was a mistake.")
    deliver_all()

    assert mail.outbox == []


def test_the_people_of_a_center_that_was_rejected_are_signed_out(alliance_manager, applicant, browse):
    browser = browse(MemberFactory(center=applicant))
    browser.get("/")

    centers.reject(applicant, by=alliance_manager, reason="No data office yet.")

    assert browser.get("/").status_code == 302
    assert Event.objects.get(event="alliance.center.rejected").details["sessions_ended"] == 1


def test_the_people_of_a_center_that_was_rejected_can_do_nothing(alliance_manager, applicant):
    head = holder(Role.CENTER_MANAGER, applicant)
    centers.reject(applicant, by=alliance_manager, reason="No data office yet.")

    with pytest.raises(NotAllowed, match="was rejected"):
        centers.edit(applicant, by=head, contact_name="New office")


def test_only_an_applicant_is_rejected(alliance_manager, center):
    with pytest.raises(WrongState, match="active now"):
        centers.reject(center, by=alliance_manager, reason="Too late.")


def test_nobody_rejects_their_own_center(applicant):
    insider = holder(Role.ALLIANCE_MANAGER, alliance(), center=applicant)

    with pytest.raises(NotAllowed, match="their own center"):
        centers.reject(applicant, by=insider, reason="We changed our mind.")


def test_a_center_that_was_rejected_applies_again_and_is_admitted(alliance_manager, applicant):
    head = holder(Role.CENTER_MANAGER, applicant)
    centers.reject(applicant, by=alliance_manager, reason="No data office yet.")

    centers.apply_again(applicant, by=alliance_manager, reason="It has one now.")
    centers.edit(applicant, by=head, contact_name="New office")
    centers.admit(applicant, by=alliance_manager, reason="The board agreed.")

    applicant.refresh_from_db()
    assert applicant.status == Center.Status.ACTIVE


def test_an_application_in_the_name_of_one_rejected_says_what_to_do(alliance_manager):
    centers.reject(apply(alliance_manager), by=alliance_manager, reason="No data office yet.")

    with pytest.raises(Invalid, match="take its application up again"):
        apply(alliance_manager)


@pytest.mark.parametrize("status", [Center.Status.REJECTED, Center.Status.LEFT])
def test_a_center_outside_the_alliance_gets_no_first_manager(alliance_manager, status):
    gone = CenterFactory(status=status)
    address = f"head@{gone.email_domains[0]}"

    with pytest.raises(WrongState, match="its people can't act"):
        people.invite_first_manager(gone, by=alliance_manager, email=address, name="Head")
    with pytest.raises(WrongState, match="its people can't act"):
        grants.appoint_first_manager(gone, by=alliance_manager, member=MemberFactory(center=gone), reason="So.")


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


def test_an_application_names_no_domain_of_a_center(alliance_manager, center):
    with pytest.raises(Invalid, match="is another center's domain"):
        apply(alliance_manager, email_domains=center.email_domains)


def test_a_center_keeps_and_adds_domains_of_its_own(center, manager):
    CenterFactory(email_domains=["there.example.org", "elsewhere.example.org"], status=Center.Status.LEFT)
    CenterFactory(email_domains=["here.example.org"])

    centers.edit(center, by=manager, email_domains=[*center.email_domains, "there.example.org", "nowhere.example.org"])

    center.refresh_from_db()
    assert "nowhere.example.org" in center.email_domains


def test_another_centers_manager_changes_nothing(center, other_manager):
    with pytest.raises(NotAllowed, match=f"Only a center manager of {center}"):
        centers.edit(center, by=other_manager, contact_name="Ours")
