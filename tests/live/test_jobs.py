"""Jobs through the whole portal: handed in on its page, run beside the data, whatever dies meanwhile."""

import json
import os
import re
import signal
from pathlib import Path

import pytest

from tests.live.jobs import Jobs
from tests.live.site import Site, until

pytestmark = [pytest.mark.slow, pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1"])]

ROSA, DATA = "Rosa Jimenez", "ehr-alliance-wdbc"


@pytest.fixture
def jobs(site: Site) -> Jobs:
    return Jobs(site.person(ROSA), site.project(ROSA, DATA))


def test_a_real_training_runs_beside_the_data_and_leaves_its_results_by_hash(jobs, site):
    job = jobs.hand_in("python train.py --epochs 400")

    assert jobs.until(job, "Succeeded", "Failed") == "Succeeded", jobs.log(job)
    assert "epoch 400 loss" in jobs.log(job)
    assert re.search(r"accuracy 0\.9[4-9]", jobs.log(job))
    page = jobs.page(job)
    assert "model.json" in page
    assert "exit code 0" in page
    events = [event for event, *_ in site.inside(
        "jobs.job.submitted", "jobs.job.dispatched", "jobs.attempt.planned", "jobs.attempt.begun", "jobs.attempt.ended",
        "jobs.log.viewed", module="tests.live.record",
    )]  # fmt: skip
    assert {"jobs.job.submitted", "jobs.job.dispatched", "jobs.attempt.ended", "jobs.log.viewed"} <= set(events)


def test_what_is_cancelled_leaves_no_process(jobs):
    code = """
import subprocess, time
subprocess.Popen(['setsid', 'sleep', '987'])
print('on its way', flush=True)
time.sleep(900)
"""
    job = jobs.hand_in("python train.py", code, grace="2")
    until(lambda: "on its way" in jobs.log(job), 60, "it runs")

    jobs.person.post(f"/jobs/{job}/cancel/", f"/jobs/{job}/", reason="Enough of it.")

    assert jobs.until(job, "Cancelled", seconds=60) == "Cancelled"
    assert "Enough of it." in jobs.page(job)
    assert [pid for pid in Path("/proc").glob("[0-9]*/cmdline") if _says(pid, b"sleep\x00987")] == []


def test_a_job_has_no_way_out_and_sees_nothing_of_others(jobs):
    code = """
import os, socket
said = {"data": sorted(os.listdir("/data")), "home": os.listdir("/home") if os.path.exists("/home") else []}
for place in ("1.1.1.1", "127.0.0.1"):
    try: socket.create_connection((place, 80), 2); said[place] = "open"
    except OSError as error: said[place] = type(error).__name__
try: open("/code/train.py", "a"); said["code"] = "open"
except OSError as error: said["code"] = type(error).__name__
try: open("/data/ehr-alliance-wdbc/breast_cancer.csv", "a"); said["written"] = "open"
except OSError as error: said["written"] = type(error).__name__
print(said, [name for name in os.environ if "SECRET" in name or "CAIA_H" in name])
"""
    job = jobs.hand_in("python train.py", code)

    assert jobs.until(job, "Succeeded", "Failed") == "Succeeded", jobs.log(job)
    said = jobs.log(job)
    assert "'data': ['ehr-alliance-wdbc'], 'home': []" in said
    assert "open" not in said
    assert said.rstrip().endswith("[]")


@pytest.mark.parametrize(("command", "words"), [
    ("python train.py --no-such-word", "exit code 2"), ("python no-such-file.py", "exit code 2"),
    ("no-such-program", "could not be started"),
])  # fmt: skip
def test_what_goes_wrong_is_said_and_not_tried_again(jobs, command, words):
    job = jobs.hand_in(command)

    assert jobs.until(job, "Succeeded", "Failed") == "Failed"
    assert words in jobs.page(job)
    assert "Attempt 2" not in jobs.page(job)


FROM_A_CELL = """
import os, time
from pathlib import Path
Path("count.py").write_text('''
import csv, os
from pathlib import Path
rows = len(list(csv.reader(open("/data/ehr-alliance-wdbc/breast_cancer.csv"))))
print(f"{rows} lines", flush=True)
Path(os.environ["RESULTS_DIR"], "rows.txt").write_text(str(rows))
''')
shell = get_ipython().getoutput
said = list(shell("caia-job submit --name from-a-cell --memory 1 --hours 0.1 count.py -- python count.py"))
job = said[0].split()[0]
said += shell(f"caia-job logs {job} --follow --all") + shell(f"caia-job list") + shell(f"caia-job show {job}")
said += shell("caia-job cancel J-999999 --reason x") + shell("caia-job submit count.py --dataset no-such -- python x")
place = Path("/shared/jobs", f"{job.lower()}-from-a-cell", "rows.txt")
for _ in range(200):
    if place.exists(): break
    time.sleep(0.1)
said.append(f"{place.name} {place.read_text()}")
print("\\n".join(said))
"""


def test_a_job_is_handed_in_from_a_cell_and_its_results_come_to_the_workspace(site):
    project = site.project(ROSA, DATA)
    rosa = site.person(ROSA)

    with rosa.at_work(project) as lab:
        ran = lab.execute(FROM_A_CELL, 240)

    assert ran.error == "", ran.error
    said = ran.text
    found = re.search(r"(J-\d+) waits for its turn. It works on ehr-alliance-wdbc", said)
    assert found, said
    for words in (f"{found[1]} succeeded. It ended well.", "no such job in this project", "none of this project’s"):
        assert words in said, said
    rows = re.search(r"(\d+) lines", said)
    assert rows
    assert said.rstrip().endswith(f"rows.txt {rows[1]}")
    assert found[1] in rosa.get("/jobs/").text


def _says(cmdline: Path, words: bytes) -> bool:
    try:
        return words in cmdline.read_bytes()
    except OSError:
        return False


# ── whatever dies ───────────────────────────────────────────────────────────────────────────────────────────────────
def keeper_of(site: Site) -> int:
    """The process that stands outside the sandbox of the one job that runs."""
    states = list((site.place / "host" / "jobs" / "sandbox" / "runs").glob("*/keeper.json"))
    assert len(states) == 1, states
    return int(json.loads(states[0].read_text())["pid"])


@pytest.mark.long
def test_a_training_that_is_killed_everywhere_ends_with_the_very_result_of_an_undisturbed_one(own_site):
    site = own_site
    jobs = Jobs(site.person(ROSA), site.project(ROSA, DATA))
    undisturbed = jobs.hand_in("python train.py --epochs 100")
    assert jobs.until(undisturbed, "Succeeded", "Failed") == "Succeeded", jobs.log(undisturbed)

    job = jobs.hand_in("python train.py --epochs 100 --pause 1.5")
    until(lambda: "epoch 6 " in jobs.log(job), 90, "it has a checkpoint")
    for part in ("worker", "redis", "postgres", "host"):
        site.kill(part)
        assert jobs.until(job, "Running", "Queued", "Starting", "Succeeded"), part
    os.kill(keeper_of(site), signal.SIGKILL)

    assert jobs.until(job, "Succeeded", "Failed", seconds=420) == "Succeeded", jobs.page(job)
    assert "going on after epoch" in jobs.log(job)
    assert "Attempt 2" in jobs.page(job)
    results = [re.findall(r"model\.json.*?title=\"SHA-256\"|([0-9a-f]{16})…", jobs.person.get(f"/jobs/{one}/").text)
               for one in (undisturbed, job)]  # fmt: skip
    assert results[0]
    assert results[0] == results[1]
