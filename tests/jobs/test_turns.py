"""Whose turn it is: shares, projects, priorities, age; and that nobody waits for ever."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.jobs import limits
from apps.jobs.actors import DISPATCHER
from apps.jobs.models import Account, Job, Share
from apps.jobs.rooms import free_on
from apps.jobs.services import attempts, dispatching
from tests import factories_jobs as make
from tests.factories import CenterFactory, MemberFactory, arranged
from tests.projects.world import proposed

GB = 10**9


def queued(project, member, **facts):
    return make.job(member, project, **facts)


def used(project, seconds, *, ago=timedelta(0)):
    Account.objects.update_or_create(
        project=project, defaults={"center_id": project.center_id, "used": seconds, "used_at": timezone.now() - ago}
    )


def turn(host):
    return dispatching.next_for(free_on(host), timezone.now())


@pytest.fixture
def other(world):
    """A second project of the same center."""
    return proposed(world.colleague, world.version)


@pytest.fixture
def foreign(world):
    """A project of another center."""
    with arranged():
        center = CenterFactory(short_name="Third")
        member = MemberFactory(center=center)
        project = proposed(world.colleague, world.version)
        type(project).objects.filter(pk=project.pk).update(center=center, lead=member)
    project.refresh_from_db()
    return project


def test_with_nothing_else_the_oldest_goes_first(world, host):
    first, second = queued(world.project, world.lead), queued(world.project, world.lead)
    assert turn(host) == first
    attempts.dispatch(first, by=DISPATCHER, host=host)
    assert turn(host) == second


def test_within_a_project_the_higher_priority_goes_first(world, host):
    queued(world.project, world.lead)
    urgent = queued(world.project, world.lead, priority=Job.Priority.HIGH)
    assert turn(host) == urgent


def test_a_priority_counts_within_ones_project_alone(world, other, host):
    queued(world.project, world.lead, priority=Job.Priority.HIGH)
    low = queued(other, world.colleague, priority=Job.Priority.LOW)
    used(world.project, 100)
    assert turn(host) == low


def test_the_project_that_used_least_goes_first(world, other, host):
    queued(world.project, world.lead)
    theirs = queued(other, world.colleague)
    used(world.project, 1000)
    assert turn(host) == theirs


def test_the_center_that_used_least_for_its_share_goes_first(world, foreign, host):
    ours, theirs = queued(world.project, world.lead), queued(foreign, foreign.lead)
    used(world.project, 1000)
    used(foreign, 1500)
    assert turn(host) == ours
    with arranged():
        Share.objects.create(center=foreign.center, weight=2)
    assert turn(host) == theirs


def test_what_was_used_counts_half_after_a_week(world, other, host):
    ours = queued(world.project, world.lead)
    queued(other, world.colleague)
    used(world.project, 1000, ago=timedelta(seconds=2 * limits.HALF_LIFE))
    used(other, 300)
    assert turn(host) == ours


def test_what_runs_counts_at_once_so_that_not_all_slots_go_to_one(world, foreign, host):
    for _ in range(2):
        queued(world.project, world.lead)
    theirs = queued(foreign, foreign.lead)
    started = turn(host)
    attempts.dispatch(started, by=DISPATCHER, host=host)
    assert {started.project_id, turn(host).project_id} == {world.project.pk, theirs.project_id}


def test_what_rests_after_a_failure_is_passed_by(world, host):
    queued(world.project, world.lead, not_before=timezone.now() + timedelta(minutes=1))
    ready = queued(world.project, world.lead)
    assert turn(host) == ready


def test_a_small_job_overtakes_one_that_does_not_fit_for_a_while_only(world, host):
    wide, small = queued(world.project, world.lead, cpus=2), queued(world.project, world.lead)
    attempts.dispatch(queued(world.project, world.lead, priority=2), by=DISPATCHER, host=host)
    assert turn(host) == small

    Account.objects.update(passed_over=wide.pk, passed_over_at=timezone.now() - limits.PASSED_OVER)
    assert turn(host) is None, "the host fills up no more until the wide one fits"


def test_one_that_never_fits_keeps_nothing_free(world, host):
    huge, small = queued(world.project, world.lead, cpus=3), queued(world.project, world.lead)
    Account.objects.update(passed_over=huge.pk, passed_over_at=timezone.now() - limits.PASSED_OVER)
    assert turn(host) == small


def test_without_a_free_slot_nobody_is_next(world):
    queued(world.project, world.lead)
    assert turn(make.host("full", cpus=0)) is None


def test_all_that_fits_is_started_and_hosts_that_are_closed_get_nothing(world, host):
    with arranged():
        closed = make.host("closed")
        type(closed).objects.filter(pk=closed.pk).update(is_open=False)
    made = [make.job(world.lead, world.project, data=[world.version]) for _ in range(3)]

    assert dispatching.dispatch_all() == 2
    states = [Job.objects.get(pk=one.pk).status for one in made]
    assert states == ["starting", "starting", "queued"]


def test_the_choice_costs_two_queries_at_most(world, host, django_assert_max_num_queries):
    for _ in range(5):
        queued(world.project, world.lead)
    free = free_on(host)
    with django_assert_max_num_queries(2):
        dispatching.next_for(free, timezone.now())
