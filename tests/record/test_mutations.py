"""Generated bundles hold; broken ones never do, and both verifiers name the same first bad event (T12)."""

import random
from collections import Counter

import pytest

from tests.record import mutations


def check(judges, seed, rounds, per_base):
    dice, broken = random.Random(seed), Counter()
    for base in mutations.bases(dice, rounds):
        assert judges.judge(base.content, **base.more)["exit"] == 0
        for mutate in dice.sample(mutations.ALL, min(per_base, len(mutations.ALL))):
            one = mutate(dice, base)
            report = judges.judge(one.content, **one.more)
            assert report["exit"] in one.exits, (one.how, report)
            if one.index is not mutations.ANY and report["exit"] == 1:
                assert report["first_bad_index"] == one.index, (one.how, report)
            broken[one.how] += 1
    return broken


@pytest.mark.slow
def test_300_broken_bundles_are_found_by_both(judges):
    broken = check(judges, seed=1, rounds=30, per_base=10)
    assert sum(broken.values()) == 300
    assert len(broken) > 15


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 12))
def test_ten_thousand_broken_bundles_are_found_by_both(judges, seed):
    assert sum(check(judges, seed=seed, rounds=63, per_base=16).values()) > 1000
