"""The demo's agreements: told once, in every state, by people who may."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from apps.agreements import selectors
from apps.agreements.demo import Story
from apps.agreements.demo_words import AGREEMENTS, TEXT
from apps.agreements.models import Agreement, AgreementVersion, Signature
from apps.agreements.texts import broken_blanks
from apps.alliance.demo_story import on_day
from apps.alliance.models import Center
from apps.alliance.roles import Role
from apps.audit.models import Event, Outcome
from tests.factories import CenterFactory, alliance, holder
from tests.factories_agreements import dataset, official


@pytest.fixture
def today():
    """When it is told: one moment for all that a test looks at."""
    return timezone.now()


@pytest.fixture
def four(db, today):
    """The demo's centers with their people, who were there long before."""
    with on_day(today - timedelta(days=300)):
        holder(Role.ALLIANCE_MANAGER, alliance())
        centers = [CenterFactory(short_name=name) for name in ("Fred Hutch", "Dana-Farber", "MSK", "Johns Hopkins")]
        for center in centers:
            holder(Role.CENTER_MANAGER, center)
            official(center)
    return centers


@pytest.fixture
def told(four, today):
    for days in (200, 50):
        with on_day(today - timedelta(days=days)):
            for center in four:
                dataset(center)
    return list(Story(today).tell())


@pytest.mark.slow
def test_it_tells_every_state_and_nothing_is_refused(told):
    assert len(told) == len(AGREEMENTS)
    assert set(AgreementVersion.objects.values_list("status", flat=True)) == set(AgreementVersion.Status.values)
    assert not Event.objects.exclude(outcome=Outcome.SUCCESS).exists()
    recalled = AgreementVersion.objects.get(status="draft", edition=1)
    assert recalled.reason
    assert any(len(selectors.unsigned_by(one)) == 1 for one in selectors.out_for_signature(_center("MSK").pk))


@pytest.mark.slow
def test_an_amendment_brings_in_what_was_published_since(told):
    newest = AgreementVersion.objects.get(number=3)
    assert newest.status == "in_force"
    assert newest.datasets.count() > newest.agreement.versions.get(number=1).datasets.count()


@pytest.mark.slow
def test_told_again_nothing_happens(told, settings):
    settings.DEMO = True
    before = (Agreement.objects.count(), Signature.objects.count(), Event.objects.count())

    call_command("load_demo_agreements", verbosity=0)

    assert (Agreement.objects.count(), Signature.objects.count(), Event.objects.count()) == before


def test_where_nothing_is_shared_nothing_is_agreed_on(four, today):
    assert all("shares no data yet" in line for line in Story(today).tell())
    assert not Agreement.objects.exists()


def test_the_words_have_no_broken_blank():
    assert broken_blanks(TEXT) == []


def _center(name):
    return Center.objects.get(short_name=name)
