"""Two at the same moment: one run, each event once, and a stop that no start outruns."""

import pytest
from django.utils import timezone

from apps.core.errors import PortalError
from apps.workspaces.models import CellCode, Run
from apps.workspaces.services import reports, runs
from apps.workspaces.told import events_of
from tests.factories import arranged
from tests.factories_workspaces import run as make_run
from tests.factories_workspaces import workspace
from tests.projects.world import make_world
from tests.rivals import judged
from tests.workspaces.host import cell

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("transactional_db")]
many = pytest.mark.parametrize("rounds", [10, pytest.param(300, marks=pytest.mark.long)])


@pytest.fixture
def world():
    return make_world()


def ended(run):
    with arranged():
        Run.objects.filter(pk=run.pk).update(status="stopped", ended_at=timezone.now(), reason="Done.")


@many
def test_of_two_starts_at_once_one_starts(world, rivals, rounds):
    for _ in range(rounds):
        since = timezone.now()
        outcomes = rivals(*[lambda: runs.start(world.project, by=world.lead)] * 2)

        assert judged(outcomes, since) == 1
        ended(Run.objects.get(status="starting"))


@many
def test_of_a_stop_and_a_start_beside_it_never_two_run(world, rivals, rounds):
    run = runs.start(world.project, by=world.lead)
    for _ in range(rounds):
        outcomes = rivals(
            lambda run=run: runs.stop(run, by=world.lead, reason="Enough."),
            lambda: runs.start(world.project, by=world.lead),
        )

        assert all(isinstance(one, PortalError) for one in outcomes if isinstance(one, BaseException))
        assert Run.objects.filter(status__in=["starting", "running", "stopping"]).count() == 1
        ended(run)
        run = runs.start(world.project, by=world.lead)


@many
def test_the_same_report_twice_at_once_is_stored_once(world, rivals, rounds):
    run = make_run(workspace(world.lead, world.project))
    for turn in range(1, rounds + 1):
        told = events_of({"events": [cell() | {"seq": turn, "at": "2027-01-04T09:00:00Z"}]})
        assert rivals(*[lambda told=told: reports.take(run, told)] * 2) == [turn, turn]

    assert CellCode.objects.filter(run=run).count() == run.told.count() == rounds
