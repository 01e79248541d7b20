"""T1 to T12 of docs/design/audit.md: what somebody with every right in the computer center does, and who finds it.

The attacker is PostgreSQL's superuser with all triggers asleep; where it says so, they also have the notary's key. An
edit must be found with the first bad entry, by the portal's own verify() and by both verifiers over an export; what a
log alone can't show (a cut tail, a restored backup, a fork) by a center's witness.

Over the budget of 400 lines because the twelve cases are one list, which must be seen to leave none out.
"""

import gzip
import json
import random
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from apps.alliance.models import Member
from apps.alliance.roles import Role
from apps.alliance.services import people
from apps.audit import exports
from apps.audit.models import Checkpoint, Entry, Event
from apps.audit.verification import verify
from caia_notary import __main__ as notary_process
from caia_notary.collect import collect
from caia_notary.place import WitnessPlace
from caia_notary.sequencer import Alarm, Sequencer
from tests import database
from tests.factories import MemberFactory, holder
from tests.record.conftest import ORIGIN, noted
from tests.record.judges import codes
from tlog.asking import post_checkpoint
from tlog.checkpoint import Checkpoint as Head
from tlog.keys import create_key
from tlog.merkle import Frontier, leaf_hash
from tlog.notes import Kind, Note, sign_checkpoint
from tlog.proof import WitnessRequest
from tlog.tiles import TileBroken, TileDirectory, TileMissing, VerifiedNodes

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

VICTIM = 300  # in the second tile, under the second of the large heads


@pytest.fixture
def tiles(filled):
    return TileDirectory(filled.place.tiles)


@pytest.fixture
def exported(tmp_path):
    """An export of the whole record as it is now, unpacked."""

    def export(name="bundle"):
        exports.export_whole(tmp_path / name, packed=False)
        return (tmp_path / name).read_bytes()

    return export


@pytest.fixture
def pinned(filled):
    """What a center holds from before the attack: the log's name and key."""
    return exports.trust().as_json()


def asked(*words):
    """Exit code and words of `manage.py audit`."""
    out = []
    try:
        call_command("audit", *words, stdout=type("Out", (), {"write": lambda self, text: out.append(text)})())
    except (SystemExit, CommandError) as left:
        return getattr(left, "code", None) or getattr(left, "returncode", None), "\n".join([*out, str(left)])
    return 0, "\n".join(out)


def text_of(number):
    return Entry.objects.get(idx=number).entry


def rewrite(dba, number, text):
    """Another text and the leaf that fits it."""
    leaf = leaf_hash(text.encode())
    dba.execute("update audit.entry set entry = %s, leaf = %s where idx = %s", [text, leaf, number])


def forged(number):
    return text_of(number).replace('"outcome":"success"', '"outcome":"refused"')


def heads_before(number):
    return Checkpoint.objects.filter(size__lte=number).first().size


# ── T1, T2, T4, T5: the entries ──────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("are_tiles_at_hand", [True, False])
def test_t1_one_edited_text(filled, dba, exported, judges, settings, tmp_path, are_tiles_at_hand):
    if not are_tiles_at_hand:
        settings.RECORD_TILES = tmp_path / "nowhere"
    dba.execute("update audit.entry set entry = %s where idx = %s", [forged(VICTIM), VICTIM])

    assert verify().first_bad == VICTIM
    report = judges.judge(exported())
    assert (report["exit"], report["first_bad_index"]) == (1, VICTIM)
    assert asked("verify")[0] == 1


def test_t2_an_edit_with_its_leaf_put_right(filled, dba, tiles, exported, judges):
    rewrite(dba, VICTIM, forged(VICTIM))

    assert verify(tiles=tiles).first_bad == VICTIM
    report = judges.judge(exported())
    assert (report["exit"], report["first_bad_index"]) == (1, VICTIM)


def test_t2_with_the_tiles_written_anew_the_signed_root_still_tells(filled, dba, tiles, exported, judges):
    rewrite(dba, VICTIM, forged(VICTIM))
    for file in filled.place.tiles.rglob("*"):
        if file.is_file():
            file.unlink()
    texts = [entry.entry.encode() for entry in Entry.objects.all()]
    tiles.append(0, [leaf_hash(text) for text in texts], texts)

    assert verify(tiles=tiles).first_bad == heads_before(VICTIM)
    report = judges.judge(exported())
    assert report["exit"] == 1
    assert heads_before(VICTIM) <= report["first_bad_index"] <= VICTIM


def test_t2_with_a_head_made_up_the_notary_signs_nothing_more(filled, dba, place):
    rewrite(dba, VICTIM, forged(VICTIM))
    tree = Frontier()
    tree.extend(leaf_hash(entry.entry.encode()) for entry in Entry.objects.all())
    note = str(filled.head.note)
    root, made_up = (str(Head(ORIGIN, tree.size, one)) for one in (filled.head.frontier.root(), tree.root()))
    dba.execute(
        "update audit.checkpoint set root = %s, frontier = %s, note = %s where size = %s",
        [tree.root(), tree.serialise(), note.replace(root, made_up), tree.size],
    )
    filled.connection.close()

    with psycopg.connect(place.database_url) as again, pytest.raises(Alarm, match="not one that this notary signed"):
        Sequencer(place, again)
    assert "is not signed by the notary's key" in " ".join(verify().wrong)


def test_t4_two_entries_in_each_others_place(filled, dba, tiles, exported, judges):
    one, other = text_of(VICTIM), text_of(VICTIM + 40)
    rewrite(dba, VICTIM, other)
    rewrite(dba, VICTIM + 40, one)

    assert verify(tiles=tiles).first_bad == VICTIM
    assert verify().first_bad == heads_before(VICTIM)
    report = judges.judge(exported())
    assert (report["exit"], report["first_bad_index"]) == (1, VICTIM)


def test_t5_an_entry_slipped_in(filled, dba, tiles, exported, judges):
    dba.execute("update audit.entry set idx = -idx where idx >= %s", [VICTIM])
    dba.execute("update audit.entry set idx = 1 - idx where idx < 0")
    dba.execute(
        "insert into audit.entry (idx, sequenced_at, entry, leaf) select %s, sequenced_at, entry, leaf "
        "from audit.entry where idx = %s",
        [VICTIM, VICTIM - 1],
    )
    rewrite(dba, VICTIM, forged(VICTIM))

    assert verify(tiles=tiles).first_bad == VICTIM
    report = judges.judge(exported())
    assert (report["exit"], report["first_bad_index"]) == (1, VICTIM)


def test_t5_an_entry_taken_out(filled, dba, tiles, exported, judges):
    dba.execute("delete from audit.entry where idx = %s", [VICTIM])

    assert verify(tiles=tiles).first_bad == VICTIM
    report = judges.judge(exported())
    assert (report["exit"], report["first_bad_index"]) == (1, VICTIM)


def test_t5_a_back_dated_event_that_went_in_by_the_door(filled, tiles, exported, judges):
    size = filled.head.frontier.size
    earlier = datetime.now(UTC) - timedelta(hours=3)
    noted(1, occurred_at=earlier.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    filled.step()

    assert verify(tiles=tiles).first_bad == size
    report = judges.judge(exported())
    assert (report["exit"], report["first_bad_index"], codes(report)) == (1, size, ["clock"])


# ── T3, T7, T8: what only others can tell ────────────────────────────────────────────────────────────────────────────
def cut(dba, size):
    """Set the record back to its head of this size, so that everything fits."""
    dba.execute("delete from audit.cosignature where size > %s", [size])
    dba.execute("delete from audit.checkpoint where size > %s", [size])
    dba.execute("delete from audit.entry where idx >= %s", [size])


def test_t3_the_tail_cut_off_is_found_by_the_witness(filled, dba, witness, exported, judges, settings, tmp_path):
    assert "cosigned" in witness.sees(filled)
    signed = filled.head.frontier.size
    old = heads_before(VICTIM)
    cut(dba, old)
    settings.RECORD_TILES = tmp_path / "nowhere"  # they went with the tail

    assert verify().wrong == []  # by itself it fits: this is why there are witnesses
    code, words = asked("verify", "--witnesses")
    assert code == 1
    assert f"North's witness has seen {signed:,} entries, and the record has {old:,}: the record was set back" in words
    assert f"First bad entry: {old}" in words
    bundle = exported()
    assert judges.judge(bundle)["exit"] == 0
    report = judges.judge(bundle, seen=[witness.seen()])
    assert (report["exit"], codes(report), report["first_bad_index"]) == (1, ["seen-cut"], old)


def test_t3_the_published_tiles_remember_a_tail_that_is_cut_off_carelessly(filled, dba):
    signed = filled.head.frontier.size
    dba.execute("delete from audit.entry where idx >= %s", [signed - 5])

    report = verify()

    assert report.first_bad == signed - 5
    assert "the tail is gone" in " ".join(report.wrong)


def test_t7_a_fork_is_refused_by_the_witness(filled, witness, exported, judges):
    """The attacker has the notary's key, and shows each auditor another history of the same size."""
    witness.sees(filled)
    bundle = exported()
    size = filled.head.frontier.size
    tree = Frontier()
    tree.extend(leaf_hash(f"other {number}".encode()) for number in range(size))
    fork = sign_checkpoint(Head(ORIGIN, size, tree.root()), [filled.key], at=1)

    status, _ = post_checkpoint(witness.place.url, WitnessRequest(size, (), fork))

    assert status == 422
    report = judges.judge(bundle, seen=[str(fork)])
    assert (report["exit"], codes(report)) == (1, ["seen-fork"])
    assert '"verdict": "refused' in witness.seen()  # the center keeps the log's own signature under the lie


@pytest.mark.parametrize("answer", [b"", b"yes\n", "— witness.north.example AAAAAAAA\n".encode(), b"\xff" * 9000])
def test_t7_a_witness_that_talks_nonsense_is_an_alarm_and_stops_nobody(filled, superuser, answer):
    class Babbler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *words):
            pass

    with HTTPServer(("127.0.0.1", 0), Babbler) as server:
        threading.Thread(target=server.handle_request).start()
        key = create_key(filled.place.home / "babbler", "witness.north.example", Kind.COSIGNATURE).verifier
        place = WitnessPlace("North", f"http://127.0.0.1:{server.server_port}", str(key))
        (line,) = collect(filled.connection, filled.tiles, filled.head, [place])

    assert line.startswith("North refused: ")
    assert "North refused" in superuser.execute("select words from audit.alarm").fetchone()[0]
    noted(1)
    assert filled.step() == 1


def test_t7_a_history_rewritten_with_the_notarys_key_is_refused_by_the_witness(filled, dba, witness, tmp_path):
    """Entries, heads and tiles all fit and are signed: only who saw the former head knows better."""
    witness.sees(filled)
    rewrite(dba, VICTIM, forged(VICTIM))
    old = heads_before(VICTIM)
    tail = list(Entry.objects.filter(idx__gte=old).values_list("entry", flat=True))
    dba.execute("delete from audit.cosignature where size > %s", [old])
    dba.execute("delete from audit.checkpoint where size > %s", [old])
    filled.connection.close()
    with psycopg.connect(filled.place.database_url) as again:
        liar = Sequencer(filled.place, again)
        assert liar.step() == len(tail)
        assert "refused" in witness.sees(liar)
        assert "witness of North refused" in again.execute("select words from audit.alarm").fetchone()[0]

    assert verify(tiles=TileDirectory(filled.place.tiles)).wrong == []
    code, words = asked("verify", "--witnesses")
    assert code == 1
    assert "North's witness has seen another history" in words


def test_t8_last_nights_backup_is_found_by_the_witness(filled, witness, place):
    witness.sees(filled)
    filled.connection.close()
    copied("backup", of=worker_database())
    manager = holder(Role.CENTER_MANAGER)
    people.suspend(MemberFactory(center=manager.center), by=manager, reason="Never happened.")
    with psycopg.connect(place.database_url) as today:
        notary = Sequencer(place, today)
        notary.step()
        signed = notary.head.frontier.size
        witness.sees(notary)

    copied(worker_database(), of="backup")
    database.drop("backup")

    assert verify().wrong == []
    code, words = asked("verify", "--witnesses")
    assert code == 1
    assert f"has seen {signed:,} entries" in words
    noted(1)
    with psycopg.connect(place.database_url) as tomorrow:
        notary = Sequencer(place, tomorrow)
        notary.step()
        assert "set back" in witness.sees(notary) or "refused" in witness.sees(notary)
        assert tomorrow.execute("select count(*) from audit.alarm").fetchone()[0] > 0


def copied(name, *, of):
    """A copy of this whole database; whoever else still has it open (an earlier test's browser, say) is sent away."""
    connections.close_all()
    others = "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and pid <> pg_backend_pid()"
    with database.superuser("postgres") as server:
        for known in (of, name):
            server.execute(others, [known])
    database.drop(name)
    with database.owner("postgres") as owner:
        owner.execute(f"create database {name} template {of}")


def worker_database():
    return connections["default"].settings_dict["NAME"]


# ── T6: signatures and keys ──────────────────────────────────────────────────────────────────────────────────────────
def test_t6_a_replaced_signature(filled, dba, exported, judges):
    size = filled.head.frontier.size
    value = filled.head.note.signatures[0]
    broken = Note(filled.head.note.text, (type(value)(value.name, value.key_id, bytes(64)),))
    dba.execute("update audit.checkpoint set note = %s where size = %s", [str(broken), size])

    assert f"The checkpoint of {size:,} entries is not signed" in " ".join(verify().wrong)
    assert "bad-signature" in codes(judges.judge(exported()))


def test_t6_a_key_slipped_in_without_the_old_keys_word(filled, dba, exported, tmp_path):
    thief = create_key(tmp_path / "thief", ORIGIN)
    size = filled.head.frontier.size
    other = sign_checkpoint(Head(ORIGIN, size, filled.head.frontier.root()), [thief], at=1)
    dba.execute("insert into audit.log_key values (%s, %s, '')", [size, str(thief.verifier)])
    dba.execute("update audit.checkpoint set note = %s where size = %s", [str(other), size])

    wrong = " ".join(verify().wrong)

    assert f"The key {thief.verifier} is no key of this log" in wrong
    assert f"The checkpoint of {size:,} entries is not signed" in wrong
    assert asked("export", str(tmp_path / "no"))[0] == 2


def test_t6_all_signed_anew_by_another_key_is_found_by_who_holds_the_key(
    filled, dba, exported, judges, pinned, witness, tmp_path
):
    witness.sees(filled)
    thief = create_key(tmp_path / "thief", ORIGIN)
    for head in Checkpoint.objects.all():
        note = sign_checkpoint(Head(ORIGIN, head.size, bytes(head.root)), [thief], at=1)
        dba.execute("update audit.checkpoint set note = %s where size = %s", [str(note), head.size])
    dba.execute("update audit.log_key set vkey = %s", [str(thief.verifier)])

    assert verify().wrong == []
    assert judges.judge(exported())["exit"] == 0
    assert "wrong-key" in codes(judges.judge(exported(), trust=pinned))
    code, words = asked("verify", "--witnesses")
    assert code == 1
    assert "North's witness does not know the key that signed the record's head" in words


# ── T9: before it is in order ────────────────────────────────────────────────────────────────────────────────────────
def test_t9_an_event_taken_away_before_it_was_in_order_is_in_the_log(filled, dba, caplog, tmp_path):
    manager = holder(Role.CENTER_MANAGER)
    colleague = MemberFactory(center=manager.center)
    filled.step()
    with caplog.at_level("INFO", "caia.record"):
        people.suspend(colleague, by=manager, reason="Unseen.")
    event = Event.objects.get(idx=None)
    log = tmp_path / "web.log"
    log.write_text("".join(f"{json_line(one)}\n" for one in caplog.records))
    dba.execute("delete from audit.pending")
    dba.execute("delete from audit.changed")
    filled.step()

    code, words = asked("verify", "--no-rows", "--log", str(log))

    assert code == 1
    assert f"alliance.member.suspended {event.id} was recorded" in words
    assert f"alliance_member {colleague.pk} is not as its last event left it" in " ".join(verify().wrong)


def json_line(line):
    """A log record as the portal's own logging writes it."""
    facts = line.msg if isinstance(line.msg, dict) else {"event": line.getMessage()}
    return json.dumps({"logger": line.name, **facts}, default=str)


def test_t9_the_rows_of_an_event_that_was_taken_away_wait_for_ever(filled, dba):
    manager = holder(Role.CENTER_MANAGER)
    filled.step()
    people.suspend(MemberFactory(center=manager.center), by=manager, reason="Unseen.")
    dba.execute("delete from audit.pending")
    filled.step()

    assert "wait for events that were removed" in " ".join(verify().wrong)


# ── T10: past the triggers ───────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def member(filled):
    """Somebody whose making is in the record."""
    found = MemberFactory(status=Member.Status.SUSPENDED)
    filled.step()
    assert verify().wrong == []
    return found


def test_t10_a_row_changed_with_the_triggers_asleep(member, dba):
    dba.execute("update alliance_member set status = 'active' where id = %s", [member.pk])

    assert verify().wrong == [
        f"alliance_member {member.pk} is not as its last event left it: it was changed past the record."
    ]


def test_t10_a_row_made_or_removed_with_the_triggers_asleep(member, dba):
    dba.execute(
        "insert into alliance_trainingtype "
        "select gen_random_uuid(), 'Made up', '', 1, false, '{}', 'published', now(), now(), 1"
    )
    dba.execute("delete from alliance_member where id = %s", [member.pk])

    wrong = " ".join(verify().wrong)

    assert "is there, but no event made it" in wrong
    assert f"alliance_member {member.pk} was removed past the record" in wrong


def test_t10_a_silent_change_shows_even_after_an_audited_one(member, filled, dba):
    """The row's next event would else make the stolen state look as if it had always been so."""
    dba.execute("update alliance_member set position = 'Director' where id = %s", [member.pk])
    manager = holder(Role.CENTER_MANAGER, member.center)
    filled.step()
    people.reinstate(member, by=manager, reason="Back from leave.")
    filled.step()

    report = verify()

    assert report.first_bad == Entry.objects.get(kind="alliance.member.reinstated").idx + 1
    assert f"alliance_member {member.pk} was changed past the record some time before" in " ".join(report.wrong)


def test_t10_a_rule_that_is_left_off_is_missed(member, superuser):
    superuser.execute("alter table alliance_member disable trigger must_be_recorded")
    try:
        assert "alliance_member is no longer guarded" in " ".join(verify().wrong)
    finally:
        superuser.execute("alter table alliance_member enable trigger must_be_recorded")


# ── T11: the clock ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_t11_the_notary_signs_nothing_while_the_clock_is_behind(filled, place, superuser, monkeypatch):
    noted(1)
    heads = Checkpoint.objects.count()
    clock = filled.head.signed_at
    filled.connection.close()
    monkeypatch.setattr("caia_notary.sequencer.time.time", lambda: clock - 3600)

    with psycopg.connect(place.database_url) as again, pytest.raises(Alarm, match="the clock went back"):
        notary_process._work(place, again, notary_process.Stop(), once=True)

    assert Checkpoint.objects.count() == heads
    assert "clock went back" in superuser.execute("select words from audit.alarm").fetchone()[0]


def test_t11_heads_signed_out_of_order_of_time(filled, dba):
    size = filled.head.frontier.size
    dba.execute("update audit.checkpoint set signed_at = signed_at - interval '1 hour' where size = %s", [size])

    assert verify().wrong == [f"The clock went back before the checkpoint of {size:,} entries."]


# ── T12: one bit ─────────────────────────────────────────────────────────────────────────────────────────────────────
def flipped(content, bit):
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def each_tile(filled):
    """The files that the newest head needs, and not those of earlier partial tiles."""
    size = filled.head.frontier.size
    for file in sorted(filled.place.tiles.rglob("*")):
        if file.is_file() and (".p" not in file.parent.name or int(file.name) in (size % 256, size // 256 % 256)):
            yield file


def test_t12_a_bit_of_a_tile(filled, tiles):
    size, root = filled.head.frontier.size, filled.head.frontier.root()
    dice = random.Random(20261123)
    files = list(each_tile(filled))
    assert len(files) > 6
    for file in files:
        whole = file.read_bytes()
        for _ in range(25):
            file.write_bytes(flipped(whole, dice.randrange(len(whole) * 8)))
            with pytest.raises((TileBroken, TileMissing)):
                read_all(tiles, size, root)
        file.write_bytes(whole)
    read_all(tiles, size, root)


def read_all(tiles, size, root):
    nodes = VerifiedNodes(tiles, size, root)
    for number in range(-(-size // 256)):
        nodes.entries(number)


def test_t12_verify_names_the_damaged_tile(filled, tiles):
    file = filled.place.tiles / "tile/0/001"
    file.write_bytes(flipped(file.read_bytes(), 77))

    (words,) = verify(tiles=tiles).wrong

    assert words == "The published tiles are damaged: tile/0/001 does not lead to its parent."


def test_t12_damaged_tiles_are_made_anew_and_never_signed(filled, place):
    for file in each_tile(filled):
        file.write_bytes(flipped(file.read_bytes(), 77))
    noted(10)
    heads = Checkpoint.objects.count()
    with pytest.raises(Alarm, match="the tiles are damaged"):
        filled.step()
    assert Checkpoint.objects.count() == heads
    filled.connection.close()

    with psycopg.connect(place.database_url) as again:
        Sequencer(place, again).step()

    assert verify(tiles=TileDirectory(place.tiles)).wrong == []


@pytest.mark.parametrize("count", [60, pytest.param(10_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("is_packed", [False, True])
def test_t12_a_bit_of_a_bundle(filled, judges, tmp_path, count, is_packed):
    exports.export_whole(tmp_path / "bundle", packed=is_packed)
    whole = (tmp_path / "bundle").read_bytes()
    assert judges.judge(whole)["exit"] == 0
    dice = random.Random(count)
    for _ in range(count):
        bit = dice.randrange(len(whole) * 8)
        damaged = flipped(whole, bit)
        assert judges.judge(damaged)["exit"] or unpacked(damaged) == unpacked(whole), bit


def unpacked(content):
    """What the bundle says; bits of gzip's own header say nothing."""
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
