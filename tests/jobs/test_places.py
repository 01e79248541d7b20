"""Compute goes to the data: which machine gets which job, and what is refused since no machine mounts its data."""

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.core.errors import Invalid, WrongState
from apps.jobs import shown
from apps.jobs.actors import DISPATCHER
from apps.jobs.asked import Code, Wish
from apps.jobs.models import Host
from apps.jobs.rooms import free_on
from apps.jobs.services import attempts, dispatching, heartbeat, submitting
from apps.jobs.told import beats_of
from tests import factories_jobs as make
from tests.factories import CenterFactory, arranged
from tests.projects.world import published

WISH = Wish("train", ("python", "train.py"), cpus=1, memory=10**9, seconds=60)
CODE = Code("a" * 64, 100, 1)


@pytest.fixture
def theirs(world):
    """Data of a third center."""
    with arranged():
        return published(CenterFactory(short_name="Third", slug="third"), world.steward)


def over_both(world, theirs):
    return make.job(world.lead, world.project, data=[world.version, theirs], name="over-both")


def turn(host):
    return dispatching.next_for(free_on(host), timezone.now())


def test_a_host_gets_jobs_alone_whose_data_it_mounts(world, theirs):
    here, there = make.host("here", centers=(world.owner.slug,)), make.host("there", centers=("third", "elsewhere"))
    both = over_both(world, theirs)
    own = make.job(world.lead, world.project, data=[world.version], name="of-here")

    assert (turn(here), turn(there)) == (own, None), "what no host mounts holds up nothing behind it"
    assert "mount its data" in shown.standing_of(both)
    assert turn(make.host("both", centers=(world.owner.slug, "third"))) == both
    assert turn(make.host("all")) == both
    assert "mount its data" not in shown.standing_of(both)


def test_a_job_goes_where_its_data_is(world):
    make.host("a-there", centers=("third",))
    make.host("here", centers=(world.owner.slug,))
    job = make.job(world.lead, world.project, data=[world.version])

    assert dispatching.dispatch_all() == 1
    assert job.attempts.get().host.name == "here"


def test_the_gate_gives_no_host_a_job_whose_data_it_can_not_mount(world, theirs):
    host = make.host("here", centers=(world.owner.slug,))

    with pytest.raises(WrongState, match="can't mount its data"):
        attempts.dispatch(over_both(world, theirs), by=DISPATCHER, host=host)


def test_who_hands_in_what_no_machine_mounts_is_told_whose_data_it_is(world, host):
    def hand_in():
        return submitting.submit(world.project, by=world.lead, code=CODE, wish=WISH, datasets=[world.dataset.pk])

    hand_in()
    with arranged():
        Host.objects.update(centers=["elsewhere"])

    with pytest.raises(Invalid) as told:
        hand_in()

    assert f"mounts the data of {world.owner}" in told.value.fields["datasets"]


def test_data_of_two_centers_that_no_machine_mounts_together_is_refused_with_the_reason(world, theirs):
    make.host("here", centers=(world.owner.slug,))
    make.host("there", centers=("third",))

    with pytest.raises(Invalid) as told:
        submitting.demand_a_host(WISH, [world.dataset.pk, theirs.dataset_id])

    assert "Owner and Third together: compute goes to the data" in told.value.fields["datasets"]


def says(**offers):
    body = {"host": "h9", "offers": {"cpus": 1, "slot_memory": 10**9, "gpus": [], **offers}, "attempts": []}
    heartbeat.beat(*beats_of(body))
    return Host.objects.get(name="h9").centers


def test_a_host_says_whose_data_it_mounts_and_may_change_its_mind(db):
    assert says() == []
    assert says(centers=["third", "owner", "third"]) == ["owner", "third"]
    assert says(centers=["owner"]) == ["owner"]


@pytest.mark.parametrize("centers", ["owner", [1], [None], ["x"] * 101, {"a": 1}])
def test_rubbish_about_centers_is_refused(centers):
    with pytest.raises(Invalid, match="short addresses"):
        beats_of({"host": "h9", "offers": {"cpus": 1, "slot_memory": 10**9, "centers": centers}, "attempts": []})


def test_a_job_that_waits_for_a_machine_with_its_data_says_so(browse, world, waiting):
    make.host("there", centers=("elsewhere",))

    page = browse(world.lead).get(reverse("jobs:job", args=[waiting.pk])).content.decode()

    assert "No machine that can hold it and mount its data takes jobs now" in page
