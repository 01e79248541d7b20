"""The oracle can see: what the gate would never let through, put into the tables by hand, is found."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from apps.alliance.models import Grant, Member, TrainingRecord, TrainingType
from apps.alliance.roles import Role
from apps.audit.ids import uuid7
from tests import recorded
from tests.rules.oracle import RULES, broken_rules
from tests.rules.settled import BEGAN, settle

pytestmark = pytest.mark.django_db
TODAY = "2027-01-05"
BY_CONSTRAINT = {"nobody gave a role to themselves"}  # the table itself takes no such row
BREACHES: dict[str, Callable[[], object]] = {}


@pytest.fixture(autouse=True)
def _settled(db):
    settle()
    assert broken_rules(TODAY) == []


def someone(name):
    return Member.objects.get(name=name)


def breach(rule):
    """Register a way to break this rule; the rule is named by how it begins."""

    def keep(act):
        BREACHES[rule] = act
        return act

    return keep


@breach("a center's role was given by its manager")
def given_from_elsewhere():
    Grant.history.filter(role=Role.SIGNING_OFFICIAL).update(granted_by=someone("A2"))


@breach("a role of the alliance was given by its manager")
def given_by_a_researcher():
    Grant.history.filter(role=Role.ALLIANCE_MANAGER, granted_by__isnull=False).update(granted_by=someone("B2"))


@breach("only the founding gave roles")
def given_by_nobody():
    Grant.history.filter(role=Role.SIGNING_OFFICIAL).update(granted_by=None)


@breach("the alliance never loses")
def nobody_runs_it_for_good():
    Grant.history.filter(role=Role.ALLIANCE_MANAGER).update(ends_at=datetime(2030, 1, 4, tzinfo=UTC))


@breach("a center's roles are with its own people")
def given_to_a_stranger():
    Grant.history.filter(role=Role.SIGNING_OFFICIAL).update(user=someone("A2"))


@breach("a role was given to somebody active")
def given_to_somebody_suspended():
    """Suspended before the role was given, by the record alone."""
    official = Grant.history.get(role=Role.SIGNING_OFFICIAL)
    happened(
        "alliance.member.suspended",
        by=someone("B1"),
        on=official.user,
        at=official.granted_at - (official.granted_at - BEGAN) / 1000,
    )


@breach("an auditor decided nothing")
def auditor_and_manager():
    Grant.history.filter(user=someone("B1"), role=Role.ALLIANCE_MANAGER).update(role=Role.AUDITOR)


@breach("one role is held once")
def held_twice():
    grant = Grant.history.get(role=Role.SIGNING_OFFICIAL)
    Grant.history.filter(pk=grant.pk).update(ended_at=grant.granted_at.replace(year=2030))
    grant.pk = None
    grant.id = uuid7()
    grant.save(force_insert=True)


@breach("whoever left holds nothing")
def left_with_roles():
    Member.objects.filter(name="B1").update(status="left")


@breach("whoever did something could act")
def acted_before_joining():
    happened("alliance.member.edited", by=someone("B1"), on=someone("B1"), at=BEGAN)


@breach("a center left by its own")
def left_by_the_alliances_word():
    happened("alliance.center.left", by=someone("A1"), on=someone("B1").center)


@breach("whoever joined was invited")
def joined_without_invitation():
    happened("alliance.member.joined", by=someone("B2"), on=someone("B2"), at=datetime(2027, 1, 4, 12, tzinfo=UTC))


@breach("a center's word came from its manager")
def vouched_from_elsewhere():
    someone("B2").vouches.update(vouched_by=someone("A2"))


@breach("training was decided by a manager")
def decided_from_elsewhere():
    at = datetime(2027, 1, 4, 12, tzinfo=UTC)
    proof = {"completed_on": at, "valid_until": at, "evidence_bytes": 3, "type": TrainingType.objects.get()}
    TrainingRecord.objects.create(
        member=someone("B2"), decided_by=someone("A2"), decided_at=at, status="accepted", **proof
    )


@breach("the standing of a center was decided")
def suspended_by_its_own():
    happened("alliance.center.suspended", by=someone("B1"), on=someone("B1").center)


@breach("people are looked after")
def suspended_by_themselves():
    happened("alliance.member.suspended", by=someone("B1"), on=someone("B1"))


@breach("the state of everything")
def moved_without_event():
    Member.objects.filter(name="B2").update(status="suspended")


@breach("there are as many changes as events")
def published_without_event():
    TrainingType.objects.create(name="T10", description="", lifetime_days=3)


def happened(event, *, by, on, at=datetime(2027, 1, 4, 20, tzinfo=UTC)):
    who = {"type": "person", "ref": str(by.pk), "roles": []}
    recorded.happened(event, at, actor=who, object={"type": on._meta.label_lower, "id": str(on.pk), "center": ""})


@pytest.mark.parametrize("rule", sorted(BREACHES))
def test_the_oracle_sees_the_breach(rule):
    BREACHES[rule]()

    assert [name for name, *_ in broken_rules(TODAY) if name.startswith(rule)]


def test_each_rule_has_a_breach():
    unseen = [rule for rule in RULES if not any(rule.startswith(begin) for begin in BREACHES)]

    assert set(unseen) == BY_CONSTRAINT
