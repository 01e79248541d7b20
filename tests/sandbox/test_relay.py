"""Bytes from a port to a socket and back, over real sockets."""

import asyncio

import pytest

from sandbox import relay
from tests.loops import ended


def on_loopback(work):
    return ended(work(), seconds=20)


async def _echo(reader, writer):
    """Says back, in capitals, all that came, once the other side has ended its own."""
    writer.write((await reader.read()).upper())
    writer.close()


def test_bytes_go_both_ways_and_an_end_of_one_way_leaves_the_other_open(tmp_path):
    async def work():
        inside = await asyncio.start_unix_server(_echo, tmp_path / "server.sock")
        carrying = await relay.listen("tcp:127.0.0.1:0", f"unix:{tmp_path}/server.sock")
        port = carrying.sockets[0].getsockname()[1]
        back = await relay.listen(f"unix:{tmp_path}/near.sock", f"tcp:127.0.0.1:{port}")
        reader, writer = await asyncio.open_unix_connection(tmp_path / "near.sock")
        writer.write(b"a" * 300_000)
        writer.write_eof()
        said = await reader.read()
        writer.close()
        for server in (inside, carrying, back):
            server.close()
        return said, (tmp_path / "near.sock").stat().st_mode & 0o777

    said, mode = on_loopback(work)
    assert said == b"A" * 300_000
    assert mode == 0o600


def test_where_nobody_listens_the_connection_is_closed_and_the_next_is_carried(tmp_path):
    async def work():
        carrying = await relay.listen("tcp:127.0.0.1:0", f"unix:{tmp_path}/late.sock")
        port = carrying.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        nothing = await reader.read()
        writer.close()
        inside = await asyncio.start_unix_server(_echo, tmp_path / "late.sock")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"here")
        writer.write_eof()
        said = await reader.read()
        writer.close()
        for server in (inside, carrying):
            server.close()
        return nothing, said

    assert on_loopback(work) == (b"", b"HERE")


@pytest.mark.parametrize("word", ["tcp:8443", "tcp:x=unix:/a", "unix:a=tcp:1", "udp:1=tcp:2", "", "tcp:1=http://x"])
def test_a_word_that_cannot_be_meant_is_refused(word, capsys):
    assert relay.main([word]) == 2
    assert "no pair" in capsys.readouterr().err
