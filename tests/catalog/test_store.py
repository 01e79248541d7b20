"""The storage of datasets, against the real one: whole and right or not at all, in parts, and on from where it was."""

import hashlib
import io
import os

import pytest

from apps.catalog import gateways
from apps.catalog.gateways import DatasetStore, key_of, part_size
from apps.core.errors import Invalid, Unavailable

MB = 1024 * 1024
SMALL_PART = 5 * MB  # the smallest that S3 takes


@pytest.fixture
def store(monkeypatch):
    monkeypatch.setattr(gateways, "PART", SMALL_PART)
    return DatasetStore()


def some(size):
    body = os.urandom(size)
    return body, {"path": "some.bin", "size": size, "sha256": hashlib.sha256(body).hexdigest()}


def stored(store, sha256):
    return b"".join(store.open(key_of(sha256)))


@pytest.mark.parametrize("size", [0, 1, SMALL_PART - 1, SMALL_PART, SMALL_PART + 1, 3 * SMALL_PART, 17 * MB + 5])
def test_what_was_kept_comes_back_byte_for_byte(store, size):
    body, facts = some(size)
    seen = []
    store.delete(key_of(facts["sha256"]))  # others keep nothing, too, and what is there is not sent again

    assert store.keep(io.BytesIO(body), **facts, progress=seen.append)

    assert stored(store, facts["sha256"]) == body
    assert store.has(facts["sha256"], size)
    assert sum(seen) == size


def test_equal_bytes_are_sent_once(store, monkeypatch):
    body, facts = some(12 * MB)
    store.keep(io.BytesIO(body), **facts)
    monkeypatch.setattr(DatasetStore, "send_part", lambda *_: pytest.fail("sent again"))

    assert store.keep(io.BytesIO(body), **facts) is False


@pytest.mark.parametrize("size", [1000, 12 * MB])
@pytest.mark.parametrize("how", ["other byte", "shorter", "longer"])
def test_bytes_that_differ_are_refused_and_nothing_is_kept(store, size, how):
    body, facts = some(size)
    other = {"other byte": body[:-1] + bytes([body[-1] ^ 1]), "shorter": body[:-1], "longer": body + b"x"}[how]

    with pytest.raises(Invalid, match=r"some\.bin has .* instead of") as refused:
        store.keep(io.BytesIO(other), **facts)

    expected = facts["sha256"] if how == "other byte" else f"{size:,}"
    assert expected in str(refused.value)
    assert not store.has(facts["sha256"], size)
    assert store._half_sent(facts["sha256"]) == []


class Endless(io.RawIOBase):
    """A file that never ends."""

    asked = 0

    def read(self, size=-1):
        self.asked += 1
        assert self.asked < 10, "it goes on reading"
        return b"\x00" * size


def test_a_file_that_grows_without_end_is_given_up(store):
    with pytest.raises(Invalid):
        store.keep(Endless(), path="endless", size=SMALL_PART + 1, sha256="0" * 64)


def broken_off(store, body, facts, monkeypatch, after):
    """Send until the storage goes away after so many parts."""
    send, count = DatasetStore.send_part, []

    def fails(self, key, upload, number, part):
        if len(count) >= after:
            raise Unavailable("The file storage does not answer.")
        count.append(number)
        return send(self, key, upload, number, part)

    with monkeypatch.context() as patch:
        patch.setattr(DatasetStore, "send_part", fails)
        with pytest.raises(Unavailable):
            store.keep(io.BytesIO(body), **facts)
    assert not store.has(facts["sha256"], facts["size"])


def counting(monkeypatch):
    send, sent = DatasetStore.send_part, []

    def counted(self, key, upload, number, part):
        sent.append(number)
        return send(self, key, upload, number, part)

    monkeypatch.setattr(DatasetStore, "send_part", counted)
    return sent


def test_an_upload_that_was_broken_off_goes_on_where_it_was(store, monkeypatch):
    body, facts = some(6 * SMALL_PART)
    broken_off(store, body, facts, monkeypatch, after=4)
    sent = counting(monkeypatch)

    assert store.keep(io.BytesIO(body), **facts)

    assert len(sent) == 2
    assert stored(store, facts["sha256"]) == body


def test_a_part_that_is_not_what_the_file_has_now_is_sent_again(store, monkeypatch):
    body, facts = some(4 * SMALL_PART)
    other = os.urandom(SMALL_PART) + body[SMALL_PART:]
    broken_off(store, other, facts, monkeypatch, after=3)
    sent = counting(monkeypatch)

    assert store.keep(io.BytesIO(body), **facts)

    assert 1 in sent
    assert stored(store, facts["sha256"]) == body


def test_a_forgotten_object_is_gone_with_what_was_half_sent(store, monkeypatch):
    body, facts = some(3 * SMALL_PART)
    broken_off(store, body, facts, monkeypatch, after=1)
    store.forget(facts["sha256"])
    assert store._half_sent(facts["sha256"]) == []

    store.keep(io.BytesIO(body), **facts)
    store.forget(facts["sha256"])

    assert not store.has(facts["sha256"], facts["size"])


@pytest.mark.parametrize("size", [1, 16 * MB * 9000, 16 * MB * 9000 + 1, 5 * 1024**4])
def test_no_file_has_more_parts_than_the_storage_takes(size):
    assert part_size(size) * 9000 >= size
    assert part_size(size) % (16 * MB) == 0
