"""Many short lists by one query, read back as what they are."""

import pytest
from django.utils import timezone

from apps.alliance.models import Member, TrainingRecord
from apps.core.together import Few, together
from tests.factories import MemberFactory, TrainingRecordFactory

pytestmark = pytest.mark.django_db


def test_each_list_keeps_its_order_its_bound_and_its_types(django_assert_num_queries):
    people = [MemberFactory(name=name, joined_at=timezone.now()) for name in ("Cara", "Abel", "Bela")]
    record = TrainingRecordFactory(member=people[0])
    named = Member.objects.order_by("name")

    with django_assert_num_queries(1):
        found = together(
            people[0],
            people=Few(named, "pk", "name", "joined_at", "vouched_until", most=2),
            proofs=Few(TrainingRecord.objects.order_by("pk"), "member__center__short_name", "valid_until", most=5),
            nobody=Few(named.none(), "pk", most=5),
        )

    assert [(one.pk, one.name) for one in found["people"]] == [(people[1].pk, "Abel"), (people[2].pk, "Bela")]
    assert (found["people"][0].joined_at, found["people"][0].vouched_until) == (
        people[1].joined_at,
        people[1].vouched_until,
    )
    (proof,) = found["proofs"]
    assert (proof.member.center.short_name, proof.valid_until) == (str(people[0].center), record.valid_until)
    assert found["nobody"] == []
