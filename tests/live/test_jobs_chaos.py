"""Two hundred short jobs while what carries them is killed at random: each ends once and rightly, nothing is left."""

import json
import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from door.home import Home
from door.leftovers import recorded
from tests.live.jobs import Jobs
from tests.live.site import Site, until

pytestmark = [pytest.mark.long, pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1"])]

ROSA, DATA = "Rosa Jimenez", "ehr-alliance-wdbc"
WELL, FAILS, AGAIN, TWICE = "well", "fails", "again", 3  # what a job is to do; the exit code of a second one at once
NUMBERS = {WELL: 170, FAILS: 20, AGAIN: 10}
LINES = 30
SECONDS, SILENT = 1800, 63  # for all of them; longer than a lease
CODE = f"""
import fcntl, os, pathlib, sys, time
what, attempt = sys.argv[1], int(os.environ["CAIA_ATTEMPT"])
own = pathlib.Path(os.environ["HOME"])
lock = open(own / "lock", "w")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    sys.exit({TWICE})
for line in range({LINES}):
    print(f"line {{line}} of {LINES}", flush=True)
    time.sleep(0.03)
if what == "again" and not (own / "was here").exists():
    (own / "was here").touch()
    sys.exit(99)
if what == "fails":
    sys.exit(7)
pathlib.Path(os.environ["RESULTS_DIR"], "result.txt").write_text(what)
"""
WHOLE = "".join(f"line {line} of {LINES}\n" for line in range(LINES))


def test_two_hundred_jobs_end_once_and_rightly_whatever_is_killed(own_site: Site) -> None:
    site, chance = own_site, random.Random(2026)
    jobs = Jobs(site.person(ROSA), site.project(ROSA, DATA))
    like = jobs.hand_in("python train.py well", CODE)
    assert jobs.until(like, "Succeeded", "Failed") == "Succeeded", jobs.log(like)
    words = [what for what, number in NUMBERS.items() for _ in range(number)]
    chance.shuffle(words)
    asked = dict(zip(_inside(site, "many", like, json.dumps(words)), words, strict=True))

    killed = _kill_until_all_ended(site, like, chance)

    print(f"\nkilled {dict(killed)}")
    told = _inside(site, "told", like, "-")
    assert set(told) == set(asked)
    wrong = [(asked[pk], one) for pk, one in told.items() if not _is_right(asked[pk], one)]
    assert not wrong, "\n".join(map(str, wrong))
    assert min(killed[part] for part in ("worker", "host", "redis", "keeper", "silence")) >= 1, killed
    assert any("lost" in one["outcomes"] for one in told.values()), "something was really lost"
    until(lambda: not list((site.place / "host/jobs/sandbox/runs").iterdir()), 30, "no sandbox is left")
    assert [pid for pid in Path("/proc").glob("[0-9]*/cmdline") if _says(pid, b"train.py")] == []
    given = list((site.place / "host").glob("shared/*/jobs/*"))
    assert len(given) == 1 + NUMBERS[WELL] + NUMBERS[AGAIN], "results of each that ended well, once"


def _is_right(what: str, told: dict) -> bool:
    """Whether all that is kept of a job fits what its program does."""
    ends = [one for one in told["outcomes"] if one != "lost"]
    expected = {WELL: ["succeeded"], FAILS: ["failed"], AGAIN: ["requeued", "succeeded"]}[what]
    if what == AGAIN and "lost" in told["outcomes"]:  # it may have been lost after it had asked for another turn
        expected = ends if ends[-1:] == ["succeeded"] and set(ends) <= {"requeued", "succeeded"} else expected
    state, code, results = ("failed", 7, []) if what == FAILS else ("succeeded", 0, ["result.txt"])
    return (
        (told["state"], told["exit_code"], told["results"]) == (state, code, results)
        and ends == expected
        and told["fence"] == len(told["outcomes"]) == told["usage"]
        and told["slots"] == 0
        and told["log"] == WHOLE
    )


def _kill_until_all_ended(site: Site, like: str, chance: random.Random) -> Counter[str]:
    killed: Counter[str] = Counter()
    end = time.monotonic() + SECONDS
    silent_at = time.monotonic() + 60
    while _left(site, like):
        assert time.monotonic() < end, f"they did not end in time; killed {killed}"
        what = chance.choice(["worker", "host", "redis", "keeper", "keeper", "keeper"])
        if not killed["silence"] and time.monotonic() > silent_at:
            what = "silence"
        with suppress(ProcessLookupError, FileNotFoundError, IndexError, KeyError):  # it is just being started anew
            killed[what] += bool(_strike(site, what, chance))
        time.sleep(chance.uniform(2, 7))
    return killed


def _strike(site: Site, what: str, chance: random.Random) -> int:
    """Kill a part of the portal or what stands outside a job's sandbox, or silence the host beyond its leases."""
    if what == "keeper":
        states = sorted((site.place / "host/jobs/sandbox/runs").glob("*/keeper.json"))
        pid = int(json.loads(chance.choice(states).read_text())["pid"])
    else:
        pid = int(recorded(Home(site.place))["host" if what == "silence" else what])
    os.kill(pid, signal.SIGSTOP if what == "silence" else signal.SIGKILL)
    if what == "silence":
        time.sleep(SILENT)
        os.kill(pid, signal.SIGCONT)
    return pid


def _left(site: Site, like: str) -> int:
    told = _inside(site, "told", like, "-")
    return sum(one["state"] in {"queued", "starting", "running", "cancelling"} for one in told.values())


def _inside(site: Site, *words: str) -> dict:
    return site.inside(*words, module="tests.live.jobs_inside", seconds=300)


def _says(cmdline: Path, words: bytes) -> bool:
    try:
        return words in cmdline.read_bytes()
    except OSError:
        return False
