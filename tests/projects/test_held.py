"""All data that somebody may use, and the sweep over many projects page by page."""

import pytest
from django.utils import timezone

from apps.alliance.models import Vouch
from apps.projects import held
from apps.projects.models import AccessInterval
from apps.projects.services import decisions
from apps.projects.tasks import keep_access
from tests.projects.world import accepted, approve, in_days, proposed, published


@pytest.fixture
def second(world):
    """Another project of the same lead, with data of their own center, where no agreement is needed."""
    from apps.alliance.roles import Role
    from tests.factories import holder

    own = holder(Role.DATA_STEWARD, world.home)
    version = published(world.home, own, slug="own-data")
    project = proposed(world.lead, version)
    approve(project.requests.get(), by=own, ends_on=in_days(90))
    decisions.start(project, by=world.lead)
    accepted(world.lead, version)
    return project


def test_my_data_is_what_the_decision_admits(world, second, django_assert_num_queries):
    with django_assert_num_queries(2):
        usable = held.data_of(world.lead)

    assert {(one.project, one.version) for one in usable} == {
        (world.project.pk, world.version.pk),
        (second.pk, second.requests.get().version_id),
    }
    assert held.data_of(world.colleague) == []


def test_data_that_was_revoked_is_mine_no_more(world):
    decisions.revoke(world.request, by=world.steward, reason="Consent was withdrawn.")

    assert held.data_of(world.lead) == []


def test_the_page_shows_what_was_approved_and_whether_it_may_be_used(world, browse):
    row = browse(world.lead).get("/my-data/").context["listing"].rows[0]
    assert (row.version, row.project, row.is_usable) == (world.version, world.project, True)

    Vouch.objects.filter(member=world.lead).update(ended_at=timezone.now())
    page = browse(world.lead).get("/my-data/")
    assert not page.context["listing"].rows[0].is_usable
    assert "Not yet: 1 missing" in page.content.decode()
    assert browse(world.colleague).get("/my-data/").context["listing"].empty


def test_the_sweep_reaches_every_page_of_projects(world, second, monkeypatch):
    monkeypatch.setattr(held, "PROJECTS", 1)

    keep_access()

    assert set(AccessInterval.objects.values_list("project", flat=True)) == {world.project.pk, second.pk}


def test_the_sweep_sees_what_is_still_held_in_a_project_that_was_halted(world):
    keep_access()
    decisions.suspend(world.project, by=world.manager, reason="A question.")

    ended = [change for page in held.sweep() for change in page.values()]

    assert [[one.member for one, _ in change.ended] for change in ended] == [[world.lead]]
