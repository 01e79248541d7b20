"""The live log: from any byte on, in whole characters, ended with its attempt, asked for anew at each connection."""

import json
import time

import pytest
from django.http import Http404
from django.test import RequestFactory

from apps.audit.models import Event
from apps.core.errors import NotAllowed
from apps.jobs.actors import HOST
from apps.jobs.models import LogPiece
from apps.jobs.services import attempts
from apps.jobs.views import stream
from tests import factories_jobs as make


@pytest.fixture
def attempt(world, host):
    made = make.attempt(make.job(world.lead, world.project, data=[world.version], status="running"), host)
    for offset, content in ((0, b"epoch 1\n"), (8, "é\n".encode())):
        LogPiece.objects.create(attempt=made, offset=offset, content=content)
    return made


@pytest.fixture(autouse=True)
def _nothing_waits(monkeypatch):
    """Each look happens at once and in this thread, which holds the test's transaction and may have a loop already."""

    def at_once(look):
        async def looked(*words):
            return look(*words)

        return looked

    async def sleep(seconds):
        time.sleep(seconds)

    monkeypatch.setattr(stream, "sync_to_async", at_once)
    monkeypatch.setattr(stream.asyncio, "sleep", sleep)


def told(attempt, offset=0):
    """Each event that comes, as (byte after it, text); "over" at the end of an attempt that has ended."""

    async def gathered():
        return [piece async for piece in stream._pieces(attempt.pk, offset)]

    with pytest.raises(StopIteration) as done:
        gathered().send(None)
    events = []
    for piece in done.value.value:
        lines = dict(line.split(": ", 1) for line in piece.strip().split("\n") if ": " in line)
        if "id" in lines:
            events.append((int(lines["id"]), json.loads(lines["data"])))
        elif lines.get("event") == "over":
            events.append("over")
    return events


def over(attempt):
    attempts.end(attempt, by=HOST, ending=attempts.Ending("finished", exit_code=0))
    return attempt


@pytest.mark.parametrize(("offset", "expected"), [
    (0, [(11, "epoch 1\né\n"), "over"]), (8, [(11, "é\n"), "over"]), (11, ["over"]), (99, ["over"]),
])  # fmt: skip
def test_it_comes_from_any_byte_on_and_ends_with_its_attempt(attempt, offset, expected):
    assert told(over(attempt), offset) == expected


def test_while_it_runs_the_connection_ends_by_itself_and_is_asked_for_again(attempt, monkeypatch):
    monkeypatch.setattr(stream, "LONGEST", 0.2)
    monkeypatch.setattr(stream, "EVERY", 0.05)
    assert told(attempt) == [(11, "epoch 1\né\n")]


def test_half_a_character_waits_for_its_other_half(attempt, monkeypatch):
    monkeypatch.setattr(stream, "LONGEST", 0.2)
    monkeypatch.setattr(stream, "EVERY", 0.05)
    LogPiece.objects.create(attempt=attempt, offset=11, content="✓".encode()[:2])
    assert told(attempt) == [(11, "epoch 1\né\n")]
    LogPiece.objects.create(attempt=attempt, offset=13, content="✓".encode()[2:])
    assert told(attempt, 11) == [(14, "✓")]


def asked(member, attempt, **headers):
    request = RequestFactory().get("/", headers=headers)
    request.user = member
    return stream._opened(request, attempt.pk)


def test_whoever_may_read_it_is_recorded_each_time(world, attempt):
    assert asked(world.lead, attempt) == 0
    assert asked(world.lead, attempt, last_event_id="8") == 8
    assert asked(world.lead, attempt, last_event_id="²") == 0
    assert Event.objects.filter(event="jobs.log.viewed", outcome="success").count() == 3


def test_a_steward_is_refused_and_others_find_nothing(world, attempt):
    with pytest.raises(Http404):
        asked(world.manager, attempt)
    with pytest.raises(NotAllowed, match="team alone"):
        asked(world.steward, attempt)
