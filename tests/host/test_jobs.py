"""Attempts at jobs in the real sandbox, with portal and storage as stand-ins: what is told, given and never given."""

import hashlib
import io
import os
import tarfile
import time
import uuid
from contextlib import contextmanager

import pytest

from apps.jobs import limits
from host import jobs as clocks
from host.engines.base import Rejected
from host.jobs import Jobs
from sandbox import bubblewrap
from tests.host.conftest import wait
from tests.host.stand_ins import LIMITS
from tests.uids import next_uid

pytestmark = pytest.mark.slow
RESULT = "import os\nopen(os.environ['RESULTS_DIR'] + '/model.txt', 'w').write('weights')\n"
LONG = "import time\nprint('on its way', flush=True)\ntime.sleep(600)\n"


def _gone():
    raise Rejected("The program that looked after it is gone.")


class Yard:
    """A host that carries jobs out, and can be ended and begun again."""

    def __init__(self, place):
        self.place, self.portal = place, place.portal
        self.jobs = None
        self.begin()

    def begin(self):
        self.jobs = Jobs(self.place.host.means)
        self.jobs.begin()

    def restart(self):
        """As when its program is killed: what runs runs on, and nobody looks after it for a while."""
        self.jobs.close(stop_runs=False)
        for run in self.jobs.means.runs.values():
            run._status = _gone  # its thread ends here, without a word
            run._close = lambda end: None
        time.sleep(0.6)
        self.begin()

    def hand_in(self, code, **changes):
        """Its plan."""
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w") as archive:
            entry = tarfile.TarInfo("main.py")
            entry.size = len(code)
            archive.addfile(entry, io.BytesIO(code.encode()))
        code = self.place.storage.put(plain.getvalue())
        files = [self.place.storage.put(b"id,age\n1,61\n")]
        data = {"slug": "demo-study", "version": "v-1", "readme": "What this is.\n", "files": files}
        return self.portal.job_plan(next_uid(), code, [data], changes)

    def ended(self, plan, seconds=60.0):
        """How it ended, as the portal was told."""
        wait(lambda: self.portal.said(plan["attempt"], "ended"), seconds)
        wait(lambda: plan["attempt"] not in {run.notes.attempt for run in self.jobs._all()})
        return self.portal.said(plan["attempt"], "ended")[-1]

    def printed(self, plan, words):
        wait(lambda: words in self.portal.log(plan["attempt"]))

    def shared(self, plan):
        return self.place.host.means.room.common / plan["project"]

    def work(self, plan):
        return self.jobs.means.files.works / plan["project"] / plan["job"]


@contextmanager
def yards(place):
    yard = Yard(place)
    try:
        yield yard
    finally:
        yard.jobs.close(stop_runs=True)


@pytest.fixture
def yard(place):
    with yards(place) as yard:
        yield yard


# ── what is told and given ──────────────────────────────────────────────────────────────────────────────────────────
def test_a_job_sees_its_code_and_data_and_its_results_are_given_by_hash(yard):
    plan = yard.hand_in(f"{RESULT}print(open('/data/demo-study/rows.csv').read().strip(), os.environ['CAIA_SEED'])\n")
    end = yard.ended(plan)

    assert (end["why"], end["exit_code"]) == ("finished", 0), yard.portal.log(plan["attempt"])
    assert yard.portal.log(plan["attempt"]) == b"id,age\n1,61 7\n"
    digest = hashlib.sha256(b"weights").hexdigest()
    assert end["results"] == [{"path": "model.txt", "sha256": digest, "bytes": 7}]
    wait(lambda: (yard.shared(plan) / "jobs" / "j-0001-train" / "model.txt").exists())
    assert (yard.shared(plan) / "jobs" / "j-0001-train" / "model.txt").read_text() == "weights"
    (begun,) = yard.portal.said(plan["attempt"], "begun")
    assert len(begun["environment"]) == 64
    assert yard.portal.told[plan["attempt"]][-1][0] == "ended"


@pytest.mark.parametrize("way", ["given up", "not kept"])
def test_what_the_portal_does_not_take_is_given_to_nobody(yard, way):
    """Its data was taken back, or another attempt took its place, while it ended."""
    yard.portal.keeps_results = False
    plan = yard.hand_in(f"{RESULT}import time; time.sleep(2)")
    if way == "given up":
        wait(lambda: yard.portal.said(plan["attempt"], "begun"))
        yard.portal.gone.add(plan["attempt"])
        wait(lambda: not yard.jobs._all())
    else:
        assert yard.ended(plan)["results"]
    time.sleep(0.5)

    assert not (yard.shared(plan) / "jobs").exists()
    assert list((yard.jobs.means.files.folder / "out").glob("*")) == []


def test_links_in_results_lead_nowhere(yard, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("CANARY")
    plan = yard.hand_in(
        f"{RESULT}os.chdir(os.environ['RESULTS_DIR'])\nos.symlink({str(secret)!r}, 'link.txt')\n"
        f"os.symlink({str(tmp_path)!r}, 'folder')\nos.mkfifo('pipe')\nos.makedirs('deep/er'); open('deep/er/a', 'w')\n"
    )
    end = yard.ended(plan)

    assert [one["path"] for one in end["results"]] == ["deep/er/a", "model.txt"]


@pytest.mark.parametrize("squatted", ["jobs is a file", "jobs leads elsewhere", "the name is taken"])
def test_whatever_stands_in_their_way_results_reach_their_project_alone(yard, squatted, tmp_path):
    plan = yard.hand_in(RESULT + "import time; time.sleep(1)")
    shared = yard.shared(plan)
    wait(shared.exists)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if squatted == "jobs is a file":
        (shared / "jobs").write_text("mine")
    elif squatted == "jobs leads elsewhere":
        (shared / "jobs").symlink_to(elsewhere)
    else:
        (shared / "jobs" / "j-0001-train").mkdir(parents=True)
        (shared / "jobs" / "j-0001-train" / "old.txt").touch()
    yard.ended(plan)

    found = wait(lambda: [path for path in shared.rglob("model.txt") if not path.is_symlink()])
    assert [path.read_text() for path in found] == ["weights"]
    assert plan["attempt"][-12:] in str(found[0])
    assert list(elsewhere.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root opens a folder to a group")
def test_results_are_for_the_projects_group(yard):
    plan = yard.hand_in(RESULT)
    yard.ended(plan)
    file = yard.shared(plan) / "jobs" / "j-0001-train" / "model.txt"
    wait(file.exists)

    assert b"system.posix_acl_access" in [name.encode() for name in os.listxattr(file)]
    assert file.stat().st_mode & 0o7007 == 0


# ── its time, its log ───────────────────────────────────────────────────────────────────────────────────────────────
def test_before_its_time_is_up_it_is_told_and_may_ask_for_another_turn(yard):
    code = (
        "import os, signal, sys, time\n"
        "def save(*_): open(os.environ['CHECKPOINT_DIR'] + '/at', 'w').write('3'); sys.exit(99)\n"
        "signal.signal(signal.SIGTERM, save)\ntime.sleep(600)\n"
    )
    plan = yard.hand_in(code, limits=LIMITS | {"seconds": 6, "grace": 3})
    end = yard.ended(plan)

    assert (end["why"], end["exit_code"]) == ("time", 99)
    assert (yard.work(plan) / "checkpoint" / "at").read_text() == "3"


def test_who_does_not_listen_is_killed_after_its_grace(yard):
    code = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)"
    plan = yard.hand_in(code, limits=LIMITS | {"seconds": 4, "grace": 2})

    assert yard.ended(plan)["why"] == "time"


def test_a_portal_that_has_enough_of_a_log_is_told_no_more(yard):
    yard.portal.most_log = 100_000
    plan = yard.hand_in("import time\nfor _ in range(400): print('x' * 999)\ntime.sleep(3)")
    yard.ended(plan)

    refused = [what for what, _ in yard.portal.told[plan["attempt"]] if what == "too much"]
    assert len(refused) == 1
    assert len(yard.portal.log(plan["attempt"])) <= 100_000


def test_progress_is_the_last_line_that_it_wrote(yard):
    plan = yard.hand_in(
        "import os, time\nfile = open(os.environ['PROGRESS_FILE'], 'w')\n"
        'file.write(\'{"step": 1, "total": 4, "loss": 0.5}\\n{"step": 2, "total": 4, "loss": 0.25}\\n{"st\')\n'
        "file.flush(); time.sleep(6)\n"
    )
    told = wait(
        lambda: [one["progress"] for beat in yard.portal.job_beats for one in beat["attempts"] if one["progress"]]
    )
    assert told[-1] == {"step": 2, "total": 4, "metrics": {"loss": 0.25}}
    yard.portal.ends = [{"attempt": plan["attempt"], "now": True, "reason": "Enough."}]
    assert yard.ended(plan)["why"] == "stopped"


# ── whatever breaks ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_host_that_was_restarted_finds_its_job_and_tells_its_end(yard):
    plan = yard.hand_in(f"import time\nprint('on its way', flush=True)\ntime.sleep(4)\n{RESULT}print('done')")
    yard.printed(plan, b"on its way")
    wait(lambda: yard.portal.said(plan["attempt"], "begun"))
    yard.restart()

    assert yard.ended(plan)["exit_code"] == 0
    assert yard.portal.log(plan["attempt"]).count(b"done") == 1
    assert len(yard.portal.said(plan["attempt"], "plan")) == 1


def test_a_host_that_is_cut_off_ends_its_jobs_before_their_lease_is_over(yard, monkeypatch):
    monkeypatch.setattr(clocks, "_SILENT", 1.0)
    monkeypatch.setattr(clocks, "_CUT", 2.0)
    plan = yard.hand_in(LONG)
    yard.printed(plan, b"on its way")
    (run,) = yard.jobs._all()
    yard.portal.is_down = True
    assert run.is_clear.wait(20)
    yard.portal.is_down = False

    assert yard.ended(plan)["why"] == "lost"


def test_who_is_cut_off_is_gone_before_another_attempt_can_begin():
    """What stands in two programs: the host's clocks, the sandbox's own, and the portal's lease."""
    lease = limits.LEASE.total_seconds()
    assert clocks._SILENT < clocks._CUT < lease - 10
    assert lease - 10 > limits.ALONE
    assert limits.HEARD.total_seconds() > clocks._BEAT * 5


def test_a_new_attempt_waits_until_the_one_before_is_gone_and_finds_its_checkpoints(yard):
    first = yard.hand_in("import os\nopen(os.environ['CHECKPOINT_DIR'] + '/at', 'w').write('7')\n" + LONG)
    yard.printed(first, b"on its way")
    (former,) = yard.jobs._all()
    code = "import os\nprint(open(os.environ['CHECKPOINT_DIR'] + '/at').read())"
    of = {name: first[name] for name in ("job", "project", "uid", "name")}
    second = yard.hand_in(code, **of, fence=2)

    assert yard.ended(second)["exit_code"] == 0
    assert former.is_clear.is_set()
    assert yard.portal.log(second["attempt"]) == b"7\n"


def test_a_job_goes_on_from_anothers_checkpoints_and_from_no_link_among_them(yard):
    first = yard.hand_in(
        "import os\nos.chdir(os.environ['CHECKPOINT_DIR'])\nopen('at', 'w').write('7')\nos.symlink('/etc/shadow', 'no')"
    )
    assert yard.ended(first)["exit_code"] == 0
    code = (
        "import os\nos.chdir(os.environ['CHECKPOINT_DIR'])\n"
        "print(sorted(os.listdir('.')), open('at').read())\nopen('at', 'w')"
    )
    second = yard.hand_in(code, resumes=first["job"], project=first["project"])

    assert yard.ended(second)["exit_code"] == 0, yard.portal.log(second["attempt"])
    assert yard.portal.log(second["attempt"]) == b"['at'] 7\n"


def test_a_sandbox_that_is_killed_as_it_starts_is_the_machines_trouble(yard, monkeypatch):
    monkeypatch.setattr(bubblewrap, "_KEEPER", "import os; os.kill(os.getpid(), 9)")
    end = yard.ended(yard.hand_in(RESULT))

    assert (end["why"], end["results"]) == ("lost", [])
    assert "The keeper ended as it started" in end["words"]


def test_the_files_of_a_closed_project_are_erased_once_nothing_of_it_runs(yard):
    plan = yard.hand_in(LONG)
    yard.printed(plan, b"on its way")
    other = yard.hand_in(RESULT)
    assert yard.ended(other)["exit_code"] == 0
    works, common = yard.jobs.means.files.works, yard.place.host.means.room.common
    assert (works / plan["project"] / plan["job"] / "checkpoint").is_dir()

    yard.portal.erase_projects = [plan["project"], "../" + plan["project"], "", str(uuid.uuid4())]
    wait(lambda: yard.portal.erased)
    assert plan["project"] not in yard.portal.erased
    assert (works / plan["project"]).is_dir(), "it runs"
    yard.portal.ends = [{"attempt": plan["attempt"], "now": True, "reason": "It is closed."}]
    wait(lambda: plan["project"] in yard.portal.erased)

    assert not (works / plan["project"]).exists()
    assert not (common / plan["project"]).exists()
    assert (works / other["project"] / other["job"]).is_dir()
    assert (common / other["project"]).is_dir()


def test_an_address_of_code_that_is_refused_is_the_machines_trouble(yard):
    yard.portal.is_down = True
    plan = yard.hand_in("print(2)")
    yard.place.storage.refused.add(plan["code"]["sha256"])
    yard.portal.is_down = False

    assert yard.ended(plan)["why"] == "lost"
