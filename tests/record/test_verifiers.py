"""What the two verifiers say of bundles that hold and of each way to break one."""

import gzip
import json
import subprocess
from datetime import timedelta

import pytest

from tests.record import made
from tests.record.judges import NODE_VERIFIER, PYTHON_VERIFIER, codes
from tests.record.mutations import repaired
from tlog import keys, merkle


@pytest.fixture(scope="module")
def log():
    return made.log_of(100, 300, 517, rotations=(300,))


def swapped(events, first, second):
    events = list(events)
    events[first], events[second] = events[second], events[first]
    return events


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("with_tiles", [False, True])
def test_a_whole_record_holds(judges, log, packed, with_tiles):
    report = judges.judge(log.whole(packed=packed, with_tiles=with_tiles))
    assert (report["exit"], report["entries"], report["centers"]) == (0, 517, ["East", "North", "South"])


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 513])
def test_a_record_of_any_size_holds(judges, size):
    log = made.log_of(size)
    assert judges.judge(log.whole())["exit"] == 0
    assert judges.judge(log.whole(with_tiles=False))["exit"] == 0


def test_a_selection_holds(judges, log):
    assert judges.judge(log.selection([0, 3, 255, 256, 516]))["exit"] == 0
    assert judges.judge(log.selection(range(200, 300), span=(200, 300), packed=True))["exit"] == 0
    assert judges.judge(log.selection([]))["exit"] == 0


def test_an_edited_event_is_named(judges, log):
    for index in (0, 99, 100, 255, 256, 400, 516):
        events = list(log.events)
        events[index] = events[index].replace("success", "refused")
        report = judges.judge(log.whole(events=events))
        assert (report["exit"], report["first_bad_index"], codes(report)) == (1, index, ["altered"])


def test_without_tiles_an_edit_is_found_between_two_checkpoints(judges, log):
    events = list(log.events)
    events[250] = made.event(9999)
    report = judges.judge(log.whole(events=events, with_tiles=False))
    assert (report["exit"], report["first_bad_index"]) == (1, 100)


def test_an_edit_with_its_leaf_repaired_is_found_by_the_published_tiles(judges, log):
    forged = made.Log(centers=log.centers, rotations=log.rotations)
    forged.grow([*log.events[:250], made.event(9999), *log.events[251:]], signed=False)
    assert judges.judge(log.whole(events=forged.events))["first_bad_index"] == 250
    forged.checkpoints = log.checkpoints
    report = judges.judge(forged.whole())  # the tiles were rewritten too
    assert (report["exit"], report["first_bad_index"]) == (1, 100)


def test_swapped_dropped_doubled_and_added_events_are_found(judges, log):
    events = log.events
    for broken, index in (
        (swapped(events, 20, 21), 20),
        (swapped(events, 30, 400), 30),
        ([*events[:50], *events[51:]], 50),
        ([*events[:50], events[50], *events[50:]], 51),
        ([*events[:310], made.event(310, at=made.BEGAN), *events[310:]], 310),
        ([*events, made.event(600)], 517),
        (events[:-1], 516),
        (events[:100], 100),
    ):
        report = judges.judge(log.whole(events=broken))
        assert (report["exit"], report["first_bad_index"]) == (1, index)


def test_lines_in_the_wrong_order_are_found(judges, log):
    lines = log.whole().split(b"\n")
    at = next(number for number, line in enumerate(lines) if line.startswith(b'{"entry":7,'))
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    report = judges.judge(b"\n".join(lines))
    assert (report["exit"], report["first_bad_index"], codes(report)) == (1, 7, ["order"])


def test_a_text_that_is_no_event_is_named_and_not_a_reading_error(judges, log):
    for text in ("", "{", "no\njson", "\udc80", "x" * 3_000_000, '"}\n{"entry":9,"event":{}'):
        events = list(log.events)
        events[300] = text
        report = judges.judge(log.whole(events=events))
        assert (report["exit"], report["first_bad_index"]) == (1, 300)


def test_a_damaged_tile_is_told_from_a_changed_event(judges, log):
    tiles = made.Memory(log.tiles)
    broken = bytearray(tiles["tile/0/001"])
    broken[32 * 44 + 5] ^= 1
    tiles["tile/0/001"] = bytes(broken)
    other = made.Log(events=log.events, rotations=log.rotations, tiles=tiles, checkpoints=log.checkpoints)
    report = judges.judge(other.whole())
    assert (report["exit"], report["first_bad_index"], codes(report)) == (1, 300, ["tile"])


def test_a_tile_in_the_wrong_place_hides_no_event(judges):
    """A short tile amid the events would take those before it out of the tree."""
    log = made.log_of(300)
    lines = log.whole().split(b"\n")
    for at, width in ((12, 10), (130, 128)):
        tile = made.notes.base64.b64encode(log.tiles["tile/0/000"][: 32 * width]).decode()
        short = json.dumps({"hashes": tile, "tile": 0}, separators=(",", ":")).encode()
        assert lines[at].startswith(b'{"entry":%d,' % width)
        assert judges.judge(repaired([*lines[:at], short, *lines[at:]]))["exit"] == 2


def test_cosignatures_under_two_copies_of_a_checkpoint_add_up(judges, log):
    heads = [*log.checkpoints[:-1], log.signed(517, centers=["East"]), log.signed(517, centers=["North"])]
    report = judges.judge(log.whole(checkpoints=heads))
    assert (report["exit"], report["centers"]) == (0, ["East", "North"])


def test_a_missing_tail_passes_alone_and_not_beside_a_witness(judges, log):
    older = made.Log(events=log.events[:300], rotations=(), tiles=log.tiles, checkpoints=log.checkpoints[:2])
    older.exported_at = log.exported_at
    seen = json.dumps({"at": 1, "note": str(log.checkpoints[2])}) + "\n"
    assert judges.judge(older.whole())["exit"] == 0
    report = judges.judge(
        older.whole(), seen=[seen], trust=log.trust().as_json() | {"logs": [str(log.trust().logs[0])]}
    )
    assert report["exit"] == 0  # the key of that checkpoint is not in this bundle: it proves nothing
    log = made.log_of(100, 300, 517)
    older = made.Log(events=log.events[:300], tiles=log.tiles, checkpoints=log.checkpoints[:2])
    older.exported_at = log.exported_at
    for words in (seen_line(log.checkpoints[2]), str(log.checkpoints[2])):
        report = judges.judge(older.whole(), seen=[words])
        assert (report["exit"], report["first_bad_index"], codes(report)) == (1, 300, ["seen-cut"])


def seen_line(note, at=1):
    return json.dumps({"at": at, "note": str(note)}) + "\n"


def test_a_witness_that_agrees_or_is_ahead_is_no_trouble(judges):
    log = made.log_of(100, 300, 517)
    older = made.Log(events=log.events[:300], tiles=log.tiles, checkpoints=log.checkpoints[:2])
    between = log.signed(222)
    late = int(log.exported_at().timestamp()) + 5
    seen = [seen_line(log.checkpoints[0]) + seen_line(between) + seen_line(log.checkpoints[2], late) + '{"cut']
    report = judges.judge(older.whole(), seen=seen)
    assert report["exit"] == 0
    assert "2 agree" in report["remarks"][0]
    assert "1 are younger" in report["remarks"][0]


def test_another_history_in_a_witness_file_is_a_fork(judges):
    log = made.log_of(100, 300)
    other = log.signed(150, root=bytes(32))
    report = judges.judge(log.whole(), seen=[seen_line(other)])
    assert (report["exit"], codes(report)) == (1, ["seen-fork"])
    report = judges.judge(log.selection([3]), seen=[seen_line(log.signed(300, root=bytes(32)))])
    assert codes(report) == ["seen-fork"]
    unsigned = log.signed(150, root=bytes(32), key=made.log_key(7))
    assert judges.judge(log.whole(), seen=[seen_line(unsigned)])["exit"] == 0


def test_two_roots_of_one_size_are_a_fork(judges, log):
    heads = [*log.checkpoints, log.signed(517, root=bytes(32))]
    report = judges.judge(log.whole(checkpoints=heads))
    assert (report["exit"], codes(report)) == (1, ["fork"])


def test_checkpoints_may_not_go_backwards(judges, log):
    report = judges.judge(log.whole(checkpoints=[*log.checkpoints, log.checkpoints[0]]))
    assert codes(report)[0] == "backwards"


def test_a_checkpoint_needs_the_key_of_its_time(judges, log):
    for size, key in ((299, made.log_key(1)), (301, made.log_key(0)), (250, made.log_key(5))):
        heads = sorted([*log.checkpoints, log.signed(size, key=key)], key=lambda note: note.checkpoint().size)
        report = judges.judge(log.whole(checkpoints=heads))
        assert (report["exit"], codes(report)) == (1, ["wrong-key"])
    both = [log.checkpoints[0], log.signed(300, key=made.log_key(1)), *log.checkpoints[1:]]
    assert judges.judge(log.whole(checkpoints=both))["exit"] == 0


def test_keys_are_held_to_what_the_auditor_trusts(judges, log):
    mine = log.trust().as_json()
    first, second = mine["logs"]
    for pinned in ([first], [second], [first, second]):
        assert judges.judge(log.whole(), trust=mine | {"logs": pinned})["exit"] == 0
    for pinned in ([str(made.log_key(9).verifier)], [second, first], [first, str(made.log_key(9).verifier)]):
        report = judges.judge(log.whole(), trust=mine | {"logs": pinned})
        assert (report["exit"], codes(report)) == (1, ["wrong-key"])
    assert codes(judges.judge(log.whole(), trust=mine | {"origin": "other.example"})) == ["wrong-log"]


def test_a_change_of_key_is_signed_by_both_keys(judges, log):
    old, new = made.log_key(0), made.log_key(1)
    right = keys.rotation_note(old, new, origin=made.ORIGIN, from_size=300, at=1)
    for wrong in (
        keys.Note(right.text, right.signatures[:1]),
        keys.Note(right.text, right.signatures[1:]),
        keys.rotation_note(old, made.log_key(2), origin=made.ORIGIN, from_size=300, at=1),
        keys.rotation_note(old, new, origin="other.example", from_size=300, at=1),
        log.checkpoints[0],
    ):
        content = log.whole().replace(escaped(right), escaped(wrong))
        report = judges.judge(content)
        assert (report["exit"], codes(report)[0]) == (1, "rotation")


def escaped(note):
    return json.dumps(str(note), ensure_ascii=False).encode()


def test_too_few_centers_are_told(judges, log):
    for centers, quorum, code in ((["East"], 2, ["quorum"]), ([], 1, ["quorum"]), (["East"], 1, []), ([], 0, [])):
        heads = [*log.checkpoints[:-1], log.signed(517, centers=centers)]
        assert codes(judges.judge(log.whole(checkpoints=heads, quorum=quorum))) == code
    mine = log.trust().as_json()
    twice = [{**one, "center": "Same"} for one in mine["witnesses"]]
    assert codes(judges.judge(log.whole(), trust=mine | {"witnesses": twice})) == ["quorum"]
    assert codes(judges.judge(log.whole(), trust=mine | {"quorum": 4})) == ["quorum"]


def test_a_false_cosignature_is_told(judges, log):
    head = log.checkpoints[-1]
    false = made.witness_key("East").sign(log.checkpoints[0].text, at=5)
    heads = [*log.checkpoints[:-1], head.with_signatures(false)]
    assert codes(judges.judge(log.whole(checkpoints=heads))) == ["bad-signature"]


def test_signatures_of_unknown_keys_are_ignored(judges, log):
    stranger = made.log_key(9).sign(log.checkpoints[-1].text)
    heads = [*log.checkpoints[:-1], log.checkpoints[-1].with_signatures(stranger)]
    assert judges.judge(log.whole(checkpoints=heads))["exit"] == 0


def test_a_clock_set_back_is_told(judges):
    log = made.log_of(50)
    for seconds, found in ((-3600, ["clock"]), (-601, ["clock"]), (-599, []), (60, [])):
        late = made.Log(list(log.events), tiles=made.Memory(log.tiles))
        late.grow([made.event(50, at=made.BEGAN + timedelta(seconds=49 + seconds)), made.event(51)])
        report = judges.judge(late.whole())
        assert codes(report) == found
        assert report["first_bad_index"] == (50 if found else None)
        assert codes(judges.judge(late.selection([49, 50]))) == found
    assert codes(judges.judge(late.whole(), slack=0)) == ["clock"]
    timeless = made.log_of(5).grow([made.EMPTY])
    assert judges.judge(timeless.whole())["first_bad_index"] == 5


def test_a_witness_clock_set_back_is_told(judges):
    log = made.log_of(10, 20)
    at = int(made.BEGAN.timestamp())
    note = made.cosigned(
        made.notes.Note(log.checkpoints[1].text, log.checkpoints[1].signatures[:1]), ["East"], at - 3600
    )
    assert codes(judges.judge(log.whole(checkpoints=[log.checkpoints[0], note], quorum=1))) == ["clock"]


def test_a_selection_is_held_to_its_proofs_and_to_its_range(judges, log):
    content = log.selection(range(200, 210), span=(200, 210))
    lines = content.split(b"\n")
    assert judges.judge(content.replace(b'"id":"%032x"' % 204, b'"id":"%032x"' % 5))["first_bad_index"] == 204
    without = b"\n".join(line for line in lines if not line.startswith(b'{"entry":204,'))
    report = judges.judge(without)
    assert (report["first_bad_index"], codes(report)) == (204, ["order"])
    short = b"\n".join(line for line in lines if not line.startswith(b'{"entry":209,'))
    assert (judges.judge(short)["first_bad_index"], codes(judges.judge(short))) == (209, ["truncated"])
    moved = content.replace(b'{"entry":204,', b'{"entry":203,')
    assert judges.judge(moved)["first_bad_index"] == 204


def test_a_selection_under_a_foreign_checkpoint_fails(judges, log):
    other = made.Log(events=log.events, rotations=log.rotations, tiles=log.tiles)
    other.checkpoints = [log.signed(517, root=bytes(32))]
    assert codes(judges.judge(other.selection([5]))) == ["proof"]


def test_a_cut_or_damaged_file_is_unreadable(judges, log):
    content, packed = log.whole(), log.whole(packed=True)
    for cut in (
        b"",
        b"\n",
        b"{}\n",
        content[:-1],
        content[:1000],
        content[: content.rindex(b'{"end"')],
        content + b"\n",
        content + content,
        content.replace(b'"version":1', b'"version":2'),
        content.replace(b'"center":"East"', b'"center":"Eats"'),
        content.replace(b'"quorum":2', b'"quorum":1'),
        content.replace(b'"quorum":2', b'"quorum":2.0'),
        content.replace(b'"quorum":2', b'"quorum": 2'),
        content.replace(b'"entries":517', b'"entries":516'),
        packed[:-1],
        packed[:-9],
        packed[: len(packed) // 2],
        packed + b"x",
        packed + packed,
        packed[:-2] + b"\xff\xff",
        gzip.compress(packed),
    ):
        assert judges.judge(cut)["exit"] == 2


ODD = [
    None,
    True,
    -1,
    1.5,
    "",
    "x",
    [],
    {},
    [1],
    [None],
    [[]],
    [{}],
    ["x"],
    [{"center": 1, "vkey": 2}],
    {"a": {}},
    2**60,
]


@pytest.mark.slow
def test_no_odd_value_in_any_field_makes_them_stumble(judges):
    log = made.log_of(3)
    lines = log.whole().split(b"\n")
    header = json.loads(lines[0])
    trust = log.trust().as_json()
    for field in header:
        for odd in ODD:
            first = json.dumps({**header, field: odd}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            content = repaired([first.encode(), *lines[1:]])
            assert judges.judge(content, trust=trust)["exit"] in (0, 1, 2)
            assert judges.judge(content)["exit"] in (0, 1, 2)
    for field in trust:
        for odd in ODD:
            assert judges.judge(log.whole(), trust={**trust, field: odd})["exit"] in (0, 1, 2)
    for odd in (*ODD, b"", b"[" * 100_000, b'{"a":"\\ud800"}', b'{"a":NaN}', b"{}", b'{"end":{}}', b"\xef\xbb\xbf{}"):
        line = odd if isinstance(odd, bytes) else json.dumps({"checkpoint": odd}, separators=(",", ":")).encode()
        assert judges.judge(repaired([lines[0], line, *lines[2:]]))["exit"] in (1, 2)
    for odd in (*ODD, {"at": 1}, {"note": 1, "at": 1}, {"note": str(log.checkpoints[0]), "at": "now"}):
        seen = json.dumps(odd) + "\n" if isinstance(odd, dict) else "{" + json.dumps(odd) + "\n"
        assert judges.judge(log.whole(), seen=[seen])["exit"] == 2


@pytest.mark.slow
def test_a_file_or_a_trust_that_is_not_there_is_unreadable(tmp_path):
    here = tmp_path / "bundle"
    here.write_bytes(made.log_of(3).whole())
    for words in ([tmp_path / "none"], [here, "--trust", tmp_path / "none"], [here, "--seen", tmp_path / "none"]):
        for verifier in (PYTHON_VERIFIER, NODE_VERIFIER):
            assert subprocess.run([*verifier, *map(str, words)], capture_output=True, check=False).returncode == 2


@pytest.mark.slow
def test_the_command_line_answers_in_words_and_by_exit_code(tmp_path):
    log = made.log_of(20)
    path = tmp_path / "bundle"
    for content, code, words in (
        (log.whole(packed=True), 0, "IT HOLDS."),
        (log.whole(events=swapped(log.events, 4, 5)), 1, "First bad event: 4"),
        (log.whole()[:-20], 2, "IT CAN'T BE READ."),
    ):
        path.write_bytes(content)
        for verifier in (PYTHON_VERIFIER, NODE_VERIFIER):
            said = subprocess.run([*verifier, str(path)], capture_output=True, text=True, check=False)
            assert (said.returncode, said.stderr) == (code, "")
            assert words in said.stdout
            as_json = subprocess.run([*verifier, str(path), "--json"], capture_output=True, text=True, check=False)
            assert json.loads(as_json.stdout)["exit"] == code


def test_the_same_record_gives_the_same_bytes(log):
    assert log.whole(packed=True) == log.whole(packed=True)


def test_the_roots_of_the_verifier_are_those_of_the_tree(judges, log):
    report = judges.judge(log.whole())
    frontier = merkle.Frontier()
    frontier.extend([merkle.leaf_hash(one.encode()) for one in log.events])
    assert report["root"] == made.notes.base64.b64encode(frontier.root()).decode()
