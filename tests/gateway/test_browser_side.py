"""What comes from the browser's side as bytes (E70): double meanings, endless heads and bodies, floods."""

import asyncio
import io
import json
import socket
import time

import pytest

from tests.gateway.world import FETCH, HOST, MB, ORIGIN, PREFIX, World
from tests.loops import ended

HEAD = f"Host: {HOST}\r\nOrigin: {ORIGIN}\r\n"


def post(headers, body="", path="api/contents"):
    return f"POST {PREFIX}{path} HTTP/1.1\r\n{headers}\r\n\r\n{body}".encode()


SMUGGLED = {
    "two lengths": "Content-Length: 2\r\nContent-Length: 50",
    "two equal lengths": "Content-Length: 2\r\nContent-Length: 2",
    "length and chunks": "Content-Length: 2\r\nTransfer-Encoding: chunked",
    "chunks and length": "Transfer-Encoding: chunked\r\nContent-Length: 2",
    "folded": "X-A: 1\r\n Content-Length: 50\r\nContent-Length: 2",
    "space before the colon": "Content-Length : 2",
    "chunks, twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "chunks in disguise": "Transfer-Encoding: xchunked",
    "chunks, then more": "Transfer-Encoding: chunked, identity",
    "a tab": "Transfer-Encoding:\tchunked\tx",
    "signed length": "Content-Length: +2",
    "hexadecimal length": "Content-Length: 0x2",
    "list of lengths": "Content-Length: 2, 2",
    "a bare line feed": "X-A: 1\nContent-Length: 2\n",
    "a zero": "X-A: a\0b\r\nContent-Length: 2",
    "second host": "Host: evil.example\r\nContent-Length: 2",
    "second origin": "Origin: https://evil.example\r\nContent-Length: 2",
    "compressed": "Content-Encoding: gzip\r\nContent-Length: 2",
    "expecting": "Expect: 100-continue\r\nContent-Length: 2",
}


@pytest.mark.parametrize("name", SMUGGLED)
async def test_a_request_that_can_be_read_in_two_ways_reaches_nobody(name):
    async with World() as world:
        await world.sign_in()
        hidden = f"GET {PREFIX}api/me HTTP/1.1\r\nHost: {HOST}\r\nCookie: {world.cookie}\r\n\r\n"
        said = await world.raw(post(f"{HEAD}Cookie: {world.cookie}\r\n{SMUGGLED[name]}", "{}" + hidden), seconds=30)

        assert said.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
        assert said.count(b"HTTP/1.") == 1
        assert world.server.asked == []


@pytest.mark.parametrize("chunks", ["2\r\n{}\r\n0\r\n\r\n", "2;ext=1\r\n{}\r\n0\r\n\r\n"])
async def test_plain_chunks_are_a_body(chunks):
    async with World() as world:
        await world.sign_in()
        asked = post(f"{HEAD}Cookie: {world.cookie}\r\nConnection: close\r\nTransfer-Encoding: chunked", chunks)

        assert json.loads((await world.raw(asked)).partition(b"\r\n\r\n")[2])["size"] == 2


@pytest.mark.parametrize("line", [
    "GET http://mx.workspaces.localhost:8000/user/mx/px/api/me HTTP/1.1", "GET /user/mx/px/api/me HTTP/0.9",
    "GET /user/mx/px/api/me", "CONNECT evil.example:443 HTTP/1.1", "PRI * HTTP/2.0",
    "TRACE /user/mx/px/api/me HTTP/1.1",
    "GET /user/mx/px/api/\x01me HTTP/1.1", "OPTIONS * HTTP/1.1", "\x16\x03\x01",
    "GET /user/mx/px/files/a.csv HTTP/1.1", "GET /user/mx/px/lab/..;/files/a.csv HTTP/1.1",
])  # fmt: skip
async def test_a_strange_first_line_reaches_nobody(line):
    async with World() as world:
        await world.sign_in()
        asked = f"{line}\r\nHost: {HOST}\r\nCookie: {world.cookie}\r\nConnection: close\r\n\r\n"
        said = await world.raw(asked.encode("latin-1"))

        assert said.split(b" ")[1:2] in ([], [b"400"], [b"403"])
        assert world.server.asked == []


@pytest.mark.parametrize("head", [
    "X-A: " + "a" * 20_000, "\r\n".join(f"X-{n}: 1" for n in range(200)), "Cookie: " + "a=b; " * 4000,
])  # fmt: skip
async def test_a_bomb_of_headers_is_refused(head):
    async with World() as world:
        said = await world.raw(f"GET {PREFIX}lab HTTP/1.1\r\nHost: {HOST}\r\n{head}\r\n\r\n".encode())

        assert said.startswith((b"HTTP/1.0 4", b"HTTP/1.1 4"))


@pytest.mark.parametrize("begun", [b"", b"GET /user/mx", f"GET {PREFIX}lab HTTP/1.1\r\nHost: {HOST}\r\nX".encode()])
async def test_a_head_that_never_ends_is_not_waited_for(begun):
    async with World(times={"head": 0.3}) as world:
        began = time.monotonic()
        said = await world.raw(begun, seconds=30)

        assert said == b""
        assert time.monotonic() - began < 15


async def test_a_body_that_never_ends_is_not_waited_for():
    async with World(times={"chunk": 0.3}) as world:
        await world.sign_in()
        said = await world.raw(post(f"{HEAD}Cookie: {world.cookie}\r\nContent-Length: 100", "{"), seconds=30)

        assert said.startswith(b"HTTP/1.1 504")


@pytest.mark.parametrize(("path", "most"), [("api/contents/a.ipynb", 5 * MB), ("api/sessions", 64 * 1024)])
@pytest.mark.parametrize("has_length", [True, False])
async def test_a_body_beyond_its_cap_is_refused_with_words(path, most, has_length):
    async def pieces():
        for _ in range(most // 65536 + 1):
            yield b"x" * 65536

    async with World() as world:
        await world.sign_in()
        if has_length:
            asked = post(f"{HEAD}Cookie: {world.cookie}\r\nContent-Length: {most + 1}", path="api/sessions")
            assert (await world.raw(asked.replace(b"api/sessions", path.encode()))).startswith(b"HTTP/1.1 4")
            return
        answer = await world.ask("PUT" if "contents" in path else "POST", path, data=pieces())
        assert answer.status == 413
        assert f"{most:,} bytes" in answer.text


async def says(world, status):
    return (await world.get("api/me")).status == status


async def test_no_more_requests_at_once_than_are_needed():
    async def never():
        yield b"{"
        await asyncio.sleep(300)

    async with World(caps={"requests": 5}) as world:
        await world.sign_in()
        held = [asyncio.create_task(world.ask("POST", "api/contents", data=never())) for _ in range(5)]
        await world.until(lambda: [one[0] for one in world.server.asked].count("POST") == 5)
        assert await says(world, 503)
        for one in held:
            one.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        await world.until(lambda: says(world, 200))


# ── what the server hears ───────────────────────────────────────────────────────────────────────────────────────────
async def test_nothing_of_the_browser_reaches_the_server_but_what_it_asks():
    async with World() as world:
        await world.sign_in()
        headers = {**FETCH, "Cookie": f"{world.cookie}; other=1", "Authorization": "Bearer x",
                   "X-Forwarded-For": "1.2.3.4", "User-Agent": "Mozilla", "Accept-Language": "de",
                   "X-XSRFToken": "theirs", "Range": "bytes=0-"}  # fmt: skip
        await world.ask("PUT", "api/contents/a%20b.txt?1795483766412", headers=headers, data=b"{}")
        ((method, path, heard),) = world.server.asked

    assert (method, path) == ("PUT", f"{PREFIX}api/contents/a%20b.txt")
    assert set(heard) <= {"Host", "Accept", "Accept-Encoding", "User-Agent", "Cookie", "X-XSRFToken", "Content-Type",
                          "Content-Length", "Transfer-Encoding", "Connection"}  # fmt: skip
    assert heard["Cookie"] == f"_xsrf={heard['X-XSRFToken']}"
    assert (heard["Host"], heard["User-Agent"], heard["Accept-Encoding"]) == ("localhost", "gateway", "identity")


async def test_a_large_file_goes_in_and_out_piece_by_piece():
    async with World() as world:
        await world.sign_in()
        answer = await world.ask("PUT", "api/contents/a.ipynb", data=io.BytesIO(b"x" * (4 * MB)))

        assert json.loads(answer.text)["size"] == 4 * MB


def told(world):
    return sum(one["times"] for one in world.events("denied"))


async def test_the_same_denial_a_thousand_times_is_a_few_lines():
    async with World() as world:
        await world.sign_in()
        began = time.monotonic()
        for _ in range(20):
            await asyncio.gather(*(world.get("files/a.csv") for _ in range(50)))
        answer = await world.get("files/a.csv")
        seconds = time.monotonic() - began
        await world.until(lambda: told(world) >= 1001)

        assert answer.status == 403
        assert "by release alone" in answer.text
        assert told(world) == 1001
        assert len(world.events("denied")) <= seconds + 3
        assert (await world.host("GET", "figures"))["denied"] == 1001


async def test_a_thousand_different_denials_are_bounded_too():
    async with World() as world:
        await world.sign_in()
        began = time.monotonic()
        for start in range(0, 1000, 50):
            await asyncio.gather(*(world.get(f"files/{n}") for n in range(start, start + 50)))
        seconds = time.monotonic() - began
        await world.until(lambda: told(world) >= 1000)

        assert told(world) == 1000
        assert len(world.events("denied")) <= 21 * (seconds + 2), "twenty a second, and one line for all others"


@pytest.mark.parametrize(("path", "body"), [
    ("api/terminals", "[]"), ("api/nbconvert", "{}"), ("lab/api/build", None),
    ("lsp/status", '{"version": 2, "sessions": {}, "specs": {}}'),
])  # fmt: skip
async def test_what_the_page_asks_unasked_is_answered_here_and_is_no_denial(path, body):
    async with World() as world:
        await world.sign_in()
        answer = await world.get(path)

        assert body is None or answer.text == body
        assert world.server.asked == []
        assert world.events("denied") == []


async def test_static_files_are_the_environments_and_not_counted():
    async with World() as world:
        await world.sign_in()
        answer = await world.get("static/lab/main.js?v=abc")

        assert (answer.status, answer.text) == (200, "1")
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert "immutable" in answer.headers["Cache-Control"]
        assert (await world.get("static/lab/main.js")).headers["Cache-Control"] == "no-cache"
        assert (await world.host("GET", "figures"))["bytes_out"] == 0
        assert world.server.asked == []


# ── a body that nobody needs ────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("path", "is_signed_in", "status"), [
    ("lab/api/workspaces/default", False, 401), ("api/contents/a.ipynb?x=1", True, 403), ("api/sessions", True, 413),
])  # fmt: skip
async def test_a_body_that_is_still_coming_in_does_not_cut_off_its_answer(path, is_signed_in, status):
    async with World() as world:
        if is_signed_in:
            await world.sign_in()
        size, cookie = 200_000, f"Cookie: {world.cookie}\r\n" if is_signed_in else ""
        reader, writer = await asyncio.open_unix_connection(world.settings.listen)
        method = "POST" if "sessions" in path else "PUT"
        head = f"{method} {PREFIX}{path} HTTP/1.1\r\n{HEAD}{cookie}Content-Length: {size}\r\n\r\n"
        writer.write(head.encode())
        for _ in range(10):
            await asyncio.sleep(0.05)
            writer.write(b"x" * (size // 10))
            await writer.drain()  # would fail, as it does at the proxy, where the gateway has hung up
        said = await asyncio.wait_for(reader.read(65536), 30)
        writer.close()

    assert said.startswith(f"HTTP/1.1 {status}".encode())


async def test_a_body_that_nobody_needs_is_taken_only_so_far():
    async with World(caps={"unwanted_body": 1000}, times={"unwanted": 0.2}) as world:
        began = time.monotonic()
        said = await world.raw(post(f"{HEAD}Content-Length: 100000", "x" * 5000), seconds=30)
        slow = await world.raw(post(f"{HEAD}Content-Length: 100000", "x"), seconds=30)

    assert said.startswith(b"HTTP/1.1 401")
    assert slow.startswith(b"HTTP/1.1 401")
    assert time.monotonic() - began < 15


def test_the_last_empty_write_of_a_body_meets_an_open_connection():
    """Node writes once more behind a body; a socket that is closed by then costs the browser its answer."""

    def ask(path):
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(30)
            line.connect(str(path))
            line.sendall(post(f"{HEAD}Connection: close\r\nContent-Length: 2", "{}"))
            said = b""
            while piece := line.recv(65536):
                said += piece
            time.sleep(0.1)
            line.send(b"")
            return said

    async def asked():
        async with World(times={"unwanted": 25}) as world:
            began = time.monotonic()
            said = await asyncio.to_thread(ask, world.settings.listen)
            return said, time.monotonic() - began

    said, seconds = ended(asked())
    assert said.startswith(b"HTTP/1.1 401")
    assert seconds < 15
