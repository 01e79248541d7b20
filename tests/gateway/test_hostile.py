"""E63: a server that its own user has replaced: whatever it says, the browser gets our headers and our types."""

import asyncio
import contextlib
import os
import threading
from pathlib import Path

import pytest
from aiohttp import ClientError, WSMsgType

from tests.gateway.world import MB, PAGE, PREFIX, RawServer, World

OK = b"HTTP/1.1 200 OK\r\n"
EVIL = (
    b"Set-Cookie: __Host-workspace-1=stolen; Path=/\r\nSet-Cookie: a=b; Domain=workspaces.localhost\r\n"
    b"Refresh: 0; url=https://evil.example\r\nLink: <https://evil.example>; rel=preload\r\n"
    b"Service-Worker-Allowed: /\r\nClear-Site-Data: \"*\"\r\nContent-Security-Policy: default-src *\r\n"
    b"Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Credentials: true\r\nReport-To: {}\r\nNEL: {}\r\n"
    b"Content-Disposition: attachment; filename=all.csv\r\nSourceMap: https://evil.example\r\nX-Own: yes\r\n"
    b"Strict-Transport-Security: max-age=1\r\nAlt-Svc: h3=\":1\"\r\nWWW-Authenticate: Basic realm=\"sign in\"\r\n"
    b"Server: evil\r\nLocation: https://evil.example\r\nContent-Type: text/html\r\nUpgrade: h2c\r\n"
)  # fmt: skip
OURS = {
    "content-type", "content-length", "cache-control", "content-security-policy", "date", "server", "last-modified",
    "x-content-type-options", "referrer-policy", "cross-origin-opener-policy", "cross-origin-resource-policy",
    "x-dns-prefetch-control", "x-frame-options", "x-robots-tag", "permissions-policy",
    "transfer-encoding", "connection",
}  # fmt: skip


async def signed_in(stack, server, **changes):
    world = await stack.enter_async_context(World(server, **changes))
    await world.sign_in()
    return world


async def test_none_of_its_headers_come_through():
    server = RawServer.saying(OK + EVIL + b"Content-Length: 2\r\n\r\n{}")
    async with contextlib.AsyncExitStack() as stack:
        world = await signed_in(stack, server)
        answer = await world.get("api/me")

    assert answer.status == 200
    assert {name.lower() for name in answer.headers} <= OURS
    assert "evil" not in str(answer.headers)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


async def test_a_false_sign_in_page_can_send_nothing_anywhere_and_runs_no_script():
    page = b"<form action=https://evil.example><input type=password></form><script>steal()</script>"
    server = RawServer.saying(OK + EVIL + b"Content-Length: %d\r\n\r\n" % len(page) + page)
    async with contextlib.AsyncExitStack() as stack:
        world = await signed_in(stack, server)
        answer = await world.get("lab", headers=PAGE)
        policy = dict(one.strip().partition(" ")[::2] for one in answer.headers["Content-Security-Policy"].split(";"))

    here = f"http://mx.workspaces.localhost:8000{PREFIX}"
    assert policy["default-src"] == policy["form-action"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == f"{here}static/ {here}lab/extensions/ 'unsafe-eval'"
    assert policy["connect-src"].split() == [here, here.replace("http", "ws"), "data:"]
    assert not {"allow-popups", "allow-downloads", "allow-top-navigation"} & set(policy["sandbox"].split())
    assert "https" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path", ["static/lab/evil.js", "lab/extensions/evil/x.js", "static/lab/../../x", "static/lab/x.html"]
)
async def test_scripts_never_come_from_it(path):
    async with contextlib.AsyncExitStack() as stack:
        world = await signed_in(stack, RawServer.saying(OK + b"Content-Length: 5\r\n\r\nsteal"))
        answer = await world.get(path)

        assert answer.status in {403, 404}
        assert world.server.connections == 0
        assert (await world.get("static/lab/main.js?v=1")).status == 200


@pytest.mark.parametrize("status", [101, 204, 301, 302, 303, 307, 308, 401, 407, 511, 600])
async def test_a_redirect_or_a_strange_status_stays_here(status):
    server = RawServer.saying(b"HTTP/1.1 %d X\r\nLocation: https://evil.example\r\nContent-Length: 0\r\n\r\n" % status)
    async with contextlib.AsyncExitStack() as stack:
        world = await signed_in(stack, server)
        answer = await world.get("lab", headers=PAGE)

        assert answer.status == (204 if status == 204 else 502)
        assert "Location" not in answer.headers


SMUGGLED = {
    "two lengths": b"Content-Length: 2\r\nContent-Length: 9\r\n\r\n{}",
    "length and chunks": b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "folded": b"X-A: 1\r\n Set-Cookie: a=b\r\nContent-Length: 2\r\n\r\n{}",
    "negative": b"Content-Length: -1\r\n\r\n{}",
    "bad chunk": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n{}",
    "compressed": b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    "no head's end": b"X" * 20_000,
    "long header": b"X-A: " + b"a" * 100_000 + b"\r\n\r\n",
    "a thousand headers": b"".join(b"X-%d: 1\r\n" % n for n in range(1000)) + b"\r\n",
    "header with a zero": b"X-A: a\0b\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("name", SMUGGLED)
async def test_an_answer_that_can_be_read_in_two_ways_is_not_passed_on(name):
    """Or it comes through as one harmless answer; never a second one, never a header of its own."""
    async with contextlib.AsyncExitStack() as stack:
        world = await signed_in(stack, RawServer.saying(OK + SMUGGLED[name]), times={"answer": 2, "chunk": 2})
        try:
            answer = await world.get("api/me")
        except ClientError:
            return  # cut off in its middle
        assert answer.status == 502 or (answer.body == b"{}" and {one.lower() for one in answer.headers} <= OURS)
        if name in {"two lengths", "length and chunks", "compressed", "long header", "a thousand headers", "bad chunk"}:
            assert answer.status == 502


async def test_a_second_answer_behind_the_first_is_never_anybodys():
    server = RawServer.saying(OK + b"Content-Length: 2\r\n\r\n{}" + OK + b"Content-Length: 6\r\n\r\nstolen")
    async with contextlib.AsyncExitStack() as stack:
        world = await signed_in(stack, server)

        assert [(await world.get("api/me")).body for _ in range(3)] == [b"{}"] * 3
        assert server.connections == 3


# ── sizes ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("path", "headers", "cap"), [("api/me", {}, 1), ("api/contents/a.csv?type=file", {}, 5), ("lab", PAGE, 1)]
)
async def test_an_answer_that_names_too_great_a_length_is_refused_with_words(path, headers, cap):
    server = RawServer.saying(OK + b"Content-Length: %d\r\n\r\n" % (cap * MB + 1) + b"x" * 100)
    async with contextlib.AsyncExitStack() as stack:
        world = await signed_in(stack, server)
        answer = await world.get(path, headers={"Sec-Fetch-Site": "same-origin", **headers})

        assert answer.status == 502
        assert f"{cap * MB:,} bytes" in answer.text
        assert [one["kind"] for one in world.events("denied")] == ["denied"]


class Memory:
    """By how many bytes the memory of this process rose at most while inside; the kernel's own peak only ever grows."""

    rose = 0

    def __enter__(self):
        self._is_over, self._before = threading.Event(), self._now()
        self._looking = threading.Thread(target=self._look)
        self._looking.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._looking.join()

    def _look(self):
        while not self._is_over.wait(0.005):
            self.rose = max(self.rose, self._now() - self._before)

    def _now(self):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
async def test_a_gigabyte_without_a_length_is_cut_off_and_needs_no_memory():
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    server = RawServer.saying(OK + b"Transfer-Encoding: chunked\r\n\r\n", *[piece] * (1024 * 16))
    async with contextlib.AsyncExitStack() as stack:
        world = await signed_in(stack, server)
        with Memory() as most, pytest.raises(ClientError):
            await world.get("api/contents/a.csv?type=file")

        assert most.rose < 30 * MB, f"{most.rose:,} bytes"
        assert server.written < 20 * MB
        assert (await world.host("GET", "figures"))["bytes_out"] <= 5 * MB


async def test_a_name_of_a_file_that_ends_it_all_stays_a_name():
    """What the gateway reports of a denial is bounded, and a line is a line."""
    async with contextlib.AsyncExitStack() as stack:
        world = await signed_in(stack, RawServer.saying(OK + b"Content-Length: 0\r\n\r\n"))
        await world.get("files/" + "a%0ab" + "x" * 3000)
        await world.get("files/" + "x" * 3000)

        denied = world.events("denied")
        assert len(denied) == 2
        assert all(len(one["path"]) <= 201 for one in denied)


# ── slowness ────────────────────────────────────────────────────────────────────────────────────────────────────────
async def say_nothing(server, reader, writer):
    await reader.read()


async def say_it_slowly(server, reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(OK + b"Content-Length: 1000\r\n\r\n")
    for _ in range(1000):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def interim_for_ever(server, reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)
        await writer.drain()
        await asyncio.sleep(0)


async def header_by_header(server, reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(OK)
    while True:
        writer.write(b"X")
        await writer.drain()
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("answer", [say_nothing, interim_for_ever, header_by_header])
async def test_a_server_that_never_comes_to_the_point_is_not_waited_for(answer):
    async with contextlib.AsyncExitStack() as stack:
        world = await signed_in(stack, RawServer(answer), times={"answer": 0.3})

        assert (await world.get("api/me")).status in {502, 504}


async def test_a_body_that_drips_ends_with_the_whole_time():
    async with contextlib.AsyncExitStack() as stack:
        world = await signed_in(stack, RawServer(say_it_slowly), times={"whole": 0.5})
        with pytest.raises(ClientError):
            await world.get("api/me")


async def test_no_server_at_all_is_told_in_words():
    async with contextlib.AsyncExitStack() as stack:
        world = await signed_in(stack, RawServer(say_nothing))
        await world.server.stop()
        world.settings.server.unlink(missing_ok=True)
        answer = await world.get("lab", headers=PAGE)

        assert answer.status == 502
        assert "does not answer" in answer.text


# ── websockets ──────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("head", [
    b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"\0\0\0",
])  # fmt: skip
async def test_another_protocol_instead_of_a_websocket_is_no_connection(head):
    async with contextlib.AsyncExitStack() as stack:
        world = await signed_in(stack, RawServer.saying(head, b"SSH-2.0-evil\r\n" * 10))
        with pytest.raises(ClientError):
            async with world.socket():
                pass


async def test_an_upgrade_to_anything_else_is_refused_to_the_browser():
    async with contextlib.AsyncExitStack() as stack:
        world = await signed_in(stack, RawServer(say_nothing))
        headers = {
            "Upgrade": "h2c",
            "Connection": "Upgrade, HTTP2-Settings",
            "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA",
        }

        assert (await world.get("api/me", headers=headers)).status == 400
        assert world.server.connections == 0
        assert len(world.events("denied")) == 1


def websocket(head, frames):
    import base64
    import hashlib

    async def answer(server, reader, writer):
        asked = await reader.readuntil(b"\r\n\r\n")
        key = next(line[19:] for line in asked.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key: "))
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        writer.write(b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept)
        writer.write(b"\r\n" + head + b"\r\n")
        for frame in frames:
            writer.write(frame)
            await writer.drain()
            server.written += len(frame)
        await reader.read()

    return RawServer(answer)


async def test_a_frame_beyond_the_cap_closes_and_is_reported():
    head = b"\x82\x7f" + (11 * MB).to_bytes(8, "big")
    async with contextlib.AsyncExitStack() as stack:
        world = await signed_in(stack, websocket(b"", [head, *[b"x" * MB] * 11]))
        async with world.socket() as socket:
            message = await socket.receive(timeout=30)

        assert (message.type, message.data) == (WSMsgType.CLOSE, 1009)
        assert len(world.events("denied")) == 1


async def test_a_protocol_that_nobody_asked_for_is_not_passed_on():
    async with contextlib.AsyncExitStack() as stack:
        world = await signed_in(stack, websocket(b"Sec-WebSocket-Protocol: evil\r\nSet-Cookie: a=b\r\n", []))
        async with world.socket() as socket:
            assert socket.protocol is None
            assert "Set-Cookie" not in socket._response.headers


async def test_a_flood_of_small_messages_is_counted_and_stopped():
    flood = b"\x81\x02{}" * 20_000
    async with contextlib.AsyncExitStack() as stack:
        world = await signed_in(stack, websocket(b"", [flood] * 50), meter={"warn": 100_000, "pause": 1_000_000})
        async with world.socket() as socket:
            got = 0
            while (message := await socket.receive(timeout=30)).type is WSMsgType.TEXT:
                got += 1
        assert message.data == 4403
        assert got <= 1_000_000 / 18
        assert [one["kind"] for one in world.events("warned", "paused")] == ["warned", "paused"]


async def test_others_are_answered_during_a_flood():
    flood = b"\x81\x02{}" * 20_000
    async with contextlib.AsyncExitStack() as stack:
        world = await signed_in(stack, websocket(b"", [flood] * 20))
        async with world.socket():
            answer = await asyncio.wait_for(world.get("static/lab/main.js"), 30)

        assert answer.status == 200
