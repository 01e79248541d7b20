"""Reports are whole lines on the disk, in order, bounded; when that fails the gateway closes."""

import asyncio
import json
import os

import pytest

from gateway.denials import Denials
from gateway.spool import Spool, SpoolFull


def spool(folder, said=None, unread=1000, total=10_000):
    return Spool(folder, unread=unread, total=total, broken=(said if said is not None else []).append)


def lines(folder):
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines() if line.startswith("{")]


async def test_what_is_written_is_on_the_disk_when_the_call_returns(tmp_path, monkeypatch):
    synced = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (sync(file), synced.append(lines(tmp_path))))
    one = spool(tmp_path)
    await one.write("cell", code="1")

    assert synced[-1][0]["code"] == "1"
    await one.close()


async def test_many_at_once_share_a_round_and_keep_their_order(tmp_path, monkeypatch):
    rounds = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (sync(file), rounds.append(1)))
    one = spool(tmp_path, unread=10**6, total=10**6)
    await asyncio.gather(*(one.write("cell", n=n) for n in range(200)))
    await one.close()

    assert [line["n"] for line in lines(tmp_path)] == list(range(200))
    assert len(rounds) < 10


async def test_half_a_line_of_an_earlier_life_does_not_spoil_the_next(tmp_path):
    (tmp_path / "events.jsonl").write_bytes(b'{"kind":"cell","code":"ha')
    one = spool(tmp_path)
    await one.write("signed_in")
    await one.close()

    assert (tmp_path / "events.jsonl").read_bytes().splitlines()[0] == b'{"kind":"cell","code":"ha'
    assert json.loads((tmp_path / "events.jsonl").read_bytes().splitlines()[1])["kind"] == "signed_in"


async def test_it_closes_when_nobody_reads_and_goes_on_when_somebody_does(tmp_path):
    said = []
    one = spool(tmp_path, said)
    for _ in range(20):
        await one.write("cell", code="x" * 100)
        (tmp_path / "events.read").write_text(f"{(tmp_path / 'events.jsonl').stat().st_size}")
    assert said == []
    (tmp_path / "events.read").write_text("0")

    with pytest.raises(SpoolFull):
        await one.write("cell", code="x")
    assert said == ["Reports can't be written: nobody reads them"]
    with pytest.raises(SpoolFull):
        await one.write("cell", code="")
    await one.close()


async def test_it_closes_when_the_disk_refuses(tmp_path, monkeypatch):
    said = []
    one = spool(tmp_path, said)
    monkeypatch.setattr(os, "fsync", lambda file: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    answers = await asyncio.gather(*(one.write("cell", n=n) for n in range(3)), return_exceptions=True)

    assert [type(answer) for answer in answers] == [SpoolFull] * 3
    assert len(said) == 1
    await one.close()


async def test_it_closes_when_there_is_too_much_in_all(tmp_path):
    one = spool(tmp_path, unread=10**6, total=500)
    answers = await asyncio.gather(*(one.write("cell", code="x" * 100) for _ in range(10)), return_exceptions=True)

    assert SpoolFull in {type(answer) for answer in answers}
    await one.close()


async def test_a_mark_that_is_no_number_counts_as_none(tmp_path):
    (tmp_path / "events.read").write_text("soon")
    one = spool(tmp_path, unread=300)
    answers = await asyncio.gather(*(one.write("cell", code="x" * 100) for _ in range(10)), return_exceptions=True)

    assert SpoolFull in {type(answer) for answer in answers}
    await one.close()


async def test_a_path_that_is_no_text_is_reported_all_the_same(tmp_path):
    one = spool(tmp_path)
    denials = Denials(one)
    await denials.report("GET", "files/\udcff\n\0", "why")
    await one.close()

    (line,) = lines(tmp_path)
    assert (line["kind"], line["times"]) == ("denied", 1)


async def test_what_was_counted_is_told_with_the_next_second(tmp_path):
    one = spool(tmp_path, unread=10**6, total=10**6)
    denials = Denials(one)
    for _ in range(5):
        await denials.report("GET", "metrics", "why")
    await denials.flush()
    await denials.flush()
    await denials.report("GET", "metrics", "why")
    await one.close()

    assert [line["times"] for line in lines(tmp_path)] == [1, 4, 1]


async def test_the_disk_gets_back_what_the_portal_has(tmp_path):
    one = spool(tmp_path, unread=10**8, total=10**9)
    for _ in range(40):
        await one.write("cell", code="x" * 100_000)
    size = (tmp_path / "events.jsonl").stat().st_size
    (tmp_path / "events.read").write_text(f"{size}")
    await one.write("cell", code="the last")
    await one.close()
    after = (tmp_path / "events.jsonl").stat()

    assert after.st_size > size
    assert after.st_blocks * 512 < 100_000
    with (tmp_path / "events.jsonl").open("rb") as file:
        file.seek(size)
        assert json.loads(file.read())["code"] == "the last"
