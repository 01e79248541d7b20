"""Pages that say how a center or a person stands, why, and what can be done about it."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.alliance.invitations import link_for
from apps.alliance.models import Center, Invitation
from apps.alliance.roles import Role
from apps.alliance.services import centers, people
from tests.factories import CenterFactory, MemberFactory, TrainingRecordFactory, TrainingTypeFactory, alliance, holder
from tests.reading import links, said

pytestmark = pytest.mark.django_db


def test_a_manager_sees_which_training_somebody_never_proved(browse, manager, colleague):
    TrainingTypeFactory(name="Data security", required_of_all=True)
    page = reverse("alliance:person", args=[colleague.pk])

    assert "no proof sent yet" in browse(manager).get(page).content.decode()
    assert "no proof sent yet" not in browse(MemberFactory(center=manager.center)).get(page).content.decode()


def test_the_queue_shows_first_what_waits_longest(browse, manager, colleague):
    decided = {"status": "accepted", "decided_by": manager, "decided_at": timezone.now()}
    TrainingRecordFactory(member=colleague, **decided)
    late, later = (
        TrainingRecordFactory(member=colleague, submitted_at=timezone.now() - timedelta(days=days)) for days in (9, 3)
    )

    page = browse(manager).get(reverse("alliance:training_queue"))

    assert page.context["waiting"] == [late, later]
    assert "Your turn" in page.content.decode()
    narrowed = browse(manager).get(reverse("alliance:training_queue"), {"status": "accepted"})
    assert "Your turn" not in narrowed.content.decode()


def test_a_first_managers_invitation_can_be_sent_again(browse):
    applicant = CenterFactory(status=Center.Status.APPLICANT)
    desk = browse(holder(Role.ALLIANCE_MANAGER, alliance()))
    page = reverse("alliance:center_first_manager", args=[applicant.slug])
    typed = {"name": "Nora Lake", "email": f"nora@{applicant.email_domains[0]}", "position": ""}
    desk.post(page, typed)
    assert "Invite again, or somebody else" in desk.get(page).content.decode()

    desk.post(page, typed)

    first, second = Invitation.objects.order_by("pk")
    assert browse().get(link_for(first)).status_code == 404
    assert browse().get(link_for(second)).status_code == 200


def test_an_alliance_managers_role_is_said_once(browse):
    runner = holder(Role.ALLIANCE_MANAGER, alliance(), name="Ada Osei")

    page = browse(runner).get("/").content.decode()

    assert ">Alliance manager<" in page


def test_an_application_is_rejected_and_taken_up_again_by_buttons(browse):
    applicant = CenterFactory(short_name="Northlake", status=Center.Status.APPLICANT)
    desk = browse(holder(Role.ALLIANCE_MANAGER, alliance()))
    reject, again = (reverse(f"alliance:center_{name}", args=[applicant.slug]) for name in ("reject", "apply_again"))

    page = desk.post(reject, {"reason": "No data office yet."}, follow=True)

    assert said(page) == ["Northlake's application is rejected; its people and its contact are told why."]
    assert "The reason given: No data office yet." in page.content.decode()
    assert again in links(page)
    assert not {reject, reverse("alliance:center_first_manager", args=[applicant.slug])} & links(page)
    page = desk.post(again, {"reason": "It has one now."}, follow=True)
    assert said(page) == ["Northlake is an applicant again."]
    assert reject in links(page)


def test_the_reason_of_a_suspension_is_for_the_center_and_the_alliance(browse, manager):
    runner = holder(Role.ALLIANCE_MANAGER, alliance())
    centers.suspend(manager.center, by=runner, reason="A breach is looked into.")
    page = reverse("alliance:center", args=[manager.center.slug])

    assert "A breach is looked into." in browse(runner).get(page).content.decode()
    assert "A breach is looked into." not in browse(holder(Role.CENTER_MANAGER)).get(page).content.decode()


def test_who_acts_for_ones_own_center_can_be_opened(browse, manager, colleague):
    page = reverse("alliance:center", args=[manager.center.slug])
    person = reverse("alliance:person", args=[manager.pk])

    assert person in links(browse(colleague).get(page))
    assert person not in links(browse(MemberFactory()).get(page))


def test_who_left_is_invited_again_by_a_button(browse, manager, colleague):
    desk = browse(manager)
    page = desk.post(reverse("alliance:person_leave", args=[colleague.pk]), {"reason": "Moved."}, follow=True)
    assert "The reason given: Moved." in page.content.decode()
    again = reverse("alliance:person_invite_again", args=[colleague.pk])
    assert again in links(page)

    page = desk.post(again, follow=True)

    assert said(page) == ["Grace Liu is invited again. The link in the mail works for 14 days."]
    assert browse().get(link_for(colleague.invitations.get())).status_code == 200


def test_the_reason_of_a_suspension_is_for_managers(browse, manager, colleague):
    other = MemberFactory(center=manager.center)
    page = reverse("alliance:person", args=[colleague.pk])
    people.suspend(colleague, by=manager, reason="On leave until spring.")

    assert "On leave until spring." in browse(manager).get(page).content.decode()
    assert "On leave until spring." not in browse(other).get(page).content.decode()
