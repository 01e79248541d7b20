"""Pages that say how a center or a person stands, why, and what can be done about it."""

import re

import pytest
from django.urls import reverse

from apps.alliance.invitations import link_for
from apps.alliance.models import Center
from apps.alliance.roles import Role
from apps.alliance.services import centers, people
from tests.factories import CenterFactory, MemberFactory, alliance, holder

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager():
    return holder(Role.CENTER_MANAGER)


@pytest.fixture
def colleague(manager):
    return MemberFactory(center=manager.center, name="Grace Liu", email=f"g.liu@{manager.center.email_domains[0]}")


def links(page):
    return set(re.findall(r'(?:href|action)="([^"#?]+)', page.content.decode()))


def said(page):
    """What the page told at its top."""
    return [str(message) for message in page.context["messages"]]


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
