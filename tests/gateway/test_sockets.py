"""Websockets in both directions: passed on as they are, recorded before they are passed on, counted, ended."""

import asyncio
import contextlib
import hashlib
import json

import pytest
from aiohttp import WSMsgType, web

from gateway.kernel_messages import V1
from tests.gateway.test_kernel_messages import as_v1, message
from tests.gateway.world import KERNEL, MB, Server, World


async def test_messages_pass_both_ways_as_they_are():
    async with World() as world:
        await world.sign_in()
        async with world.socket() as socket:
            await socket.send_str(json.dumps(message(code="1+1")))

            assert json.loads((await socket.receive(timeout=30)).data) == message(code="1+1")
        assert (await world.host("GET", "figures"))["bytes_out"] > 100


async def test_the_binary_protocol_is_agreed_on_and_passed_on():
    server = Server()
    server.protocol = V1
    async with World(server) as world:
        await world.sign_in()
        async with world.socket(protocols=(V1,)) as socket:
            await socket.send_bytes(as_v1(message(code="6*7"), (b"\0" * 100,)))

            assert socket.protocol == V1
            assert (await socket.receive(timeout=30)).data == as_v1(message(code="6*7"), (b"\0" * 100,))
        assert [one["code"] for one in world.events("cell")] == ["6*7"]


async def test_a_cell_is_on_the_disk_before_the_kernel_has_it():
    async with World() as world:
        await world.sign_in()
        seen = []
        world.server.heard = type("Heard", (list,), {"append": lambda _, __: seen.append(world.events("cell"))})()
        async with world.socket() as socket:
            await socket.send_str(json.dumps(message(code="secret = 1")))
            await socket.receive(timeout=30)

        digest = hashlib.sha256(b"secret = 1").hexdigest()
        (cell,) = seen[0]
        assert {**cell, "at": ""} == {
            "at": "",
            "kind": "cell",
            "kernel": KERNEL,
            "code": "secret = 1",
            "sha256": digest,
        }


async def test_long_code_is_cut_in_the_report_and_whole_for_the_kernel():
    async with World() as world:
        await world.sign_in()
        async with world.socket() as socket:
            await socket.send_str(json.dumps(message(code="x" * 300_000)))
            await socket.receive(timeout=30)

        assert len(world.server.heard[0]) > 300_000
        (cell,) = world.events("cell")
        assert len(cell["code"]) < 100_100
        assert cell["sha256"] == hashlib.sha256(b"x" * 300_000).hexdigest()


@pytest.mark.parametrize("frame", ["{}", "no json", json.dumps(message(code=["1"]))])
async def test_a_message_that_cannot_be_read_does_not_pass(frame):
    async with World() as world:
        await world.sign_in()
        async with world.socket() as socket:
            await socket.send_str(frame)
            closed = await socket.receive(timeout=30)

        assert (closed.type, closed.data) == (WSMsgType.CLOSE, 4400)
        assert world.server.heard == []
        assert len(world.events("denied")) == 1


async def test_when_nothing_can_be_reported_nothing_runs():
    async with World(caps={"spool": 2000}) as world:
        await world.sign_in()
        async with world.socket() as socket:
            for n in range(30):
                await socket.send_str(json.dumps(message(code=f"{n}" * 100)))
            while (answer := await socket.receive(timeout=30)).type is WSMsgType.TEXT:
                pass
            assert answer.type is WSMsgType.CLOSE
        assert len(world.server.heard) == len(world.events("cell")) < 30
        assert "Reports can't be written" in (await world.get("api/me")).text


async def test_a_frame_of_the_browsers_beyond_the_cap_does_not_pass():
    async with World() as world:
        await world.sign_in()
        async with world.socket() as socket:
            with contextlib.suppress(ConnectionError):
                await socket.send_str(json.dumps(message(code="x" * 6 * MB)))
            closed = await socket.receive(timeout=30)

        assert closed.data == 1009
        assert world.server.heard == []


async def test_a_browser_that_does_not_read_holds_the_server_back_and_is_let_go():
    class Talker(Server):
        sent = 0

        async def _echo(self, request):
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            with contextlib.suppress(ConnectionError):
                while request.transport and not request.transport.is_closing():
                    await socket.send_bytes(b"x" * MB)
                    self.sent += 1
            return socket

    server = Talker()
    async with World(server, times={"chunk": 5}) as world:
        await world.sign_in()
        words = f"GET /user/mx/px/api/kernels/{KERNEL}/channels HTTP/1.1\r\nHost: {world.settings.host}\r\n"
        words += f"Origin: {world.settings.origin}\r\nCookie: {world.cookie}\r\nUpgrade: websocket\r\n"
        words += (
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        _, writer = await asyncio.open_unix_connection(world.settings.listen, limit=1024)
        writer.write(words.encode())
        sent = -1
        while sent != server.sent or not sent:  # until it is held back
            sent = server.sent
            await asyncio.sleep(0.5)
        await world.until(lambda: is_let_go(world), 60)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    assert 0 < sent < 20


async def is_let_go(world):
    return (await world.host("GET", "figures"))["open_sockets"] == 0


async def test_no_more_websockets_than_are_needed():
    async with World(caps={"sockets": 2}) as world:
        await world.sign_in()
        async with world.socket(), world.socket():
            answer = await world.get(f"api/kernels/{KERNEL}/channels", headers={
                "Origin": world.settings.origin, "Connection": "Upgrade", "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            })  # fmt: skip

        assert answer.status == 503


async def test_events_of_the_server_come_through_on_their_own_websocket():
    async with World() as world:
        await world.sign_in()
        async with world.socket("api/events/subscribe") as socket:
            await socket.send_str("no message of a kernel")

            assert (await socket.receive(timeout=30)).data == "no message of a kernel"


async def test_what_a_person_does_is_activity_and_what_the_page_asks_is_not():
    async with World() as world:
        await world.sign_in()
        first = (await world.host("GET", "figures"))["last_activity"]
        await asyncio.sleep(1.1)
        await world.get("api/kernels")
        async with world.socket() as socket:
            await socket.send_str(json.dumps(message("kernel_info_request")))
            await socket.receive(timeout=30)
            assert (await world.host("GET", "figures"))["last_activity"] == first
            await socket.send_str(json.dumps(message(code="1")))
            await socket.receive(timeout=30)

        assert (await world.host("GET", "figures"))["last_activity"] > first
