from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisDown

from apps.alliance.signin import throttle
from tests.signin.ways import FIREFOX, PASSWORD, code, forget_codes, give_password, is_signed_in, person, seen, sign_in

pytestmark = pytest.mark.django_db


def at(address: str) -> Client:
    return Client(SERVER_NAME="localhost", REMOTE_ADDR=address, HTTP_USER_AGENT=FIREFOX)


@pytest.fixture
def no_limit_per_address(settings):
    """Leave the throttle per account and address alone at work."""
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "login": "9999/m/ip", "login_failed": "9999/m/ip"}


def test_a_hundred_wrong_passwords_are_slowed_down_after_five_and_the_owner_gets_in_elsewhere(no_limit_per_address):
    member = person()
    guesser, owner = at("203.0.113.9"), at("192.0.2.7")

    answers = [give_password(guesser, member.email, f"guess {n}").status_code for n in range(100)]

    assert answers == [200] * 5 + [429] * 95
    assert give_password(guesser, member.email).status_code == 429  # even the right one
    assert give_password(owner, member.email).status_code == 302


def test_a_throttled_address_may_try_again_after_five_minutes(no_limit_per_address):
    member = person()
    guesser = at("203.0.113.9")
    for n in range(6):
        give_password(guesser, member.email, f"guess {n}")

    with time_machine.travel(timezone.now() + timedelta(minutes=5, seconds=1)):
        assert give_password(guesser, member.email).status_code == 302


def test_a_throttled_answer_says_how_long_to_wait(no_limit_per_address):
    member = person()
    for n in range(5):
        give_password(at("203.0.113.9"), member.email, f"guess {n}")

    response = give_password(at("203.0.113.9"), member.email)

    assert response.status_code == 429
    assert response["Retry-After"] == "300"
    assert "Wait five minutes" in response.content.decode()
    assert seen("alliance.session.refused")[-1].reason.startswith("Too many tries")


def test_other_accounts_stay_open_from_a_throttled_address(no_limit_per_address):
    guessed, colleague = person(), person()
    for n in range(6):
        give_password(at("203.0.113.9"), guessed.email, f"guess {n}")

    assert give_password(at("203.0.113.9"), colleague.email).status_code == 302


def test_unknown_addresses_are_slowed_down_just_the_same(no_limit_per_address):
    answers = [give_password(at("203.0.113.9"), "nobody@x.example.org", "guess").status_code for _ in range(7)]

    assert answers == [200] * 5 + [429] * 2


def test_signing_in_rightly_is_never_counted(no_limit_per_address):
    member = person()

    assert [give_password(at("192.0.2.7"), member.email).status_code for _ in range(12)] == [302] * 12


def test_neighbours_in_one_ipv6_network_count_as_one_address(no_limit_per_address):
    member = person()

    answers = [give_password(at(f"2001:db8:1:2::{n}"), member.email, "guess").status_code for n in range(1, 8)]

    assert answers == [200] * 5 + [429] * 2
    assert give_password(at("2001:db8:1:3::1"), member.email).status_code == 302


def test_an_attack_from_everywhere_leaves_the_way_from_a_known_place_open(no_limit_per_address, monkeypatch):
    monkeypatch.setattr(throttle, "FROM_EVERYWHERE", 8)
    member = person()
    sign_in(at("192.0.2.7"), member)
    for n in range(20):
        give_password(at(f"203.0.113.{n}"), member.email, "guess")

    assert give_password(at("198.51.100.1"), member.email).status_code == 429
    assert give_password(at("192.0.2.7"), member.email).status_code == 302


def test_one_attacker_alone_never_reaches_the_bound_over_all_addresses(no_limit_per_address, monkeypatch):
    monkeypatch.setattr(throttle, "FROM_EVERYWHERE", 8)
    member = person()
    for n in range(50):
        give_password(at("203.0.113.9"), member.email, f"guess {n}")

    assert give_password(at("198.51.100.1"), member.email).status_code == 302


def test_one_address_can_not_spray_passwords_over_many_accounts():
    answers = [give_password(at("203.0.113.9"), f"{n}@x.example.org", "guess").status_code for n in range(30)]

    assert answers[:20] == [200] * 20
    assert set(answers[20:]) == {429}


def test_codes_are_slowed_down_too(client, other_client, no_limit_per_address):
    member = person()
    give_password(client, member.email)
    wrong = "000000" if code() != "000000" else "000001"

    answers = [client.post("/sign-in/second-factor/", {"code": wrong}).status_code for _ in range(7)]

    assert answers == [200] * 5 + [429] * 2
    assert client.post("/sign-in/second-factor/", {"code": code()}).status_code == 429
    give_password(other_client, member.email)
    forget_codes(member)
    assert other_client.post("/sign-in/second-factor/", {"code": code()}).status_code == 302


def test_guessing_the_password_in_a_stolen_session_is_slowed_down_too(client, no_limit_per_address):
    member = person(app=False)
    give_password(client, member.email)

    answers = [client.post("/prove/password/", {"password": "guess"}).status_code for _ in range(7)]

    assert answers == [200] * 5 + [429] * 2


def test_the_address_of_the_client_can_not_be_claimed_in_a_header(no_limit_per_address):
    member = person()

    answers = [
        give_password(
            at("203.0.113.9"), member.email, "guess", HTTP_X_FORWARDED_FOR=f"192.0.2.{n}", HTTP_X_REAL_IP=f"192.0.2.{n}"
        ).status_code
        for n in range(7)
    ]

    assert answers == [200] * 5 + [429] * 2


class DeadRedis:
    def __getattr__(self, name):
        def fail(*args, **kwargs):
            raise RedisDown("Error 111 connecting")

        return fail


def test_without_redis_nobody_gets_in_and_nothing_breaks(client, monkeypatch):
    member = person()
    monkeypatch.setattr("django.core.cache.backends.redis.RedisCacheClient.get_client", lambda *a, **k: DeadRedis())
    with pytest.raises(RedisDown):
        cache.get("x")

    response = give_password(client, member.email, PASSWORD)

    assert response.status_code == 503
    assert response["Retry-After"] == "10"
    monkeypatch.undo()
    assert not is_signed_in(client)


def test_without_redis_those_who_are_in_go_on(client, monkeypatch):
    sign_in(client, person())

    monkeypatch.setattr("django.core.cache.backends.redis.RedisCacheClient.get_client", lambda *a, **k: DeadRedis())

    assert is_signed_in(client)
    monkeypatch.undo()
