"""Rules that stand twice, since a lower app can't ask the access decision: over invented months both say the same."""

from datetime import timedelta
from itertools import product

import pytest
import time_machine
from django.utils import timezone

from apps.agreements.selectors import acceptance_of, in_force_between, terms_for
from apps.alliance.models import Member, TrainingRecord, TrainingType
from apps.catalog.models import DatasetVersion
from apps.catalog.needs import needs_of
from apps.core.errors import PortalError
from apps.projects.access import decided
from apps.projects.facts import Asked, facts_of
from apps.projects.models import Project
from tests.factories import TrainingRecordFactory
from tests.projects.settled import BEGAN
from tests.projects.test_oracle import (
    Nothing,
    Year,
    _accept,
    _amend,
    _ask_training,
    _end_word,
    _retire_training,
    _stand_center,
    _terminate,
    _train,
    _vouch,
)
from tests.projects.world import accepted, in_days, proposed


def _renew(year):
    """Newer proof waits while the older is still valid."""
    member, kind = year.one_of(year.people), year.one_of(TrainingType.objects.filter(status="published"))
    if TrainingRecord.objects.filter(member=member, type=kind, status="submitted").exists():
        raise Nothing
    TrainingRecordFactory(member=member, type=kind, valid_until=in_days(300))


ACTS = [_accept, _amend, _ask_training, _end_word, _renew, _retire_training, _stand_center, _terminate, _train, _vouch]


def agreements_alike(asked, at):
    """Agreement and acceptance by facts.sql and by the agreements' own selectors; how many of each there were."""
    found = [0, 0]
    for one, facts in zip(asked, facts_of(asked, at), strict=True):
        member = Member.objects.select_related("center").get(pk=one.member)
        version = DatasetVersion.objects.select_related("dataset").get(dataset=one.dataset)
        agreed = None
        if version.dataset.center_id != member.center_id:
            agreed = in_force_between(version.dataset.center_id, member.center_id, one.dataset, at)
        given = acceptance_of(member, version, agreed, at)
        assert facts.agreement == (agreed and agreed.pk), (one, at)
        assert facts.acceptance == (given and given.pk), (one, at)
        found = [found[0] + bool(agreed), found[1] + bool(given)]
    return found


def needs_alike(asked, at):
    """Center, membership and training by the access decision and by what a dataset's page says; how many were met."""
    met = 0
    for one, facts in zip(asked, facts_of(asked, at), strict=True):
        member = Member.objects.select_related("center").get(pk=one.member)
        version = DatasetVersion.objects.select_related("dataset__center").get(dataset=one.dataset)
        lines = {line.key: line for line in decided(facts, at).lines}
        needs = needs_of(member, version.dataset, version)
        center, membership, training = needs[:3]
        said = (center.met, membership.met, training.met)
        assert said == tuple(lines[key].met for key in ("center", "membership", "training")), (one, at)
        assert any(need.words == "Agreement in force" for need in needs) != facts.is_own_data
        met += sum(said)
    return met


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_both_readers_say_the_same(db, seed):
    with time_machine.travel(BEGAN, tick=False) as clock:
        year = Year(seed)
        for person, version in product(year.people, year.versions):
            if terms_for(person, version):
                accepted(person, version)
        for center in year.centers:
            lead = next(one for one in year.people if one.center_id == center.pk)
            for version in year.versions:
                proposed(lead, version, submit=False)
        asked = [
            Asked(member.pk, project.pk, version.dataset_id)
            for member, version in product(year.people, year.versions)
            for project in Project.objects.filter(center=member.center_id, requests__version=version)
        ]
        seen, met = [], 0
        for step in range(120):
            clock.shift(timedelta(minutes=year.chance.randrange(1, 900)))
            try:
                year.chance.choice(ACTS)(year)
            except (PortalError, Nothing):
                continue
            at = timezone.now() + timedelta(seconds=1)
            clock.move_to(at)
            seen.append(at)
            if step % 6 == 0:
                met += needs_alike(asked, at)
        counts = [agreements_alike(asked, at) for at in year.chance.sample(seen, 12)]
    assert met > 50, "some of it held"
    assert sum(agreed for agreed, _ in counts) > 20
    assert sum(given for _, given in counts) > 20
