"""caia-job: what it hands in, what it prints, and what it says where something is refused."""

import base64
import io
import os
import subprocess
import sys
import tarfile
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from host import room
from host.job_socket import JobSocket
from host.portal import Portal
from host.room import SERVER
from tests.host import stand_ins
from tests.host.conftest import wait, what_a_cell_says
from tests.loops import ended

PROGRAM = Path(room.__file__).parent / "inside" / "caia_job.py"
QUEUED = {
    "job": "J-0007",
    "name": "train",
    "state": "queued",
    "of": "Rosa",
    "submitted_at": "2026-12-01T10:00:00+00:00",
}
SAID = {"state": "running", "standing": "It runs.", "newest": 1, "attempt": 1, "start": 0, "is_over": False}


@pytest.fixture
def far():
    portal = stand_ins.Portal()
    portal.job_answers["submit"] = (200, QUEUED | {"datasets": ["wdbc"]})
    yield portal
    portal.server.shutdown()
    portal.server.server_close()


@pytest.fixture
def caia_job(far, tmp_path):
    """caia_job(words…): exit code, what it printed, what it complained."""
    with TemporaryDirectory(prefix="caia-") as folder:
        path = Path(folder, "p.sock")
        server = JobSocket(Portal(far.url, stand_ins.SECRET, "here"), str(uuid.uuid4()), os.geteuid(), path)

        def say(*words, socket=path):
            done = subprocess.run(
                [sys.executable, "-I", str(PROGRAM), *words], capture_output=True, text=True, timeout=60, cwd=tmp_path,
                env={"CAIA_JOBS": str(socket), "PATH": os.defpath}, check=False,
            )  # fmt: skip
            return done.returncode, done.stdout, done.stderr

        yield say
        server.close()


def lay(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def handed_in(far):
    (_, what, facts) = far.asked[-1]
    assert what == "submit"
    return facts


def names_in(facts):
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(facts["content"]))) as archive:
        return archive.getnames()


# ── handing in ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_one_file_is_handed_in_as_it_is(caia_job, far, tmp_path):
    lay(tmp_path, train_py="print(1)\n")
    code, said, _ = caia_job(
        "submit", "--cpus", "2", "--memory", "4", "--hours", "0.5", "--seed", "7", "--dataset", "wdbc", "train.py",
        "--", "python", "train.py", "--", "--name", "a b",
    )  # fmt: skip

    facts = handed_in(far)
    assert (code, "J-0007 waits for its turn" in said, "wdbc" in said) == (0, True, True)
    assert (facts["name"], facts["file"]) == ("train", "train.py")
    assert facts["command"] == ["python", "train.py", "--", "--name", "a b"]
    assert base64.b64decode(facts["content"]) == b"print(1)\n"
    assert [facts[name] for name in ("cpus", "memory", "gpus", "hours", "seed", "datasets")] == [
        2,
        4,
        0,
        0.5,
        7,
        ["wdbc"],
    ]


def test_a_folder_is_packed_without_what_is_hidden_and_always_the_same(caia_job, far, tmp_path):
    code = tmp_path / "Forest of 3"
    lay(code, b_py="2", a__c_py="1", __git="x")
    (code / ".git").mkdir()
    (code / ".git" / "HEAD").write_text("x")
    (code / "__pycache__").mkdir()
    (code / "__pycache__" / "b.pyc").write_text("x")
    (code / ".hidden").write_text("x")
    caia_job("submit", str(code), "--", "python", "b.py")
    first = handed_in(far)
    caia_job("submit", str(code), "--", "python", "b.py")

    assert first == handed_in(far)
    assert (first["name"], first["file"]) == ("forest-of-3", "code.tar.gz")
    assert {"b.py", "a/c.py"} <= set(names_in(first))
    assert not [name for name in names_in(first) if ".git" in name or "pyc" in name or "hidden" in name]


@pytest.mark.parametrize(("words", "complaint"), [
    (("submit", "train.py"), "Say after --"), (("submit", "train.py", "--"), "Say after --"),
    (("submit", "no-such.py", "--", "x"), "is not there"), (("submit", "data.csv", "--", "x"), "is no program"),
    (("submit", "empty", "--", "x"), "no code in"), (("submit", "linked", "--", "x"), "links are not taken"),
    (("submit", "large", "--", "x"), "Packed, code has at most 5 MB"),
])  # fmt: skip
def test_what_cannot_be_handed_in_is_said_before_anything_is_sent(caia_job, far, tmp_path, words, complaint):
    lay(tmp_path, train_py="1", linked__a_py="1")
    (tmp_path / "data.csv").write_text("a,b\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "linked" / "data").symlink_to("/etc")
    (tmp_path / "large").mkdir()
    (tmp_path / "large" / "a.bin").write_bytes(os.urandom(6_000_000))
    code, said, complained = caia_job(*words)

    assert (code, said) == (1, "")
    assert complaint in complained
    assert far.asked == []


def test_more_than_code_ever_is_is_not_read_into_memory(caia_job, far, tmp_path):
    (tmp_path / "big").mkdir()
    with (tmp_path / "big" / "a.bin").open("wb") as file:
        file.truncate(50_000_000_000)
    assert "more than 20 MB" in caia_job("submit", "big", "--", "x")[2]
    assert far.asked == []


def test_a_refusal_is_told_in_the_portal_s_words(caia_job, far, tmp_path):
    lay(tmp_path, train_py="1")
    far.job_answers["submit"] = (403, {"reason": "You may not use any of the project's data now."})
    code, said, complained = caia_job("submit", "train.py", "--", "python", "train.py")

    assert (code, said) == (1, "")
    assert complained == "caia-job: You may not use any of the project's data now.\n"


def test_where_there_is_no_way_it_says_where_else_to_go(caia_job, tmp_path):
    code, _, complained = caia_job("list", socket=tmp_path / "nothing.sock")
    assert (code, "Hand them in on the portal" in complained) == (1, True)


# ── looking ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_list_has_a_line_for_each(caia_job, far):
    far.job_answers["list"] = (200, {"jobs": [QUEUED]})
    assert caia_job("list")[1].split() == ["J-0007", "queued", "2026-12-01T10:00", "train", "Rosa"]
    far.job_answers["list"] = (200, {"jobs": []})
    assert "no job in this project yet" in caia_job("list")[1]


def test_a_job_is_shown(caia_job, far):
    far.job_answers["show"] = (200, QUEUED | {
        "state": "succeeded", "standing": "It ended well.", "command": ["python", "a b"], "datasets": ["wdbc"],
        "code": "a" * 64, "seed": 7, "folder": "/shared/jobs/j-0007-train",
        "attempts": [{"attempt": 1, "host": "h1", "outcome": "succeeded", "reason": "It ended well."}],
        "results": [{"path": "model.json", "sha256": "b" * 64, "bytes": 1234}],
    })  # fmt: skip
    said = caia_job("show", "J-0007")[1]

    assert far.asked[-1][1:] == ("show", {"job": "J-0007"})
    for words in (
        "succeeded. It ended well.",
        "python 'a b'",
        "wdbc",
        "1,234",
        "model.json",
        "/shared/jobs/j-0007-train",
    ):
        assert words in said


def test_a_log_is_read_to_where_it_stands(caia_job, far):
    far.job_answers["log"] = (200, SAID | {"text": "", "next": 5, "start": 1000})
    code, said, _ = caia_job("logs", "J-0007")

    assert (code, "first 1,000 bytes are left out" in said) == (0, True)
    assert [facts for _, _, facts in far.asked] == [{"job": "J-0007", "attempt": 0, "offset": -1}]


def test_a_log_is_followed_through_another_attempt_to_the_end(caia_job, far):
    pieces = [
        SAID | {"text": "epoch 1\n", "next": 8}, SAID | {"text": "", "next": 8},
        SAID | {"text": "lost\n", "next": 13, "is_over": True, "newest": 2},
        SAID | {"attempt": 2, "text": "epoch 2\n", "next": 8, "newest": 2},
        SAID | {"attempt": 2, "text": "", "next": 8, "is_over": True, "newest": 2, "state": "succeeded",
                "standing": "It ended well."},
    ]  # fmt: skip

    class InOrder(dict):
        def get(self, what, usual=None):
            return (200, pieces.pop(0)) if what == "log" else usual

    far.job_answers = InOrder()
    code, said, _ = caia_job("logs", "J-0007", "--follow", "--all")

    assert (code, pieces) == (0, [])
    assert [line for line in said.splitlines() if line] == [
        "epoch 1", "lost", "… attempt 2", "epoch 2", "J-0007 succeeded. It ended well.",
    ]  # fmt: skip
    asked = [(facts["attempt"], facts["offset"]) for _, _, facts in far.asked]
    assert asked == [(0, 0), (1, 8), (1, 8), (2, 0), (2, 8)]


def test_cancelling_says_why(caia_job, far):
    far.job_answers["cancel"] = (200, QUEUED | {"state": "cancelling"})
    assert "J-0007 is cancelling" in caia_job("cancel", "J-0007", "--reason", "A typo.")[1]
    assert far.asked[-1][2] == {"job": "J-0007", "reason": "A typo."}
    assert caia_job("cancel", "J-0007")[0] == 2


# ── in a workspace ──────────────────────────────────────────────────────────────────────────────────────────────────
CELL = """
import os
said = [get_ipython().getoutput("caia-job list")[-1]]
for change in (lambda: open("/run/jobs/mine", "w"), lambda: os.unlink("/run/jobs/portal.sock")):
    try: change(); said.append("done")
    except OSError as error: said.append(type(error).__name__)
said.append(f"{os.listdir('/run/jobs')} {os.access('/opt/settings/bin/caia-job', os.W_OK)}")
print("\\n".join(said))
"""


@pytest.mark.slow
def test_a_cell_asks_as_its_own_run_also_after_the_host_began_anew(place):
    program = place.begin_program()
    run = place.started_by_program()
    server = next((place.settings.run / "r").iterdir()) / "s" / "inner" / SERVER
    place.portal.job_answers["list"] = (200, {"jobs": [QUEUED]})

    first = ended(what_a_cell_says(server, CELL)).splitlines()
    program.kill()
    program.wait()
    away = ended(what_a_cell_says(server, CELL)).splitlines()
    place.begin()
    wait(lambda: place.host.runs[run].jobs)
    second = ended(what_a_cell_says(server, CELL)).splitlines()

    assert first[0].split()[:2] == second[0].split()[:2] == ["J-0007", "queued"]
    assert "begins anew" in away[0]
    assert first[1:] == ["OSError", "OSError", "['portal.sock'] False"]
    assert {(one, what) for one, what, _ in place.portal.asked} == {(run, "list")}
