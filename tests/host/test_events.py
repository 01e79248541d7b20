"""Events get their numbers once, survive a kill at any byte, and a gateway can't smuggle in what isn't its own."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host.events import Outbox


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "spool").mkdir()
    return tmp_path


def outbox(folder):
    return Outbox(folder / "events", folder / "spool/events.jsonl")


def write(folder, *events):
    with (folder / "spool/events.jsonl").open("a") as file:
        for event in events:
            file.write(json.dumps(event) + "\n")


def numbered(box):
    return [(event["seq"], event["kind"]) for event in box.waiting]


def test_events_of_both_are_numbered_in_their_order(folder):
    box = outbox(folder)
    box.tell("started")
    write(folder, {"kind": "cell", "code": "1"}, {"kind": "signed_in"})
    box.collect()
    box.tell("ended")

    assert numbered(box) == [(1, "started"), (2, "cell"), (3, "signed_in"), (4, "ended")]


@pytest.mark.parametrize("acknowledged", [0, 1])
def test_what_is_told_once_is_not_told_again_by_the_next_host(folder, acknowledged):
    """Nor once the portal has it, and the file was begun anew without it."""
    box = outbox(folder)
    box.tell_once("started")
    box.acknowledge(acknowledged)

    again = outbox(folder)
    again.tell_once("started")
    again.tell("ended")

    assert numbered(again) == [(1, "started"), (2, "ended")][acknowledged:]


def test_what_was_acknowledged_is_not_sent_again_and_the_file_stays_short(folder):
    box = outbox(folder)
    for _ in range(500):
        box.tell("opened", path="x" * 1000)
    while batch := box.batch():
        assert len(json.dumps(batch)) < 2_000_000
        box.acknowledge(batch[-1]["seq"])

    assert box.is_clear()
    assert (folder / "events").stat().st_size < 1000
    again = outbox(folder)
    again.tell("ended")
    assert numbered(again) == [(501, "ended")]


def test_an_acknowledgement_of_what_was_never_sent_counts_for_nothing(folder):
    box = outbox(folder)
    box.tell("started")
    box.acknowledge(99)
    box.acknowledge(-1)

    assert numbered(box) == [(1, "started")]


def test_half_a_line_of_the_spool_waits_for_its_other_half(folder):
    box = outbox(folder)
    with (folder / "spool/events.jsonl").open("w") as file:
        file.write('{"kind": "signed')
    box.collect()
    assert box.is_clear()
    with (folder / "spool/events.jsonl").open("a") as file:
        file.write('_in"}\n')
    box.collect()

    assert numbered(box) == [(1, "signed_in")]


@given(cut=st.integers(min_value=0, max_value=3000))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_kill_at_any_byte_loses_and_doubles_nothing_of_the_gateway(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("box")
    (folder / "spool").mkdir()
    box = outbox(folder)
    for number in range(8):
        write(folder, {"kind": "cell", "code": str(number)}, {"kind": "denied", "path": str(number)})
        box.collect()
    file = folder / "events"
    file.write_bytes(file.read_bytes()[:cut])

    again = outbox(folder)
    again.collect()

    assert [seq for seq, _ in numbered(again)] == list(range(1, 17))
    assert [event["code"] for event in again.waiting if event["kind"] == "cell"] == [str(n) for n in range(8)]


@pytest.mark.parametrize(
    "line", [b"nonsense", b"[]", b'{"kind": "ended"}', b'{"kind": "started"}', b'{"kind": 1}', b"x" * 2_000_000]
)
def test_a_line_that_is_not_the_gateways_to_write_becomes_a_denial(folder, line):
    (folder / "spool/events.jsonl").write_bytes(line + b"\n" + b'{"kind": "signed_in"}\n')
    box = outbox(folder)
    box.collect()

    assert [event["kind"] for event in box.waiting] == ["denied", "signed_in"]
    assert "can't be read" in box.waiting[0]["why"]


def test_a_line_without_an_end_stops_nothing(folder):
    (folder / "spool/events.jsonl").write_bytes(b"x" * 5_000_000)
    box = outbox(folder)
    box.collect()
    box.collect()

    assert {event["kind"] for event in box.waiting} == {"denied"}


def test_a_number_in_the_gateways_line_is_not_believed(folder):
    write(folder, {"kind": "cell", "code": "1", "seq": 77})
    box = outbox(folder)
    box.collect()

    assert numbered(box) == [(1, "cell")]


def test_a_spool_that_is_a_link_is_not_read(folder):
    (folder / "secret").write_text('{"kind": "cell", "code": "a secret of root"}\n')
    (folder / "spool/events.jsonl").symlink_to(folder / "secret")
    box = outbox(folder)
    box.collect()

    assert box.is_clear()


def test_the_gateway_is_told_what_the_portal_has_and_no_more(folder):
    box = outbox(folder)
    write(folder, {"kind": "cell", "code": "1"})
    box.collect()
    first = (folder / "spool/events.jsonl").stat().st_size
    write(folder, {"kind": "cell", "code": "2"})
    box.collect()
    box.let_forget()
    assert not (folder / "spool/events.read").exists()

    box.acknowledge(1)
    box.let_forget()
    assert (folder / "spool/events.read").read_text() == str(first)
    again = outbox(folder)
    again.acknowledge(2)
    again.let_forget()
    assert (folder / "spool/events.read").read_text() == str((folder / "spool/events.jsonl").stat().st_size)


def test_a_gateway_can_not_have_us_write_elsewhere(folder):
    (folder / "precious").write_text("precious")
    for name in ("events.read", ".events.read"):
        (folder / "spool" / name).symlink_to(folder / "precious")
    box = outbox(folder)
    write(folder, {"kind": "signed_in"})
    box.collect()
    box.acknowledge(1)
    box.let_forget()

    assert (folder / "precious").read_text() == "precious"
    assert not (folder / "spool/events.read").is_symlink()


def test_a_file_under_a_steady_stream_stays_short_and_loses_nothing(folder):
    box = outbox(folder)
    longest = 0
    for number in range(1000):
        box.tell("opened", path="x" * 10_000, number=number)
        if number > 20:
            box.acknowledge(number - 20)  # something always waits
        longest = max(longest, (folder / "events").stat().st_size)

    assert longest < 2_000_000
    again = outbox(folder)
    assert [event["number"] for event in again.waiting] == list(range(979, 1000))
    assert [event["seq"] for event in again.waiting] == list(range(980, 1001))
    again.tell("ended")
    assert again.last == 1001
