"""Who may send a large body: whoever has the word of an upload's page, in time, and nobody else."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.utils import timezone

from apps.catalog.models import DatasetVersion
from apps.catalog.rooms import room_for, room_of
from apps.core.bodies import LARGEST, bounded
from tests.factories import MemberFactory

PATH = "/datasets/some/versions/1/upload/"


def scope(word, **changes):
    return {"method": "POST", "path": PATH, "query_string": f"room={word}".encode(), **changes}


def word():
    return room_for(MemberFactory.build(center=None, email="steward@owner.example.org"), DatasetVersion())


def test_the_word_of_the_page_lets_much_in(settings):
    settings.UPLOAD_LARGEST = 7 * LARGEST

    assert room_of(scope(word())) == 7 * LARGEST


def test_without_it_nobody_sends_more_than_others():
    good = word()
    for said in ("", "x", good[:-1], f"x{good}", good.split(":")[0]):
        assert room_of(scope(said)) == 0
    assert room_of({"method": "POST", "path": PATH}) == 0
    assert room_of(scope(good, path="/people/")) == 0
    assert room_of(scope(good, method="PUT")) == 0
    assert room_of({**scope(good), "query_string": b"\xff\xfe=&room"}) == 0


def test_it_is_good_for_a_session_s_length(settings):
    good = word()
    with time_machine.travel(timezone.now() + settings.SESSION_LIFETIME * 1.01):
        assert room_of(scope(good)) == 0


def asked(said, body):
    """The status of a POST of so many bytes to an application that reads them all."""

    async def reads_all(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def ask():
        whole = {"type": "http", "headers": [(b"content-length", str(len(body)).encode())], **scope(said)}
        communicator = ApplicationCommunicator(bounded(reads_all, more=room_of), whole)
        await communicator.send_input({"type": "http.request", "body": body, "more_body": False})
        return (await communicator.receive_output(5))["status"]

    with ThreadPoolExecutor(1) as apart:  # a browser's test may have left its loop in this thread
        return apart.submit(async_to_sync(ask)).result()


@pytest.mark.parametrize(("size", "with_word", "without"), [(LARGEST, 204, 204), (LARGEST + 1, 204, 413)])
def test_only_the_word_lets_a_large_body_through_the_door(settings, size, with_word, without):
    settings.UPLOAD_LARGEST = LARGEST

    assert asked(word(), b"x" * size) == with_word
    assert asked("", b"x" * size) == without


def test_even_with_the_word_there_is_a_bound(settings):
    settings.UPLOAD_LARGEST = 1

    assert asked(word(), b"x" * (LARGEST + 2)) == 413
