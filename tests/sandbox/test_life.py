"""A sandbox of the single machine from its start to its end: stopped, killed, timed out, lost, found again."""

import contextlib
import json
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from host import shared
from sandbox import cgroups
from sandbox.bubblewrap import StartRefused, StillRunning
from sandbox.ends import Why
from sandbox.promises import Promise
from sandbox.spec import MB, ReadOnly, Writable
from tests.sandbox.place import DATA, HOME, LIMITS, ROWS, is_alive

pytestmark = pytest.mark.slow

SLEEP = ("/bin/sleep", "60")
DAEMONS = (
    "import os, time\n"
    "for _ in range(3):\n"
    "    if os.fork() == 0:\n"
    "        os.setsid()\n"
    "        if os.fork() == 0: time.sleep(60)\n"
    "        os._exit(0)\n"
    "print('ready', flush=True)\n"
    "time.sleep(60)"
)


def within(seconds, claim):
    until = time.monotonic() + seconds
    while not claim() and time.monotonic() < until:
        time.sleep(0.02)
    return claim()


def programs_of(uid):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{name}").st_uid == uid and is_alive(int(name)):
                found.append(int(name))
    return found


# ── how it ends ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_polite_stop_lets_it_say_goodbye(place):
    running = place.start(
        place.python(
            "import os, signal, time\ndef bye(*_): os.write(1, b'bye\\n'); os._exit(0)\nsignal.signal(15, bye)\n"
            "print('ready', flush=True); time.sleep(60)"
        )
    )
    within(5, lambda: "ready" in running.output())
    end = running.stop()

    assert end.why is Why.STOPPED
    assert end.words == "It was stopped from outside."
    assert running.output() == "ready\nbye\n"


def test_who_does_not_listen_is_ended_after_the_grace(place):
    limits = replace(LIMITS, grace=0.5)
    running = place.start(
        place.python(
            "import signal, time\nsignal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)",
            limits=limits,
        )
    )
    within(5, lambda: "ready" in running.output())
    began = time.monotonic()
    end = running.stop()

    assert 0.4 < time.monotonic() - began < 3
    assert (end.why, end.words) == (Why.STOPPED, "It was stopped from outside, and did not end by itself.")


def test_a_kill_takes_the_whole_tree(place):
    spec = place.python(DAEMONS)
    running = place.start(spec)
    within(5, lambda: "ready" in running.output())
    assert len(programs_of(spec.uid)) >= 4 or os.geteuid() != 0
    first = running.first
    end = running.kill()

    assert end.why is Why.STOPPED
    assert not is_alive(first)
    assert programs_of(spec.uid) == [] or os.geteuid() != 0


def test_when_its_keeper_is_killed_it_ends_and_that_is_said(place):
    spec = place.python(DAEMONS)
    running = place.start(spec)
    within(5, lambda: "ready" in running.output())
    first = running.first
    os.kill(json.loads((running.run / "keeper.json").read_text())["pid"], signal.SIGKILL)

    assert within(3, lambda: not is_alive(first))
    assert running.wait(3).why is Why.LOST
    assert within(3, lambda: programs_of(spec.uid) == []) or os.geteuid() != 0


def test_a_time_limit_is_named(place):
    end, _ = place.run(place.spec(*SLEEP, limits=replace(LIMITS, seconds=0.5)))

    assert (end.why, end.words) == (Why.TIME, "Its time was up: it ran for 0.5 seconds, its limit.")


@pytest.mark.parametrize(
    ("command", "why", "words"),
    [
        ("exit 0", Why.FINISHED, "It finished."),
        ("exit 3", Why.FINISHED, "It ended with the exit code 3."),
        ("kill -SEGV $$", Why.SIGNAL, "A signal ended it: Segmentation fault."),
    ],
)
def test_an_end_of_its_own_is_told_in_words(place, command, why, words):
    end, _ = place.run(place.spec("/bin/sh", "-c", command))

    assert (end.why, end.words) == (why, words)


def test_the_end_says_what_was_used(place):
    end, _ = place.run(
        place.python("import time\nx = bytearray(50 << 20)\nuntil = time.process_time() + .3\n"
                     "while time.process_time() < until: pass\nprint('x' * 100)")
    )  # fmt: skip
    used = end.usage

    assert 0.25 < used.cpu_seconds < 3
    assert used.wall_seconds >= 0.3
    assert used.output_bytes == 101
    if "memory" in place.backend.ground.controllers:
        assert 50 * MB < used.memory_peak < 200 * MB
    if "pids" in place.backend.ground.controllers:
        assert used.programs_peak >= 3


# ── starting ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_start_that_cannot_be_is_refused_in_words(place):
    gone = (ReadOnly(place.root / "gone", DATA),)
    with pytest.raises(StartRefused, match=r"gone isn't there, so it can't be shown inside|Can't find source path"):
        place.start(place.spec(read_only=gone))


def test_a_program_that_is_not_there_is_named(place):
    """bubblewrap tells it a moment after the sandbox stands: at the start or at the end."""
    try:
        end, _ = place.run(place.spec("/no/such"))
        words = end.words
        assert end.why is Why.REFUSED
    except StartRefused as refusal:
        words = str(refusal)

    assert "could not be started: execvp /no/such: No such file" in words


@pytest.mark.skipif(os.geteuid() != 0, reason="uids are given where root starts sandboxes; the promises say so")
def test_two_sandboxes_never_share_a_uid(place):
    spec = place.spec(*SLEEP)
    first = place.start(spec)
    other = place.spec(*SLEEP, uid=spec.uid, writable=(), folder=PurePosixPath("/tmp"))
    with pytest.raises(StartRefused, match=f"runs under the uid {spec.uid}"):
        place.start(other)
    first.kill()

    assert place.start(other).is_running()


def test_it_is_found_again_by_its_folder(place):
    running = place.start(place.spec(*SLEEP))
    found = place.backend.find(running.run)

    assert found == running
    assert found.is_running()
    with pytest.raises(StillRunning):
        found.wait(0.05)
    assert found.kill().why is Why.STOPPED
    assert found.end() == running.end()
    assert place.backend.find(place.root) is None


def test_it_outlives_whoever_started_it(place):
    """A Hub that is restarted finds its workspaces running."""
    running = []
    starter = threading.Thread(target=lambda: running.append(place.start(place.spec(*SLEEP))))
    starter.start()
    starter.join()
    time.sleep(0.3)

    assert running[0].is_running()
    parent = Path(f"/proc/{json.loads((running[0].run / 'keeper.json').read_text())['pid']}/stat").read_text()
    assert int(parent.rpartition(")")[2].split()[1]) != os.getpid()


def test_the_keeper_holds_nothing_of_whoever_started_it(place, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "a-secret")
    running = place.start(place.spec(*SLEEP))
    keeper = json.loads((running.run / "keeper.json").read_text())["pid"]

    assert Path(f"/proc/{keeper}/environ").read_bytes() == b""
    assert {os.path.basename(os.readlink(f"/proc/{keeper}/fd/{number}")) for number in range(3)} == {"null"}


# ── what it leaves ──────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a group")
def test_sandboxes_of_one_group_share_a_folder_and_others_do_not(place):
    """By a default ACL on the folder: whatever the umask, and also what was moved there."""
    common = place.root / "common"
    assert shared.make_ready(common, place.root / "groups") == shared.FIRST_GROUP
    writable = (
        Writable(place.root / "home/ada-lovelace", HOME),
        Writable(common, PurePosixPath("/shared"), shared=True),
    )
    write = f"open('{HOME}/a', 'w').write('1'); import os, shutil; shutil.move('{HOME}/a', '/shared/a')"
    read = "print(open('/shared/a').read()); open('/shared/a', 'a').write('2')"
    for text, groups, code in (
        (write, (shared.FIRST_GROUP,), 0), (read, (shared.FIRST_GROUP,), 0), (read, (shared.FIRST_GROUP + 1,), 1),
        (read, (), 1),
    ):  # fmt: skip
        end, said = place.run(place.python(text, writable=writable, groups=groups))
        assert end.code == code, said
    assert (common / "a").read_text() == "12"


def test_what_it_uses_now_is_told(place):
    running = place.start(place.python("held = b'x' * 50_000_000\nwhile True: pass"))
    time.sleep(1)
    use = running.use()
    running.kill()

    kept = {one.promise for one in place.backend.promises(place.spec()) if one.kept}
    if Promise.MEMORY in kept:
        assert 40_000_000 < use.memory < 256 * MB
        assert 0.1 < use.cpu_seconds < 5
    else:
        assert use.memory is None


def test_nothing_is_left_on_the_machine(place):
    before = Path("/proc/mounts").read_text()
    spec = place.spec(*SLEEP)
    running = place.start(spec)
    assert Path("/proc/mounts").read_text() == before, "its mounts are its own"
    running.kill()

    assert within(3, lambda: not [path for base in groups() for path in base.glob(f"caia-{spec.name}-*")])
    assert within(3, lambda: str(place.root) not in loops())
    assert not list((running.run / "twins").glob("*"))


def groups():
    return [base / cgroups.ALL for base in (*cgroups._bases().values(), *cgroups._unified())]


def loops():
    return "".join(path.read_text() for path in Path("/sys/block").glob("loop*/loop/backing_file"))


def test_a_home_is_kept_between_two_starts(place):
    spec = place.spec("/bin/sh", "-c", "echo kept > note")
    place.run(spec)
    end, words = place.run(replace(spec, command=("/bin/cat", "note")))

    assert (end.code, words) == (0, "kept\n")


def test_a_home_in_use_is_not_opened_twice(place):
    if not place.backend.ground.has_volumes:
        pytest.skip("volumes can't be made here; the promises say so")
    place.start(place.spec(*SLEEP))

    with pytest.raises(StartRefused, match="in use by another"):
        place.start(place.spec(*SLEEP))


def test_a_home_grows_with_its_quota_and_keeps_what_it_holds(place):
    if not place.backend.ground.has_volumes:
        pytest.skip("volumes can't be made here; the promises say so")
    spec = place.spec("/bin/sh", "-c", "echo kept > note")
    place.run(spec)
    larger = (Writable(spec.writable[0].source, HOME, quota=48 * MB),)
    fill = ("/bin/sh", "-c", "head -c 30000000 /dev/zero > large && cat note")
    end, words = place.run(replace(spec, command=fill, writable=larger))

    assert (end.code, words) == (0, "kept\n")


def test_a_folder_that_holds_files_already_is_watched_and_that_is_told(place):
    home = place.root / "home/ada-lovelace"
    (home / "old.txt").write_text("old")
    os.chown(home / "old.txt", 0 if os.geteuid() == 0 else -1, -1)
    spec = place.spec("/bin/cat", "old.txt")
    end, words = place.run(spec)

    assert (end.code, words) == (0, "old")
    told = next(one for one in place.backend.promises(spec) if one.promise.name == "DISK")
    assert not told.kept
    assert str(HOME) in told.words


@pytest.mark.skipif(os.geteuid() != 0, reason="twins are made where root starts sandboxes; the promises say so")
def test_what_a_killed_keeper_left_is_cleared_at_the_next_start(place):
    running = place.start(place.spec(*SLEEP))
    assert list((running.run / "twins").rglob("rows.csv"))
    os.kill(json.loads((running.run / "keeper.json").read_text())["pid"], signal.SIGKILL)
    within(3, lambda: not running.is_running())
    place.start(place.spec(*SLEEP)).kill()

    assert not (running.run / "twins").exists()
    assert running.end().why is Why.LOST
    assert (place.root / "data/secret-study/rows.csv").read_text() == ROWS


@pytest.mark.long
def test_a_hundred_starts_leave_nothing(place):
    spec = place.spec("true")
    mounts, handles = Path("/proc/mounts").read_text(), len(os.listdir("/proc/self/fd"))
    for _ in range(100):
        assert place.run(spec)[0].why is Why.FINISHED

    assert Path("/proc/mounts").read_text() == mounts
    assert len(os.listdir("/proc/self/fd")) == handles
    assert within(3, lambda: not [path for base in groups() for path in base.glob(f"caia-{spec.name}-*")])
    assert within(3, lambda: str(place.root) not in loops())


def test_an_old_group_that_nobody_is_in_is_swept():
    group = cgroups.create("left", LIMITS)
    if not group.folders:
        pytest.skip("control groups can't be written here; the promises say so")
    cgroups.sweep()
    assert all(folder.exists() for folder in group.folders.values()), "a fresh one may be somebody's who just starts"
    for folder in group.folders.values():
        os.utime(folder, (1, 1))

    assert cgroups.sweep() >= len(set(group.folders.values()))
    assert not any(folder.exists() for folder in group.folders.values())


def test_whom_nobody_attends_to_any_more_ends(place):
    running = place.start(place.spec(*SLEEP, limits=replace(LIMITS, unattended=1.5)))
    until = time.monotonic() + 3
    while time.monotonic() < until:
        running.attend()
        time.sleep(0.2)
    assert running.is_running()

    end = running.wait(5)

    said = "Nobody looked after it for 1.5 seconds, so nobody could have stopped it."
    assert (end.why, end.words) == (Why.STOPPED, said)


@pytest.mark.skipif(not cgroups._bases() and not cgroups._unified(), reason="no control groups here")
def test_groups_of_a_killed_keeper_are_gone_with_the_next_sweep(place):
    running = place.start(place.spec(*SLEEP))
    folders = set(running.group().folders.values())
    os.kill(json.loads((running.run / "keeper.json").read_text())["pid"], signal.SIGKILL)
    assert running.wait(3).why is Why.LOST
    place.backend.sweep()

    assert [folder for folder in folders if folder.exists()] == []


@pytest.mark.parametrize("pause", [0, 0.1, 0.3, 0.6, 1.0])
def test_a_start_that_is_abandoned_leaves_nothing_however_far_it_came(place, pause):
    run = place.backend.place()
    spec = place.spec(*SLEEP)
    starting = threading.Thread(target=_start, args=(place, spec, run))
    starting.start()
    time.sleep(pause)
    place.backend.abandon(run)
    starting.join(30)

    assert within(5, lambda: _told_of(run) == [])
    assert not run.exists()


def _start(place, spec, run):
    with contextlib.suppress(StartRefused, FileNotFoundError):
        place.backend.start(spec, run)


def _told_of(run):
    """Programs that name this run's folder: its keeper, and what it started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(folder.name) != os.getpid() and str(run).encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found
