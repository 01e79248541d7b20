"""Whoever can renew an agreement is told in time: each milestone once, late if its day was missed."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from apps.agreements.models import AgreementVersion
from apps.agreements.tasks import remind_of_endings
from apps.audit.models import Event
from apps.core.models import Notice
from tests.factories_agreements import drafted, in_force, sent

NOON = datetime(2027, 5, 4, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clock():
    with time_machine.travel(NOON, tick=False):
        yield


def bound(days, **facts):
    return in_force(drafted(ends_on=NOON.date() + timedelta(days=days), **facts))


def told():
    return [one.key.rpartition(":")[2] for one in Notice.objects.filter(key__startswith="ending:agreement")]


@pytest.mark.parametrize(
    ("days", "milestone"), [(60, 60), (59, 60), (30, 30), (14, 14), (13, 14), (7, 7), (1, 1), (0, 1)]
)
def test_both_officials_are_told_of_the_latest_milestone(db, days, milestone):
    version = bound(days)
    remind_of_endings()

    assert told() == [str(milestone)] * 2
    officials = {one.to.center_id for one in Notice.objects.filter(key__startswith="ending:agreement")}
    assert officials == {version.agreement.providing_id, version.agreement.receiving_id}


def test_the_managers_of_the_center_that_drafts_are_told_too(providing, manager):
    bound(7, providing=providing)
    remind_of_endings()

    assert Notice.objects.filter(to=manager).count() == 1


def test_nobody_is_told_too_early_twice_or_of_what_does_not_bind(db):
    bound(61)
    sent(drafted(ends_on=NOON.date() + timedelta(days=7)))
    bound(7)
    remind_of_endings()
    remind_of_endings()

    assert told() == ["7", "7"]
    assert Event.objects.filter(event="agreements.version.reminded").count() == 1


def test_nobody_is_told_of_what_a_signed_amendment_goes_on_from(db):
    version = bound(7)
    AgreementVersion.objects.filter(pk=version.pk).update(superseded_at=NOON + timedelta(days=7))

    remind_of_endings()

    assert told() == []


def test_after_weeks_without_the_clock_only_the_latest_milestone_is_told(db):
    bound(60)
    remind_of_endings()
    for left in (5, 4):
        with time_machine.travel(NOON + timedelta(days=60 - left), tick=False):
            remind_of_endings()

    assert sorted(told()) == ["60", "60", "7", "7"]
