"""The witness over real HTTP: what it signs, what it refuses, and that nothing makes it forget or go back."""

import contextlib
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from caia_witness.home import Home, origin_hash
from caia_witness.witness import Witness
from tests.record import made
from tests.record.judges import ROOT
from tlog import keys, merkle, notes, tiles
from tlog.checkpoint import Checkpoint, Malformed
from tlog.proof import WitnessRequest, with_cosignatures

pytestmark = pytest.mark.slow
NAME = "witness.north.example"


def command(folder, *words, **more):
    return subprocess.run(
        [sys.executable, "-m", "caia_witness", "--folder", str(folder), *map(str, words)],
        cwd=ROOT, capture_output=True, text=True, check=False, **more,
    )  # fmt: skip


class Running:
    """A witness process over one folder."""

    def __init__(self, folder):
        self.folder = folder
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "caia_witness", "--folder", str(self.folder), "run", "--port", "0"],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        line = self.process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), line
        self.port = int(line.rstrip("/\n").rpartition(":")[2])

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.stdout.close()
        return self.process.wait(10)

    def ask(self, method, path, body=None, **headers):
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            line.request(method, path, body, headers)
            answer = line.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            line.close()

    def post(self, body):
        return self.ask("POST", "/add-checkpoint", body if isinstance(body, bytes) else body.encode())


def request(log, old, size, *, proof=None, note=None):
    if proof is None:
        proof = merkle.consistency_proof(Nodes(log), old, size) if old <= size else []
    return str(WitnessRequest(old, tuple(proof), note or log.signed(size, centers=())))


class Nodes:
    """The nodes of a log, by their definition."""

    def __init__(self, log):
        self._leaves = [merkle.leaf_hash(one.encode()) for one in log.events]

    def node(self, height, number):
        return merkle.root_of(self._leaves[number << height : (number + 1) << height])


@pytest.fixture(scope="module")
def log():
    return made.log_of(400)


@pytest.fixture
def folder(tmp_path):
    said = command(tmp_path / "w", "init", "--name", NAME, "--log", made.log_key().verifier)
    assert said.returncode == 0, said.stderr
    return tmp_path / "w"


@pytest.fixture
def witness(folder):
    running = Running(folder)
    yield running
    if running.process.poll() is None:
        running.stop()


def vkey_of(folder):
    return notes.VerifierKey.parse(command(folder, "show").stdout.split()[1])


def test_it_cosigns_what_continues_the_log(witness, log, folder):
    key, size = vkey_of(folder), 0
    for new in (0, 1, 7, 7, 8, 256, 400):
        status, body, _ = witness.post(request(log, size, new))
        assert status == 200, body
        note = log.signed(new, centers=())
        signed = notes.Note.parse(str(note) + body).signers([key])
        assert abs(signed[key] - time.time()) < 60
        size = new
    status, body, _ = witness.ask("GET", f"/{origin_hash(made.ORIGIN)}/checkpoint")
    head = notes.Note.parse(body)
    assert (status, head.checkpoint().size) == (200, 400)
    assert set(head.signers([key, made.log_key().verifier])) == {key, made.log_key().verifier}
    assert "400 events" in command(folder, "show").stdout


def test_it_answers_as_the_protocol_says(witness, log):
    assert witness.post(request(log, 0, 100))[0] == 200
    proof = merkle.consistency_proof(Nodes(log), 100, 200)
    fork = log.signed(200, root=bytes(32), centers=())
    stranger = log.signed(200, key=made.log_key(5), centers=())
    other = notes.sign_checkpoint(Checkpoint("other.example", 200, log.root(200)), [made.log_key()], at=1)
    false = notes.Note(log.signed(200).text, log.signed(100, centers=()).signatures)
    for status, words in (
        (409, request(log, 0, 200)),
        (409, request(log, 50, 200)),
        (409, request(log, 150, 200)),
        (409, request(log, 50, 60)),
        (400, request(log, 100, 60)),
        (422, request(log, 100, 200, note=fork)),
        (422, request(log, 100, 200, proof=proof[:-1])),
        (422, request(log, 100, 200, proof=[*proof, bytes(32)])),
        (422, request(log, 100, 200, proof=[])),
        (422, request(log, 100, 100, note=log.signed(100, root=bytes(32)))),
        (422, request(log, 100, 100, proof=proof)),
        (403, request(log, 100, 200, note=stranger)),
        (403, request(log, 100, 200, note=false)),
        (404, request(log, 100, 200, note=other)),
    ):
        answer = witness.post(words)
        assert answer[0] == status, answer
        if status == 409:
            assert (answer[1], answer[2]["Content-Type"]) == ("100\n", "text/x.tlog.size")
    assert witness.post(request(log, 100, 200))[0] == 200
    assert witness.ask("GET", f"/{origin_hash('other.example')}/checkpoint")[0] == 404
    assert witness.ask("GET", "/")[0] == 404
    assert witness.ask("POST", "/elsewhere", b"x")[0] == 404


def test_an_empty_tree_has_one_root_and_a_first_proof_is_empty(witness, log):
    assert witness.post(request(log, 0, 0, note=log.signed(0, root=bytes(32))))[0] == 422
    assert witness.post(request(log, 0, 5, proof=[bytes(32)]))[0] == 422
    assert witness.post(request(log, 0, 0))[0] == 200


def test_garbage_is_refused_and_harms_nothing(witness, log):
    good = request(log, 0, 100)
    dice = random.Random(7)
    for words in (
        "", "\n", "old", "old 0", "old 0\n\n", "old -1\n\n" + good[7:], "old 00\n" + good[6:], "OLD 0\n" + good[6:],
        "old 0 \n" + good[6:], good + "x", good.rstrip("\n"), good.replace("\n\n", "\n"), "old 0\n!!\n" + good[6:],
        "old 0\nAAAA\n" + good[6:], "old 0\n" + (notes.base64.b64encode(bytes(32)).decode() + "\n") * 64 + good[6:],
        good.replace(made.ORIGIN, ""), good.replace("\n100\n", "\n0100\n"), "old " + "9" * 5000 + good[5:], b"\xff\xfe",
        dice.randbytes(5000),
    ):  # fmt: skip
        assert witness.post(words)[0] == 400, words
    for _ in range(150):
        broken = bytearray(good.encode())
        broken[dice.randrange(len(broken))] ^= 1 << dice.randrange(8)
        assert witness.post(bytes(broken))[0] in (400, 403, 404, 409, 422)
    assert witness.post(good)[0] == 200


def test_bodies_are_bounded_and_need_their_length(witness):
    assert witness.post(b"x" * (128 * 1024 + 1))[0] == 413
    line = http.client.HTTPConnection("127.0.0.1", witness.port, timeout=10)
    line.putrequest("POST", "/add-checkpoint")
    line.endheaders()
    assert line.getresponse().status == 411
    line.close()
    line = http.client.HTTPConnection("127.0.0.1", witness.port, timeout=10)
    line.request("POST", "/add-checkpoint", iter([b"old"]), {"Transfer-Encoding": "chunked"})
    assert line.getresponse().status == 411
    line.close()


def test_it_listens_on_this_machine_only(witness):
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    listening = [
        one.split()[1] for one in lines if one.split()[3] == "0A" and one.split()[1].endswith(f":{witness.port:04X}")
    ]
    assert listening == [f"0100007F:{witness.port:04X}"]


def test_a_restored_backup_is_told_by_its_size(witness, log):
    """T8: the log comes back at last night's size; the witness stays where it was, also after a restart."""
    assert witness.post(request(log, 0, 300))[0] == 200
    witness.stop(signal.SIGKILL)
    witness.start()
    for words in (request(log, 0, 200), request(log, 200, 200), request(log, 200, 250)):
        status, body, _ = witness.post(words)
        assert (status, body) == (409, "300\n")
    assert witness.post(request(log, 300, 300))[0] == 200


def test_a_fork_is_refused_and_kept_as_proof(witness, log, folder, judges):
    """T7: the log shows another history; no cosignature, and the auditor's verifier finds it in what was seen."""
    assert witness.post(request(log, 0, 100))[0] == 200
    fork = made.Log().grow([made.event(number) for number in range(99)], signed=False)
    fork.grow([made.event(7777)], signed=False)
    assert witness.post(request(log, 100, 100, note=fork.signed(100, centers=())))[0] == 422
    assert witness.post(request(log, 100, 100, note=fork.signed(100, centers=())))[0] == 422
    seen = command(folder, "show", "--seen").stdout
    assert [json.loads(line)["verdict"].split(":")[0] for line in seen.splitlines()] == ["cosigned", "refused"]
    report = judges.judge(log.whole(), seen=[seen])
    assert [one["code"] for one in report["findings"]] == ["seen-fork"]


def test_its_cosignature_counts_in_a_bundle(witness, log, folder, judges):
    note = log.signed(400, centers=())
    _, body, _ = witness.post(request(log, 0, 400))
    cosigned = with_cosignatures(note, body, [vkey_of(folder)])
    for keys_, answer, error in (
        ([made.witness_key("East").verifier], body, notes.Unsigned),
        ([vkey_of(folder)], body.rstrip(), Malformed),
        ([vkey_of(folder)], "", Malformed),
        ([vkey_of(folder)], body.replace(" ", "  "), Malformed),
    ):
        with pytest.raises(error):
            with_cosignatures(note, answer, keys_)
    with pytest.raises(notes.Unsigned):
        with_cosignatures(log.signed(399, centers=()), body, [vkey_of(folder)])
    trust = log.trust().as_json() | {"witnesses": [{"center": "North", "vkey": str(vkey_of(folder))}], "quorum": 1}
    report = judges.judge(
        log.whole(checkpoints=[cosigned]), trust=trust, seen=[command(folder, "show", "--seen").stdout]
    )
    assert (report["exit"], report["centers"]) == (0, ["North"])


def test_a_crash_between_the_two_files_loses_nothing(folder, log):
    home = Home(folder)
    Witness(home).add_checkpoint(request(log, 0, 100).encode())
    seen = home.seen_files()[0]
    whole = seen.read_bytes()
    for torn in (b"", whole[:-1], whole[: len(whole) // 2], whole + b'{"at": 17'):
        seen.write_bytes(torn)
        home.repair()
        assert [json.loads(line)["verdict"] for line in seen.read_text().splitlines()] == ["cosigned"]
    home.repair()
    assert len(seen.read_text().splitlines()) == 1
    assert home.head(made.ORIGIN).checkpoint().size == 100


def test_a_full_disk_answers_500_and_signs_nothing(folder, log, monkeypatch):
    witness = Witness(Home(folder))
    monkeypatch.setattr(tiles.os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space"):
        witness.add_checkpoint(request(log, 0, 100).encode())
    monkeypatch.undo()
    assert Home(folder).head(made.ORIGIN) is None
    assert witness.add_checkpoint(request(log, 0, 100).encode()).status == 200


def test_its_own_clock_does_not_go_back(folder, log):
    now = 1_800_000_000
    witness = Witness(Home(folder), clock=lambda: now)
    assert witness.add_checkpoint(request(log, 0, 100).encode()).status == 200
    now -= 30
    assert witness.add_checkpoint(request(log, 100, 200).encode()).status == 200
    assert Home(folder).time_of(Home(folder).head(made.ORIGIN)) == 1_800_000_000
    now -= 3600
    assert witness.add_checkpoint(request(log, 200, 300).encode()).status == 503
    put_right = Witness(Home(folder), clock=lambda: now, accept_earlier_clock=True)
    assert put_right.add_checkpoint(request(log, 200, 300).encode()).status == 200


def test_a_rotated_key_is_trusted_by_its_statement_only(witness, folder, log, tmp_path):
    old, new, stranger = made.log_key(), made.log_key(1), made.log_key(2)
    assert witness.post(request(log, 0, 100))[0] == 200
    late = request(log, 100, 200, note=log.signed(200, key=new))
    assert witness.post(late)[0] == 403
    path = tmp_path / "rotation"
    for first, second, code in ((stranger, new, 2), (old, new, 0)):
        path.write_text(str(keys.rotation_note(first, second, origin=made.ORIGIN, from_size=100, at=1)))
        assert command(folder, "trust", "--rotation", path).returncode == code
    assert witness.post(late)[0] == 200


def test_it_cosigns_with_ml_dsa_too(tmp_path, log):
    said = command(tmp_path / "w", "init", "--name", NAME, "--log", made.log_key().verifier, "--ml-dsa")
    both = [notes.VerifierKey.parse(line) for line in said.stdout.split()]
    answer = Witness(Home(tmp_path / "w")).add_checkpoint(request(log, 0, 100).encode())
    note = notes.Note.parse(str(log.signed(100, centers=())) + answer.body)
    assert set(note.signers(both)) == set(both)
    assert [key.kind.name for key in both] == ["COSIGNATURE", "COSIGNATURE_ML_DSA"]


def test_two_never_work_on_one_folder(witness, folder):
    said = command(folder, "run", "--port", "0")
    assert (said.returncode, said.stdout) == (2, "")
    assert "another witness is running" in said.stderr


def test_trouble_is_told_in_words(tmp_path, folder):
    for words in ("run", "show"):
        said = command(tmp_path / "none", words)
        assert said.returncode == 2
        assert "run init first" in said.stderr
    (folder / "key").chmod(0o644)
    said = command(folder, "run", "--port", "0")
    assert (said.returncode, "chmod 600" in said.stderr) == (2, True)
    assert command(folder, "trust", "--log", "rubbish").returncode == 2
    assert command(tmp_path / "other", "init", "--name", "with space").returncode == 2


def test_racing_requests_never_roll_it_back(witness, log):
    assert witness.post(request(log, 0, 10))[0] == 200
    signed, rising = [], threading.Lock()

    def race(size):
        status, _, _ = witness.post(request(log, 10, size))
        with rising:
            signed.append((status, size))

    threads = [threading.Thread(target=race, args=(size,)) for size in range(11, 27)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(status for status, _ in signed) == [200] + [409] * 15
    assert witness.post(request(log, 0, 50))[1] == f"{next(size for status, size in signed if status == 200)}\n"


@pytest.mark.long
def test_killed_at_any_moment_it_never_goes_back(folder, log):
    """Under load, kill -9 forty times: whatever was answered 200 stays, and what was seen has it."""
    dice, confirmed = random.Random(3), 0
    for _ in range(40):
        witness = Running(folder)
        killer = threading.Timer(dice.uniform(0.01, 0.25), os.kill, (witness.process.pid, signal.SIGKILL))
        killer.start()
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, body, _ = witness.post(request(log, 0, 0) if not confirmed else request(log, 0, 400))
            size = int(body) if status == 409 else 0
            assert size >= confirmed
            while size < 400:
                new = min(400, size + dice.choice([0, 1, 1, 2]))
                assert witness.post(request(log, size, new))[0] == 200
                size = confirmed = new
        killer.join()
        witness.process.wait()
        witness.process.stdout.close()
    home = Home(folder)
    home.repair()
    assert home.head(made.ORIGIN).checkpoint().size >= confirmed > 20
    seen = [json.loads(line) for path in home.seen_files() for line in path.read_text().splitlines()]
    sizes = [notes.Note.parse(one["note"]).checkpoint().size for one in seen if one["verdict"] == "cosigned"]
    assert sizes == sorted(sizes)
    assert sizes[-1] == home.head(made.ORIGIN).checkpoint().size
