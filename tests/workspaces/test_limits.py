"""What a run gets: the alliance's limits, bounded by its machine; the plan and the page say the same."""

import pytest

from apps.core.templatetags.words import size
from apps.workspaces import limits
from apps.workspaces.models import RunFigures
from tests.factories_workspaces import run as make_run
from tests.workspaces.host import Host

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("offered", "memory", "cpus"), [
    ({"memory": 3_000_000_000, "cpus": 1.0}, 3_000_000_000, 1.0),
    ({"memory": 10**15, "cpus": 512}, limits.MEMORY, limits.CPUS),
    ({"memory": 1, "cpus": 0.001}, limits.LEAST_MEMORY, limits.LEAST_CPUS),
    ({"memory": "much", "cpus": True}, limits.MEMORY, limits.CPUS),
    ({"memory": -5, "cpus": -1}, limits.MEMORY, limits.CPUS),
    ([], limits.MEMORY, limits.CPUS),
    (None, limits.MEMORY, limits.CPUS),
])  # fmt: skip
def test_a_plan_gives_no_more_than_the_machine_and_no_more_than_the_alliance(world, place, offered, memory, cpus):
    run = make_run(place, status="starting")

    plan = Host().post(f"/internal/runs/{run.pk}/plan", {"host": "h1", "offers": offered})

    assert (plan["limits"]["memory"], plan["limits"]["cpus"]) == (memory, cpus)
    figures = RunFigures.objects.get(run=run)
    assert (figures.memory_limit, figures.cpus_limit) == (memory, cpus)


def test_the_page_says_what_the_plan_said(world, place, browse):
    run = make_run(place, status="starting")
    Host().post(f"/internal/runs/{run.pk}/plan", {"host": "h1", "offers": {"memory": 3_000_000_000, "cpus": 0.5}})

    page = browse(world.lead).get(f"/projects/{world.project.pk}/workspace/").content.decode()

    assert f">{size(3_000_000_000)}<" in page
    assert f">{size(limits.MEMORY)}<" not in page
    assert ">0.5<" in page


def test_before_it_runs_the_page_says_that_it_depends(world, browse):
    page = browse(world.lead).get(f"/projects/{world.project.pk}/workspace/").content.decode()

    assert f"up to {size(limits.MEMORY)}, as its machine has" in page
