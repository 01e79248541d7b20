"""Where each history of projects begins: three centers with data and people, and a project of each on its way."""

from datetime import UTC, datetime, timedelta
from itertools import product

import time_machine

from apps.alliance.roles import Role
from apps.projects.models import AccessRequest
from apps.projects.services import decisions
from tests.factories import CenterFactory, TrainingTypeFactory, alliance, holder
from tests.projects.world import GRU, PURPOSE, able, accepted, agreed, approve, in_days, proposed, published

BEGAN = datetime(2027, 1, 4, 9, tzinfo=UTC)
HEALTH = [{"code": "DUO:0000006"}]
TOGETHER = [{"code": "DUO:0000042"}, {"code": "DUO:0000020"}]


def settle():
    """Three centers with data and people, agreements between all of them; a project each: running, decided, waiting."""
    with time_machine.travel(BEGAN, tick=False) as turn:
        holder(Role.ALLIANCE_MANAGER, alliance(), center=CenterFactory(short_name="Runners"))
        training = TrainingTypeFactory(required_of_all=True)
        homes = [CenterFactory(short_name=name) for name in ("Alder", "Birch", "Cedar")]
        officials, stewards, leads, versions = {}, {}, [], []
        for home, terms, quorum in zip(homes, (GRU, HEALTH, TOGETHER), (1, 2, 1), strict=True):
            manager = holder(Role.CENTER_MANAGER, home)
            officials[home.pk] = holder(Role.SIGNING_OFFICIAL, home)
            stewards[home.pk] = [holder(Role.DATA_STEWARD, home) for _ in range(2)]
            lead, _ = (able(home, manager, training) for _ in range(2))
            leads.append(lead)
            versions.append(published(home, stewards[home.pk][0], terms=terms, quorum=quorum))
        for version, home in product(versions, homes):
            owner = version.dataset.center
            if owner != home:
                turn.shift(timedelta(seconds=1))
                both = officials[owner.pk], officials[home.pk]
                agreed(owner, home, *both, version.dataset, name=f"{owner.pk}{home.pk}")
        for place, lead in enumerate(leads):
            turn.shift(timedelta(seconds=1))
            version = versions[(place + 1) % 3]
            project = proposed(lead, version, purpose=PURPOSE | {"collaborates": True})
            turn.shift(timedelta(seconds=1))
            for steward in stewards[version.dataset.center_id] if place < 2 else ():
                turn.shift(timedelta(seconds=1))
                decide_yes(project, steward)
            turn.shift(timedelta(seconds=1))
            if place == 0:
                decisions.start(project, by=lead)
                accepted(lead, version)


def decide_yes(project, steward):
    """The steward's yes, where one is still missing."""
    if request := project.requests.filter(status=AccessRequest.Status.WAITING).first():
        approve(request, by=steward, ends_on=in_days(200))
