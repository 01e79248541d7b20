"""Within a minute of its end, an access is written down as over, what ran on it hears so, and people are told once."""

import sys
from datetime import datetime, time, timedelta

import pytest
import time_machine
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from apps.alliance.models import Vouch
from apps.audit.models import Event
from apps.core.errors import WrongState
from apps.core.models import Notice
from apps.projects import held, tasks
from apps.projects.access import may_use
from apps.projects.actors import ACCESS_CLOCK
from apps.projects.ended import touched
from apps.projects.held import changes
from apps.projects.models import AccessInterval, TeamMember
from apps.projects.services import decisions, ending, proposals
from apps.projects.tasks import SWEEPING, keep_access
from tests.database import turn_clock
from tests.factories import arranged
from tests.projects.test_access import (
    close_project,
    revoke,
    suspend_center,
    suspend_member,
    suspend_project,
    terminate,
)
from tests.projects.world import accepted, agrees, in_days, joins, running


@pytest.fixture
def stopped(monkeypatch):
    """What a later app was asked to stop."""
    heard = []
    monkeypatch.setattr(ending, "HOOKS", [heard.extend])
    return heard


def events(name):
    return Event.objects.filter(event=name, outcome="success").count()


def notices(member):
    return Notice.objects.filter(to=member, key__startswith="access-ended:")


def test_it_looks_at_least_twice_a_minute():
    schedules = [one["schedule"] for one in settings.CELERY_BEAT_SCHEDULE.values() if one["task"] == keep_access.name]

    assert schedules
    assert max(schedules) <= 30


def test_an_access_that_began_is_written_down_once(world):
    keep_access()
    keep_access()

    (interval,) = AccessInterval.objects.all()
    assert (interval.member, interval.version, interval.until) == (world.lead, world.version, None)
    assert events("projects.access.begun") == 1


def test_a_look_that_was_killed_is_gone_on_with_and_then_begins_anew(world, monkeypatch):
    monkeypatch.setattr(held, "PROJECTS", 1)
    later = running(world)
    with monkeypatch.context() as patch:
        patch.setattr(tasks, "changes", lambda page: changes(page) if later.pk not in page else sys.exit())
        with pytest.raises(SystemExit):
            keep_access()
    assert [one.project_id for one in AccessInterval.objects.all()] == [world.project.pk]

    with arranged():
        TeamMember.objects.filter(project=world.project).update(until=timezone.now(), removed_by=world.manager)
    with monkeypatch.context() as patch:
        patch.setattr(tasks, "touched", lambda since: [])  # what the record tells of would be looked at first
        keep_access()
    assert AccessInterval.objects.filter(until=None).count() == 2, "it went on with the later one"

    keep_access()
    assert [one.project_id for one in AccessInterval.objects.filter(until=None)] == [later.pk]


RECORDED = [suspend_center, suspend_member, suspend_project, close_project, revoke, terminate]


@pytest.mark.parametrize("broken", RECORDED, ids=lambda act: act.__name__)
def test_what_the_record_tells_of_is_ended_before_the_whole_look_which_may_never_come_to_it(
    world, stopped, monkeypatch, broken
):
    running(world)
    keep_access()
    broken(world)
    concerned = {one.project_id for one in AccessInterval.objects.filter(until=None) if not _may_still(one)}
    assert world.project.pk in concerned

    with monkeypatch.context() as patch:
        patch.setattr(tasks, "pages", lambda after: sys.exit())
        with pytest.raises(SystemExit):
            keep_access()

    assert {one.project_id for one in stopped} == concerned
    assert set(AccessInterval.objects.filter(until=None).values_list("project", flat=True)).isdisjoint(concerned)


def _may_still(interval):
    return may_use(interval.member, interval.version.dataset, interval.project)


@pytest.mark.parametrize(
    ("days", "lacks"), [(201, "membership"), (251, "ethics"), (301, "approval"), (366, "training")]
)
def test_what_had_its_last_day_is_looked_at_first_on_the_day_after(world, days, lacks):
    with arranged():
        if days > 201:
            Vouch.objects.filter(member=world.lead).update(ends_on=in_days(900))
    keep_access()
    midnight = datetime.combine(in_days(days), time.min, tzinfo=timezone.get_default_timezone())

    with time_machine.travel(midnight, tick=False):
        assert touched(midnight - timedelta(seconds=30)) == [world.project.pk]
        assert lacks in {line.key for line in may_use(world.lead, world.dataset, world.project).missing}
    with time_machine.travel(midnight + timedelta(hours=1), tick=False):
        assert touched(midnight + timedelta(minutes=30)) == [], "the day after begins only once"


def test_an_end_while_the_whole_look_goes_on_does_not_wait_for_its_end(world, stopped, monkeypatch):
    monkeypatch.setattr(held, "PROJECTS", 1)
    other = running(world)
    keep_access()
    first, later = sorted([world.project, other], key=lambda one: one.pk)
    seen = []

    def looked_at(page):
        seen.append(list(page))
        if page == [first.pk] and len(seen) == 1:
            decisions.suspend(later, by=world.manager, reason="A question.")
            return {}
        return changes(page)

    monkeypatch.setattr(tasks, "OVERLAP", timedelta(0))
    monkeypatch.setattr(tasks, "changes", looked_at)
    with time_machine.travel(timezone.now() + timedelta(minutes=20), tick=True):
        cache.set(tasks.LOOKED, timezone.now().isoformat(), None)
        keep_access()

    assert seen == [[first.pk], [later.pk]], "at once, and not again in its turn, since nothing of it is open any more"
    assert [one.project_id for one in stopped] == [later.pk]


def test_the_end_of_a_tasks_time_is_no_fault_of_the_project_and_ends_the_look(world, monkeypatch):
    keep_access()
    decisions.suspend(world.project, by=world.manager, reason="A question.")

    def too_long(ended):
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(ending, "HOOKS", [too_long])
    with pytest.raises(SoftTimeLimitExceeded):
        keep_access()
    assert AccessInterval.objects.filter(until=None).exists()

    monkeypatch.setattr(ending, "HOOKS", [])
    keep_access()
    assert not AccessInterval.objects.filter(until=None).exists()


def test_one_look_at_a_time(world):
    cache.add(SWEEPING, 1, 60)
    keep_access()
    assert not AccessInterval.objects.exists()

    cache.delete(SWEEPING)
    keep_access()
    assert AccessInterval.objects.exists()


def test_a_look_that_broke_off_does_not_hinder_the_next(world, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(tasks, "changes", lambda page: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            keep_access()

    keep_access()
    assert AccessInterval.objects.exists()


def test_an_end_by_its_date_is_seen_the_next_time_with_nobody_doing_anything(world, stopped):
    keep_access()
    midnight = datetime.combine(in_days(201), time.min, tzinfo=timezone.get_default_timezone())
    with time_machine.travel(midnight - timedelta(seconds=1), tick=False):
        keep_access()
        assert stopped == []
    with time_machine.travel(midnight, tick=False):
        keep_access()
        keep_access()

    (interval,) = stopped
    assert (interval.member, interval.lacks) == (world.lead, ["membership"])
    assert AccessInterval.objects.get().until == midnight
    assert events("projects.access.ended") == 1


def test_the_person_is_told_once_what_is_missing(world):
    keep_access()
    with arranged():
        Vouch.objects.filter(member=world.lead).update(ended_at=timezone.now())
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=False):
        keep_access()
        keep_access()

    (notice,) = notices(world.lead)
    assert "Home vouches for you" in notice.text


def test_the_lead_hears_of_a_colleague(world):
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=False) as clock:
        joins(world, world.colleague, clock)
        agrees(world)
        accepted(world.colleague, world.version)
        keep_access()
        clock.shift(timedelta(minutes=2))
        proposals.remove_from_team(world.project, by=world.lead, member=world.colleague)
        keep_access()

    assert AccessInterval.objects.get(member=world.colleague).lacks == ["team"]
    assert AccessInterval.objects.get(member=world.lead).until is None
    assert notices(world.colleague).count() == notices(world.lead).count() == 1


def test_a_factor_that_was_removed_ends_it(world, stopped):
    from allauth.mfa.models import Authenticator

    keep_access()
    turn_clock(timezone.now())
    Authenticator.objects.filter(user=world.lead).delete()
    keep_access()

    assert [one.lacks for one in stopped] == [["factor"]]


def test_whoever_was_told_the_reason_by_a_person_is_not_told_again(world, stopped):
    keep_access()
    decisions.revoke(world.request, by=world.steward, reason="Consent was withdrawn.")
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=False):
        keep_access()

    assert len(stopped) == 1
    assert not notices(world.lead).exists()


def test_a_suspended_project_stops_and_goes_on_with_a_new_interval(world, stopped):
    keep_access()
    decisions.suspend(world.project, by=world.manager, reason="A question.")
    keep_access()
    assert [one.lacks for one in stopped] == [["project"]]
    decisions.reinstate(world.project, by=world.manager, reason="Answered.")
    keep_access()

    assert AccessInterval.objects.filter(until=None).count() == 1
    assert AccessInterval.objects.exclude(until=None).count() == 1


def test_a_hook_that_breaks_takes_its_ending_back_and_the_sweep_goes_on_to_the_next_project(world, monkeypatch, caplog):
    other = running(world)
    keep_access()
    for project in (world.project, other):
        decisions.suspend(project, by=world.manager, reason="A question.")
    first = min(world.project.pk, other.pk)

    def broken(ended):
        if ended[0].project_id == first:
            raise RuntimeError("nothing to stop it with")

    monkeypatch.setattr(ending, "HOOKS", [broken])
    keep_access()
    assert set(AccessInterval.objects.filter(until=None).values_list("project", flat=True)) == {first}
    assert f"end broke off for project {first}" in caplog.text
    monkeypatch.setattr(ending, "HOOKS", [])
    keep_access()

    assert not AccessInterval.objects.filter(until=None).exists()


def test_where_nothing_changed_there_is_nothing_to_write_down(world):
    keep_access()

    with pytest.raises(WrongState, match="began"):
        ending.begin(world.project, by=ACCESS_CLOCK)
    with pytest.raises(WrongState, match="ended"):
        ending.end(world.project, by=ACCESS_CLOCK)
