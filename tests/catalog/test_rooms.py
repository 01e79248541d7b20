"""Who may send a large body: whoever has the word of an upload's page, in time, and nobody else."""

import time_machine
from django.utils import timezone

from apps.catalog.models import DatasetVersion
from apps.catalog.rooms import room_for, room_of
from apps.core.bodies import LARGEST
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
