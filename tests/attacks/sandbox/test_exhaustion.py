"""E32 and E40 to E45 of security.md: taking all there is, or never ending. Each in a sandbox of its own, for real.

What the machine at hand can't enforce counts as failed, in the words of the promise that says what is missing.
"""

import json
import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from sandbox.ends import Why
from sandbox.promises import Promise
from sandbox.spec import MB, SocketFolder, SpecError, Writable
from tests.attacks.sandbox.inside import PROBES
from tests.sandbox.place import HOME, LIMITS, is_alive

pytestmark = pytest.mark.slow

FILL = """
import errno, json, os, sys
def fill(place, size):
    done = 0
    try:
        with open(place + "/fill", "wb", buffering=0) as file:
            while done < size:
                done += file.write(bytes(1 << 16))
    except OSError as error:
        return done, errno.errorcode[error.errno]
    return done, ""
def many(place, number):
    made = 0
    try:
        while made < number:
            os.close(os.open(f"{place}/{made}", os.O_CREAT | os.O_WRONLY)); made += 1
    except OSError as error:
        return made, errno.errorcode[error.errno]
    return made, ""
def reserve(place, size):
    try:
        with open(place + "/reserve", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        return errno.errorcode[error.errno]
    return ""
"""


def standing(place, spec, promise):
    return next(one for one in place.backend.promises(spec) if one.promise is promise)


def must_keep(place, spec, *promises):
    """An attack is not withstood on a machine that has no wall against it, however its end looks."""
    for one in (standing(place, spec, promise) for promise in promises):
        assert one.kept, f"not enforced on this machine: {one.promise}. {one.words}"


def test_e32_a_sandbox_that_never_ends_is_ended_from_outside_within_five_seconds(place):
    spec = place.python(
        "import os, signal, time\n"
        "for number in range(1, 65):\n"
        "    try: signal.signal(number, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\n"
        "for _ in range(3):\n"
        "    if os.fork() == 0: os.setsid()\n"
        "for number in (signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM): os.kill(1, number)\n"
        "time.sleep(600)",
        limits=replace(LIMITS, seconds=2),
    )
    running = place.start(spec)
    first = running.first
    end = running.wait(7)

    assert end.why is Why.TIME
    assert "2 seconds" in end.words
    assert not is_alive(first)


def test_e40_a_fork_bomb_stops_at_its_limit_and_leaves_nothing(place):
    bomb = "bomb() { bomb | bomb & }; bomb; sleep 60"
    spec = place.spec("/bin/sh", "-c", bomb, limits=replace(LIMITS, seconds=3))
    must_keep(place, spec, Promise.PROCESSES, Promise.WHOLE_TREE)
    running = place.start(spec)
    time.sleep(1.5)
    began = time.monotonic()
    subprocess.run(["/bin/true"], check=True)
    latency = time.monotonic() - began
    end = running.wait(10)

    assert latency < 1, "the host can't start a program in reasonable time"
    assert end.why is Why.TIME
    assert end.usage.programs_peak is not None, "nobody counted its programs: the pids controller is missing here"
    assert end.usage.programs_peak <= LIMITS.processes
    assert end.usage.refused_programs > 0, "the bomb never met its limit"
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and is_alive(int(pid)) and owner(pid) == spec.uid]


def owner(pid):
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


@pytest.mark.parametrize("way", ["heap", "shared memory", "many programs"])
def test_e41_a_memory_bomb_dies_in_its_own_limit(place, way):
    bombs = {
        "heap": "x = []\nwhile True: x.append(bytearray(8 << 20))",
        "shared memory": "import mmap\nx = mmap.mmap(-1, 1 << 30)\nfor at in range(0, 1 << 30, 4096): x[at] = 1",
        "many programs": "import os, time\nfor _ in range(6): os.fork()\nx = bytearray(64 << 20)\ntime.sleep(20)",
    }
    limits = replace(LIMITS, memory=96 * MB, processes=100, seconds=25)
    spec = place.python(bombs[way], limits=limits)
    must_keep(place, spec, Promise.MEMORY)
    end, _ = place.run(spec)

    assert end.usage.memory_kills > 0
    assert end.usage.memory_peak <= limits.memory
    assert way == "many programs" or (end.why is Why.MEMORY and "96 MB" in end.words)


def test_e41_page_cache_counts_and_is_given_back(place):
    """Reading and writing more than the memory is no crime: the cache is emptied, not the neighbour's memory taken."""
    limits = replace(LIMITS, memory=32 * MB)
    home = Writable(place.root / "home/ada-lovelace", HOME, quota=100 * MB)
    spec = place.python(
        FILL + "print(fill('/home/researcher', 80 << 20))\nprint(len(open('/home/researcher/fill','rb').read(1)))",
        limits=limits,
        writable=(home,),
    )
    must_keep(place, spec, Promise.MEMORY)
    end, words = place.run(spec)

    assert end.code == 0, words
    assert end.usage.memory_peak <= limits.memory


@pytest.mark.parametrize("where", ["/tmp", "/dev/shm"])
def test_e42_scratch_is_full_at_its_size(place, where):
    spec = place.python(
        FILL + f"import json; print(json.dumps([fill({where!r}, 200 << 20), reserve({where!r}, 200 << 20)]))",
        limits=replace(LIMITS, shared_memory=4 * MB),
    )
    _, words = place.run(spec)
    (done, reason), reserved = json.loads(words)

    assert reason == "ENOSPC"
    assert reserved == "ENOSPC"
    assert done <= (LIMITS.scratch if where == "/tmp" else 4 * MB)


def test_e42_a_million_files_in_scratch_stop_early(place):
    spec = place.python(
        FILL + "import json; print(json.dumps(many('/tmp', 10**6)))", limits=replace(LIMITS, seconds=20)
    )
    must_keep(place, spec, Promise.SCRATCH_FILES)
    _, words = place.run(spec)
    made, reason = json.loads(words)

    assert reason == "ENOSPC"
    assert made <= LIMITS.scratch_files


def test_e42_a_home_is_full_at_its_quota(place):
    spec = place.python(
        FILL + "import json; home='/home/researcher'\n"
        "print(json.dumps([many(home, 5000), reserve(home, 200 << 20), fill(home, 200 << 20)]))"
    )
    must_keep(place, spec, Promise.DISK, Promise.FILES)
    _, words = place.run(spec)
    (made, no_file), reserved, (done, full) = json.loads(words)

    assert (no_file, reserved, full) == ("ENOSPC", "ENOSPC", "ENOSPC")
    assert made <= 1000
    assert done <= 16 * MB
    assert sum(path.stat().st_blocks * 512 for path in (place.root / "home").rglob("*")) <= 17 * MB


def test_e42_a_shared_folder_is_measured_and_the_sandbox_ended(place):
    """Several write it, so it can't be a volume; the promise says that this comes a moment late."""
    shared = Writable(place.root / "sockets", HOME, quota=4 * MB, shared=True)
    (place.root / "sockets").chmod(0o777)
    spec = place.python(
        FILL + "import time\nfor n in range(100):\n    there = f'/home/researcher/{n}'; os.mkdir(there)\n"
        "    fill(there, 1 << 20)\n"
        "    time.sleep(.1)",
        writable=(shared,),
    )
    end, _ = place.run(spec)

    assert not standing(place, spec, Promise.DISK).kept
    assert end.why is Why.DISK
    assert str(HOME) in end.words


@pytest.mark.parametrize("way", ["bytes", "files"])
def test_e42_a_folder_for_sockets_is_no_place_for_files(place, way):
    """It lies on the host's own disk."""
    (place.root / "sockets").chmod(0o777)
    spec = place.python(
        FILL + f"import time\nfill('/run/ws', 4 << 20) if {way!r} == 'bytes' else many('/run/ws', 100)\ntime.sleep(20)",
        sockets=(SocketFolder(place.root / "sockets", PurePosixPath("/run/ws"), listens=True),),
    )
    end, _ = place.run(spec)

    assert end.why is Why.DISK
    assert "/run/ws" in end.words


def test_e42_a_sparse_file_takes_no_more_than_it_holds(place):
    spec = place.python(
        "import os\nwith open('/home/researcher/sparse', 'wb') as file: os.truncate(file.fileno(), 1 << 40)\n"
        "print(os.stat('/home/researcher/sparse').st_blocks)"
    )
    end, words = place.run(spec)

    assert words.startswith("0") or end.code != 0


def test_e43_descriptors_and_watches_run_out_inside(place):
    spec = place.python(
        "import errno, json, os, select, socket\n"
        "said = {}\n"
        "for name, work in {'files': lambda: open('/dev/null'), 'epoll': select.epoll, 'sockets': socket.socketpair,\n"
        "                   'events': lambda: os.eventfd(0)}.items():\n"
        "    held = []\n"
        "    try:\n"
        "        while len(held) < 100000: held.append(work())\n"
        "    except OSError as error: said[name] = [len(held), errno.errorcode[error.errno]]\n"
        "print(json.dumps(said))",
        limits=replace(LIMITS, open_files=200),
    )
    _, words = place.run(spec)
    said = json.loads(words)

    assert {reason for _, reason in said.values()} == {"EMFILE"}
    assert all(number <= 200 for number, _ in said.values())


def test_e44_a_processor_hog_gets_its_share_and_no_more(place):
    spec = place.python(
        "import os, time\nfor _ in range(3): os.fork()\nuntil = time.monotonic() + 2\n"
        "while time.monotonic() < until: pass\ntime.sleep(.5)",
        limits=replace(LIMITS, cpus=0.25),
    )
    must_keep(place, spec, Promise.CPU)
    end, _ = place.run(spec)

    assert end.usage.cpu_seconds <= 0.25 * end.usage.wall_seconds + 0.3


def test_e44_the_speed_of_the_disk_is_told_as_not_limited(place):
    """Open, and said so wherever it is asked: docs/sandbox.md, the promise, and here."""
    told = standing(place, place.spec(), Promise.DISK_SPEED)

    assert not told.kept
    assert told.words


def test_e45_a_flood_of_words_is_cut_off_and_counted(place):
    spec = place.python(
        "import sys\nfor _ in range(64): sys.stdout.write('x' * (1 << 20))", limits=replace(LIMITS, output=100_000)
    )
    running = place.start(spec)
    end = running.wait(30)

    assert end.code == 0
    assert end.usage.output_bytes == 64 << 20
    assert (running.run / "output").stat().st_size < 100_200
    assert "cut off" in running.output()


def test_e45_a_name_of_a_megabyte_is_refused(place):
    with pytest.raises(SpecError, match="1 to 50"):
        place.spec(name="x" * MB)


def test_the_suite_names_each_attempt_of_the_design():
    """5.1 to 5.4, but E14, which is asked of the Hub."""
    here = {f"E{text[6:8]}" for text in globals() if text.startswith("test_e")} | set(PROBES)

    assert here == {f"E{number:02}" for number in range(1, 46)} - {"E14"}
    assert Path(__file__).with_name("test_escapes.py").exists()
