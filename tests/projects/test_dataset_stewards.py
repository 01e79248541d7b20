"""Stewards of one dataset beside the owner's own: they decide on its requests, and on no others."""

import pytest

from apps.catalog.services import stewards
from apps.core.errors import NotAllowed
from apps.core.models import Notice
from apps.projects.queue import to_decide, visible_requests
from apps.projects.selectors import visible_to
from apps.projects.services import decisions, proposals
from tests.factories_catalog import steward_of
from tests.projects.world import approve, in_days, make_world, proposed, published

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db):
    """Two must say yes, and nobody has yet."""
    return make_world(quorum=2)


def test_they_decide_on_their_dataset_alone(world):
    person = steward_of(world.dataset)
    other = proposed(world.colleague, published(world.owner, world.steward, slug="other-data")).requests.get()

    assert set(visible_requests(person)) == set(to_decide(person)) == {world.request}
    assert set(visible_to(person)) == {world.project}
    approve(world.request, by=person, ends_on=in_days(90))
    with pytest.raises(NotAllowed, match="Only a data steward of Owner decides"):
        approve(other, by=person, ends_on=in_days(90))
    approve(world.request, by=world.steward, ends_on=in_days(90))

    world.request.refresh_from_db()
    assert world.request.status == "approved", "with the center's steward they are two"


def test_the_yes_of_somebody_dismissed_meanwhile_does_not_count(world):
    person = steward_of(world.dataset)
    approve(world.request, by=person, ends_on=in_days(90))
    stewards.dismiss(world.dataset.stewards.get(), by=person, reason="No time.")

    approve(world.request, by=world.steward, ends_on=in_days(90))

    world.request.refresh_from_db()
    assert world.request.status == "waiting"


def test_they_are_told_ask_and_give_back(world):
    person = steward_of(world.dataset)
    project = proposed(world.colleague, world.version)

    assert Notice.objects.filter(to=person, subject__contains=str(project)).exists()
    proposals.remark(project, by=person, text="Why all years?")
    decisions.return_to_lead(project, by=person, reason="Say more.")

    project.refresh_from_db()
    assert project.status == "returned"


def test_they_do_not_decide_on_a_project_of_their_own_team(world):
    person = steward_of(world.dataset)
    project = proposed(world.colleague, world.version, submit=False)
    proposals.add_to_team(project, by=world.colleague, member=person)
    proposals.submit(project, by=world.colleague)

    with pytest.raises(NotAllowed, match="Nobody decides on a project of their own team"):
        approve(project.requests.get(), by=person, ends_on=in_days(90))
