"""Bytes to the browser: counted, told at one threshold, ended at the other, opened again by the host alone."""

import asyncio
import contextlib

import pytest
from aiohttp import ClientError, WSMsgType
from hypothesis import given
from hypothesis import strategies as st

from gateway.meter import Meter
from gateway.settings import Meter as Limits
from tests.gateway.world import FETCH, MB, PAGE, PREFIX, RawServer, World


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def test_it_warns_once_and_pauses_before_too_much_has_gone():
    meter = Meter(Limits(warn=50, pause=100, window_seconds=60), Clock())

    assert [meter.take(20) for _ in range(6)] == [None, None, "warned", None, None, "paused"]
    assert (meter.window(), meter.total, meter.paused) == (100, 100, True)


def test_the_window_slides_and_warns_anew():
    clock = Clock()
    meter = Meter(Limits(warn=50, pause=100, window_seconds=60), clock)
    assert meter.take(60) == "warned"
    clock.now += 62
    assert meter.window() == 0
    assert meter.take(10) is None
    assert meter.take(50) == "warned"
    assert meter.total == 120


def test_what_paused_stays_paused_until_somebody_resumes():
    clock = Clock()
    meter = Meter(Limits(warn=50, pause=100, window_seconds=60), clock)
    meter.take(101)
    clock.now += 1000

    assert meter.take(1) == "paused"
    meter.resume()
    assert meter.take(1) is None


@given(st.lists(st.tuples(st.integers(0, 60), st.floats(0, 30)), max_size=60))
def test_no_window_ever_holds_more_than_the_pause(pieces):
    clock, gone = Clock(), []
    meter = Meter(Limits(warn=50, pause=100, window_seconds=60), clock)
    for size, later in pieces:
        clock.now += later
        if meter.take(size) != "paused":
            gone.append((clock.now, size))
        assert sum(one for at, one in gone if at > clock.now - 59) <= 100


def test_it_needs_no_more_memory_however_long_it_runs():
    clock = Clock()
    meter = Meter(Limits(warn=10**9, pause=10**10, window_seconds=60), clock)
    for _ in range(10_000):
        clock.now += 0.1
        meter.take(1)

    assert len(meter._steps) <= 61


SMALL = {"warn": 2 * MB, "pause": 3 * MB}
BIG = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % MB + b"x" * MB


async def test_warned_paused_resumed():
    async with World(RawServer.saying(BIG), meter=SMALL) as world:
        await world.sign_in()
        statuses = [(await world.get("api/contents")).status for _ in range(3)]
        with contextlib.suppress(ClientError):
            await world.get("api/contents")
        paused = await world.get("lab", headers=PAGE)
        figures = await world.host("GET", "figures")
        await world.host("POST", "resume")
        again = await world.get("api/contents")

        assert statuses == [200, 200, 200]
        assert (paused.status, figures["paused"], figures["bytes_out"]) == (403, True, 3 * MB)
        assert "Whoever looks after the data has been told" in paused.text
        assert again.status == 200
        assert [(one["kind"], one["window"]) for one in world.events("warned", "paused", "resumed")] == [
            ("warned", 3600), ("paused", 3600), ("resumed", 3600)
        ]  # fmt: skip


@pytest.mark.parametrize("how", ["pause", "close"])
async def test_the_host_ends_websockets_and_bodies_at_once(how):
    async def slowly(server, reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            writer.write(b"x")
            await asyncio.sleep(0.02)

    async with World() as world:
        await world.sign_in()
        async with world.socket() as socket:
            await world.host("POST", how, json={"reason": "The agreement has ended."})
            message = await socket.receive(timeout=30)
        answer = await world.get("lab", headers=PAGE)

        assert (message.type, message.data) == (WSMsgType.CLOSE, 4403)
        assert answer.status == {"pause": 403, "close": 503}[how]
        assert ("The agreement has ended." in answer.text) == (how == "close")
    async with World(RawServer(slowly)) as world:
        await world.sign_in()
        async with world.browser.get(f"{PREFIX}api/me", headers=FETCH) as begun:
            assert begun.status == 200
            await world.host("POST", how, json={"reason": "x"})
            with pytest.raises(ClientError):
                await asyncio.wait_for(begun.read(), 10)


async def test_what_is_closed_stays_closed():
    async with World() as world:
        await world.sign_in()
        await world.host("POST", "close", json={"reason": "Your access <b>has ended</b>."})
        await world.host("POST", "resume")

        for path, headers in (
            ("lab", PAGE),
            ("api/me", {}),
            ("static/lab/main.js", {}),
            ("oauth_callback?code=1", PAGE),
        ):
            answer = await world.get(path, headers=headers)
            assert answer.status == 503
            assert "<b>" not in answer.text or headers == {}
        assert world.server.asked == []


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"reason": ""}', b'{"reason": 5}', b"\xff"])
async def test_a_close_without_a_reason_is_no_close(body):
    async with World() as world:
        await world.host("POST", "close", data=body)

        assert (await world.host("GET", "figures"))["closed"] is None
