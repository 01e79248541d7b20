"""First looks within a project: by the access decision and by nothing else."""

import pytest

from apps.alliance.roles import Role
from apps.audit.models import Outcome
from apps.audit.selectors import entries
from apps.catalog.gateways import DatasetStore
from apps.core.gateways import Objects
from apps.projects.services import decisions
from tests.factories import MemberFactory, holder
from tests.factories_catalog import LookFactory

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def pictured(world):
    """A slide of the world's dataset, and a dictionary of its table."""
    Objects().ensure_bucket()
    look = LookFactory(version=world.version, path="a.svs", status="made", has_picture=True, facts={"width": 2})
    DatasetStore().put(look.key, PNG, media_type="image/png")
    return look


def address(world, more=""):
    return f"/projects/{world.project.pk}/data/{world.dataset.slug}/look/{more}"


def seen(world):
    told = entries().filter(event="catalog.data.looked_at", target_ref=str(world.version.pk)).order_by("id")
    return [(event.outcome, event.details.get("part"), event.details.get("project")) for event in told]


def test_who_may_use_the_data_looks_and_the_record_says_in_which_project(world, pictured, browse):
    page = browse(world.lead).get(address(world))
    picture = browse(world.lead).get(address(world, f"{pictured.pk}.png"))

    assert page.status_code == 200
    assert picture.content == PNG
    assert seen(world) == [(Outcome.SUCCESS, part, str(world.project.pk)) for part in ("slide", "picture")]


def test_the_way_there_is_shown_where_the_decision_is_yes(world, browse):
    text = browse(world.lead).get(f"/projects/{world.project.pk}/access/").content.decode()

    assert address(world) in text


@pytest.mark.parametrize("who", ["steward", "manager"])
def test_who_sees_the_project_and_may_not_use_its_data_is_refused(world, pictured, browse, who):
    for more in ("", f"{pictured.pk}.png"):
        answer = browse(getattr(world, who)).get(address(world, more))

        assert answer.status_code == 403
        assert "You are on its team" in answer.content.decode()
    assert seen(world) == [(Outcome.REFUSED, None, None)] * 2


def test_who_may_not_see_the_project_finds_nothing(world, pictured, browse):
    for person in (MemberFactory(), holder(Role.DATA_STEWARD, world.home)):
        assert browse(person).get(address(world)).status_code == 404


def test_it_ends_with_the_approval(world, pictured, browse):
    decisions.revoke(world.request, by=world.steward, reason="Over.")

    assert browse(world.lead).get(address(world)).status_code == 403
    assert browse(world.lead).get(address(world, f"{pictured.pk}.png")).status_code == 403


def test_data_that_the_project_does_not_ask_for_is_not_found(world, browse):
    answer = browse(world.lead).get(f"/projects/{world.project.pk}/data/another/look/")

    assert answer.status_code == 404
