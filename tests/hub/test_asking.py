"""How the Hub asks the host: once more where it does not answer for a moment, and with words where it stays away."""

import asyncio
import json

import pytest

from hub.spawner import HostDown, HostSpawner
from tests.loops import ended

pytestmark = pytest.mark.slow


async def _answer(reader, writer):
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    said = json.dumps({"asked": head.split()[:2]}).encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n")
    writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(said), said))
    await writer.drain()
    writer.close()


def test_a_host_that_is_away_for_half_a_second_is_asked_again(tmp_path):
    socket = tmp_path / "host.sock"

    async def asked():
        asking = asyncio.create_task(HostSpawner(host_socket=str(socket))._ask("GET", "/runs/x"))
        await asyncio.sleep(0.5)
        assert not asking.done(), "it gave up at once"
        async with await asyncio.start_unix_server(_answer, socket):
            return await asking

    assert ended(asked()) == (200, {"asked": ["GET", "/runs/x"]})


def test_a_host_that_stays_away_is_told_in_words(tmp_path):
    with pytest.raises(HostDown, match="The host of this machine does not answer"):
        ended(HostSpawner(host_socket=str(tmp_path / "host.sock"))._ask("GET", "/runs/x"))


def test_a_run_whose_host_is_away_is_not_taken_for_ended(tmp_path):
    spawner = HostSpawner(host_socket=str(tmp_path / "host.sock"))
    spawner.run = "x"

    assert ended(spawner.poll()) is None
