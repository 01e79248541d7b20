"""What a request may send, and how values lie in Redis: bounded before anything is stored, and never pickle."""

import pickle

import pytest
from django.conf import settings
from django.core.cache import cache
from redis import Redis

from apps.core.bodies import bounded
from tests.loops import ended


async def reader(scope, receive, send):
    """An application that reads its body to the end and says 200."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})


def status_of(chunks, *, announced=None):
    async def ask():
        waiting, sent = list(chunks), []

        async def receive():
            body = waiting.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(waiting)}

        async def send(message):
            sent.append(message)

        headers = [] if announced is None else [(b"content-length", str(announced).encode())]
        await bounded(reader, largest=10)({"type": "http", "headers": headers}, receive, send)
        return sent[0]["status"]

    return ended(ask())


@pytest.mark.parametrize(
    ("chunks", "announced", "status"),
    [
        ([b"1234567890"], 10, 200),
        ([b""], 11, 413),
        ([b"123456", b"12345"], None, 413),
        ([b"12345", b"12345"], None, 200),
    ],
)
def test_a_body_over_the_bound_is_refused_announced_or_not(chunks, announced, status):
    assert status_of(chunks, announced=announced) == status


@pytest.mark.parametrize("value", [1, True, None, "a", [1, {"b": "c"}]])
def test_what_the_cache_keeps_comes_back_as_it_was(value):
    cache.set("kept", value)

    assert cache.get("kept") == value
    assert type(cache.get("kept")) is type(value)


def test_a_pickle_that_somebody_put_into_redis_is_not_opened():
    with Redis.from_url(settings.CACHES["default"]["LOCATION"]) as far:
        far.set(cache.make_key("planted"), pickle.dumps({"a": 1}))

    with pytest.raises(ValueError):
        cache.get("planted")
