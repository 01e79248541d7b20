"""`manage.py audit`: plain words and an exit code; proofs and bundles that others can check."""

import io
import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from apps.alliance.roles import Role
from apps.alliance.services import people
from apps.audit import exports
from apps.audit.gateways import ask_witnesses
from apps.audit.models import Checkpoint, Entry, Event
from apps.core.errors import NotAllowed
from tests.factories import MemberFactory, holder
from tests.record.conftest import noted
from tlog.asking import post_checkpoint
from tlog.merkle import leaf_hash, verify_consistency
from tlog.proof import EventProof, WitnessRequest

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def said(*words):
    """Exit code and output of the command."""
    out = io.StringIO()
    try:
        call_command("audit", *words, stdout=out)
    except SystemExit as left:
        return left.code, out.getvalue()
    return 0, out.getvalue()


def test_an_untouched_record_holds_and_says_so(filled):
    code, words = said("verify")

    assert code == 0, words
    assert words.startswith("IT HOLDS.\n")
    assert f"Looked at {Entry.objects.count():,} entries" in words


def test_it_also_holds_while_events_wait_for_the_notary(filled):
    manager = holder(Role.CENTER_MANAGER)
    people.suspend(MemberFactory(center=manager.center), by=manager, reason="Just now.")

    code, words = said("verify")

    assert code == 0, words


def test_a_range_begins_at_the_last_signed_head_before_it(filled):
    sizes = sorted(Checkpoint.objects.values_list("size", flat=True))

    code, words = said("verify", "--from", str(sizes[-2] + 10), "--json")

    report = json.loads(words)
    assert code == 0, words
    assert (report["start"], report["checkpoints"]) == (sizes[-2], 1)
    assert report["size"] == sizes[-1]


@pytest.mark.parametrize("are_tiles_at_hand", [True, False])
def test_a_range_that_ends_between_two_heads_is_led_to_the_next_one(filled, dba, settings, tmp_path, are_tiles_at_hand):
    if not are_tiles_at_hand:
        settings.RECORD_TILES = tmp_path / "nowhere"
    *_, before, after = sorted(Checkpoint.objects.values_list("size", flat=True))
    text = Entry.objects.get(idx=before + 3).entry.replace("test.noted", "test.nated")
    dba.execute(
        "update audit.entry set entry = %s, leaf = %s where idx = %s", [text, leaf_hash(text.encode()), before + 3]
    )

    code, words = said("verify", "--from", str(before + 1), "--to", str(before + 10))

    assert code == 1, words
    assert f"First bad entry: {before + 3 if are_tiles_at_hand else before}\n" in words
    assert f"You asked for the entries from {before + 1} to {before + 10}; a range is widened" in words
    assert json.loads(said("verify", "--to", str(before + 10), "--json")[1])["size"] == after


def test_what_no_head_covers_yet_is_named_and_no_failure(filled):
    signed = Entry.objects.count()
    noted(10)
    filled._move_pending()

    for words in (("verify",), ("verify", "--to", str(signed + 5)), ("verify", "--from", str(signed + 2))):
        code, answer = said(*words)
        assert code == 0, answer
        assert f"Not signed yet: entry {signed} and those after it.\n" in answer
    assert json.loads(said("verify", "--to", str(signed + 5), "--json")[1])["unsigned_from"] == signed
    filled.step()
    assert "Not signed yet" not in said("verify", "--to", str(signed + 5))[1]


@pytest.mark.parametrize("span", [("--from", "9", "--to", "9"), ("--from", "100000"), ("--to", "100000")])
def test_a_range_that_is_none_could_not_be_looked_at(filled, span):
    with pytest.raises(CommandError, match="could not be looked at") as raised:
        said("verify", *span)

    assert raised.value.returncode == 2


def test_a_broken_record_says_which_entry(filled, dba):
    dba.execute("update audit.entry set entry = replace(entry, 'Number 1.', 'Number 7.')")
    bad = Entry.objects.get(entry__contains="Number 7.", kind="alliance.member.suspended").idx

    code, words = said("verify")

    assert code == 1
    assert words.startswith("IT IS BROKEN.\n")
    assert f"First bad entry: {bad}\n" in words


def test_a_database_that_does_not_answer_could_not_be_looked_at(filled, superuser):
    superuser.execute("revoke select on audit.entry from caia_portal")
    try:
        with pytest.raises(CommandError, match="could not be looked at") as raised:
            said("verify")
    finally:
        superuser.execute("grant select on audit.entry to caia_portal")

    assert raised.value.returncode == 2


def test_a_witness_that_does_not_answer_is_no_clean_bill(filled, superuser):
    superuser.execute("insert into audit.witness (center, vkey, url) values ('North', 'none', 'http://127.0.0.1:1/')")

    code, words = said("verify", "--witnesses")

    assert code == 2
    assert "North's witness does not answer" in words


def asked():
    (one,) = ask_witnesses()
    return one


def test_asking_a_witness_leaves_no_refusal_behind(filled, witness):
    witness.sees(filled)
    seen, size = witness.seen(), filled.head.frontier.size
    noted(5)
    filled.step()

    assert said("verify", "--witnesses")[0] == 0

    assert (asked().agrees, asked().size) == (True, size)
    assert witness.seen() == seen
    assert "cosigned" in witness.sees(filled)
    noted(5)
    filled.step()
    witness.sees(filled)
    assert "refused" not in witness.seen()


def test_a_witness_that_has_seen_nothing_yet_is_left_alone(filled, witness, superuser):
    superuser.execute(
        "insert into audit.witness (center, vkey, url) values ('North', %s, %s)",
        [witness.place.vkey, witness.place.url],
    )

    assert (asked().agrees, asked().size) == (None, 0)
    assert witness.seen() == ""
    witness.sees(filled)
    assert asked().agrees
    assert "refused" not in witness.seen()


def test_a_witness_that_forgot_what_it_had_signed_is_no_clean_bill(filled, witness, superuser):
    witness.sees(filled)
    (head,) = (witness.folder / "heads").iterdir()
    old, size = head.read_bytes(), filled.head.frontier.size
    noted(5)
    filled.step()
    witness.sees(filled)
    head.write_bytes(old)

    assert (asked().agrees, asked().size) == (None, size)
    assert "its folder was set back" in asked().words


@pytest.fixture
def silent(witness):
    """The same witness behind a door that hands out no checkpoints."""
    real = witness.place.url

    class Door(BaseHTTPRequestHandler):
        def do_POST(self):
            asking = WitnessRequest.parse(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = post_checkpoint(real, asking)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        threading.Thread(target=server.serve_forever).start()
        witness.place = replace(witness.place, url=f"http://127.0.0.1:{server.server_port}")
        yield witness
        server.shutdown()


def test_a_witness_that_hands_out_nothing_signs_again_what_it_signed(filled, silent):
    silent.sees(filled)
    noted(5)
    filled.step()

    assert asked().agrees
    assert "refused" not in silent.seen()


def test_a_witness_that_hands_out_nothing_still_tells_that_the_record_was_set_back(filled, silent, dba):
    silent.sees(filled)
    size = filled.head.frontier.size
    noted(5)
    filled.step()
    silent.sees(filled)
    for table, column in (("cosignature", "size"), ("checkpoint", "size"), ("entry", "idx + 1")):
        dba.execute(f"delete from audit.{table} where {column} > %s", [size])

    assert asked().agrees is False
    assert "the record was set back" in asked().words


def test_an_event_is_proved_by_text_and_proof_alone(filled):
    event = Event.objects.filter(event="alliance.member.suspended").last()

    _, words = said("prove", str(event.id))

    text, proof = words.split("\n\n", 1)
    assert text == event.entry
    EventProof.parse(proof).verify(leaf_hash(text.encode()), filled.place.origin, [filled.key.verifier])


def test_an_event_that_is_not_there_is_not_proved(filled):
    with pytest.raises(CommandError, match="No event") as raised:
        said("prove", str(uuid4()))

    assert raised.value.returncode == 2


def test_one_head_is_proved_to_continue_another(filled):
    old, *_, new = sorted(Checkpoint.objects.values_list("size", flat=True))

    _, words = said("consistency", str(old), str(new))

    request = WitnessRequest.parse(words.encode())
    root = bytes(Checkpoint.objects.get(size=old).root)
    assert (request.old_size, request.note.checkpoint().size) == (old, new)
    verify_consistency(old, root, new, request.note.checkpoint().root, request.proof)


def test_the_whole_export_satisfies_both_verifiers(filled, judges, tmp_path):
    code, words = said("export", str(tmp_path / "all.gz"))

    report = judges.judge((tmp_path / "all.gz").read_bytes())
    assert code == 0
    assert "python3 verifier/caia_verify.py" in words
    assert (report["exit"], report["entries"], report["findings"]) == (0, Entry.objects.count(), [])
    assert report["kind"] == "whole"


def test_the_tiles_computed_from_the_entries_are_the_published_ones(filled, settings, tmp_path):
    said("export", str(tmp_path / "published"), "--plain")
    published = tmp_path / "published"
    newest = Checkpoint.objects.first()
    computed = exports.ComputedTiles(newest.size)
    for path in (file for file in filled.place.tiles.rglob("*") if file.is_file() and "entries" not in file.parts):
        name = str(path.relative_to(filled.place.tiles))
        if ".p/" not in name or name.endswith((f"/{newest.size % 256}", f"/{newest.size // 256}")):
            assert computed.read(name) == path.read_bytes(), name

    settings.RECORD_TILES = tmp_path / "nowhere"
    said("export", str(tmp_path / "computed"), "--plain")

    one, other = (without_time(path.read_text()) for path in (published, tmp_path / "computed"))
    assert one == other


def without_time(bundle):
    header, *lines, end = bundle.splitlines()
    return [json.loads(header) | {"exported_at": ""}, *lines, json.loads(end)["end"] | {"sha256": ""}]


@pytest.mark.parametrize("tiles", ["published", "computed"])
def test_a_span_is_exported_with_proofs(filled, judges, settings, tmp_path, tiles):
    if tiles == "computed":
        settings.RECORD_TILES = tmp_path / "nowhere"
    said("export", str(tmp_path / "span"), "--from", "250", "--to", "260")

    report = judges.judge((tmp_path / "span").read_bytes())
    assert (report["exit"], report["entries"], report["kind"]) == (0, 10, "selection")


def test_chosen_events_are_exported_with_the_rows_that_they_changed(filled, judges, tmp_path):
    event = Event.objects.filter(event="alliance.member.suspended").first()
    said("export", str(tmp_path / "one"), "--ids", str(event.id), "--plain")

    content = (tmp_path / "one").read_bytes()
    assert judges.judge(content)["entries"] == 2
    assert b'"kind":"audit.rows"' in content
    assert oct((tmp_path / "one").stat().st_mode)[-3:] == "600"


def test_an_export_that_fails_leaves_no_file(filled, tmp_path):
    with pytest.raises(CommandError, match="has the entries"):
        said("export", str(tmp_path / "span"), "--from", "5", "--to", "100000")

    assert list(tmp_path.glob("*span*")) == []


def test_the_log_of_the_portal_agrees_with_the_record(filled, tmp_path):
    refused = MemberFactory()
    with pytest.raises(NotAllowed):
        people.suspend(MemberFactory(center=refused.center), by=refused, reason="No.")
    log = tmp_path / "web.log"
    lines = [
        {"event": "recorded", "logger": "caia.record", "id": str(event.id), "kind": event.event}
        for event in Event.objects.all()
    ]
    log.write_text("".join(f"{json.dumps(line)}\n" for line in lines) + '{"logger": "caia.record", "event": "rec')

    assert said("verify", "--log", str(log))[0] == 0


def test_the_export_needs_no_more_memory_for_more_events(filled, tmp_path, monkeypatch):
    """Reads some thousand entries at a time, and keeps none of them."""
    longest = 0
    real = exports.lines

    def counted(*span):
        nonlocal longest
        for chunk in real(*span):
            longest = max(longest, len(chunk))
            yield chunk

    monkeypatch.setattr("apps.audit.verification.CHUNK", 100)
    monkeypatch.setattr(exports, "lines", counted)
    exports.export_whole(tmp_path / "all.gz")

    assert longest == 100
