"""Whether the time of an answer tells a known address from an unknown one (ASVS 6.3.8)."""

import itertools
import random
import statistics
import time

import pytest
from django.test import Client

from tests.signin.ways import person

pytestmark = [pytest.mark.django_db, pytest.mark.long]

TIMINGS = 500
SURE = 0.01


def rank_test(first: list[float], second: list[float]) -> float:
    """Two-sided p of the Mann-Whitney U test, by its normal approximation, which is good from 20 values on."""
    ranked = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    ranks = sum(rank for rank, (_, side) in enumerate(ranked, start=1) if side == 0)
    n, m = len(first), len(second)
    u = ranks - n * (n + 1) / 2
    z = (u - n * m / 2) / (n * m * (n + m + 1) / 12) ** 0.5
    return 2 * (1 - statistics.NormalDist().cdf(abs(z)))


@pytest.fixture
def production_hasher(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    settings.ACCOUNT_RATE_LIMITS = dict.fromkeys(settings.ACCOUNT_RATE_LIMITS, "999999/m/ip")


HOSTS = (f"10.{a}.{b}.1" for a, b in itertools.product(range(250), repeat=2))


def told_apart(path: str, status: int, known: list[dict[str, str]], unknown: list[dict[str, str]]) -> bool:
    """Whether two runs in a row see a difference; one in a hundred runs sees one by chance."""
    return all(_compared(path, status, known, unknown) < SURE for _ in range(2))


def _compared(path: str, status: int, known: list[dict[str, str]], unknown: list[dict[str, str]]) -> float:
    """Ask for both in turn from ever new addresses, so that no throttle is in the way; the p of no difference."""
    times: dict[str, list[float]] = {"known": [], "unknown": []}
    for turn in range(TIMINGS + 20):
        for side, given in random.sample([("known", known), ("unknown", unknown)], 2):
            client = Client(SERVER_NAME="localhost", REMOTE_ADDR=next(HOSTS))
            started = time.perf_counter()
            answer = client.post(path, given[turn % len(given)])
            taken = time.perf_counter() - started
            assert answer.status_code == status
            if turn >= 20:  # the first warm up
                times[side].append(taken)
    return rank_test(times["known"], times["unknown"])


def test_the_rank_test_sees_a_difference_where_there_is_one():
    noise = random.Random(2)
    base = [noise.gauss(20, 2) for _ in range(TIMINGS)]
    same = [noise.gauss(20, 2) for _ in range(TIMINGS)]
    other = [noise.gauss(20.6, 2) for _ in range(TIMINGS)]

    assert rank_test(base, same) > SURE
    assert rank_test(base, other) < SURE


def told_apart_twice(*asked):
    """What tells two kinds of people apart does so each time; a busy neighbour on the machine does not."""
    return told_apart(*asked) and told_apart(*asked)


def test_the_time_of_a_refused_sign_in_does_not_tell_who_is_a_member(production_hasher):
    members = [person() for _ in range(20)]
    known = [{"login": member.email, "password": "not the password"} for member in members]
    unknown = [{"login": f"x{member.email}", "password": "not the password"} for member in members]

    assert not told_apart_twice("/sign-in/", 200, known, unknown)


def test_the_time_of_asking_for_a_link_does_not_tell_who_is_a_member(production_hasher):
    members = [person() for _ in range(20)]
    known = [{"email": member.email} for member in members]
    unknown = [{"email": f"x{member.email}"} for member in members]

    assert not told_apart_twice("/password/forgotten/", 302, known, unknown)
