"""Applications of centers: entered, admitted or rejected by others, taken up again."""

import pytest
from django.core import mail

from apps.alliance.models import Center, Member
from apps.alliance.roles import Role
from apps.alliance.services import centers, grants, people
from apps.audit.models import Event
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


def test_an_application_names_no_domain_of_a_center(alliance_manager, center):
    with pytest.raises(Invalid, match="is another center's domain"):
        apply(alliance_manager, email_domains=center.email_domains)


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

    with pytest.raises(NotAllowed, match="its people can't act"):
        people.invite_first_manager(gone, by=alliance_manager, email=address, name="Head")
    with pytest.raises(NotAllowed, match="its people can't act"):
        grants.appoint_first_manager(gone, by=alliance_manager, member=MemberFactory(center=gone), reason="So.")
