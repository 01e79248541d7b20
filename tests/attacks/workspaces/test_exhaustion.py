"""E32 and E40 to E45 of security.md from a notebook: taking all there is of a machine that others work on, too.

By Rosa in a run of her own. Meanwhile Julia's workspace beside hers computes, writes and measures what it gets, and the
portal's pages are read; afterwards her run goes on, or has ended with words on its page and nothing of it is left.
"""

import json
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sandbox.spec import MB, Limits
from tests.attacks.sandbox.test_exhaustion import FILL
from tests.attacks.workspaces.ground import DATA, PYTHON, Ground
from tests.live.lab import Kernel, Lab
from tests.live.machine import traces
from tests.live.site import Person, until

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1"])]

PAGES = ("/", "/projects/", "/datasets/", "/workspaces/")
FAIR = 0.5  # of what the neighbor has alone: there are two of them
LEAST = 0.4  # of the fair share
# What the neighbor does for some seconds, and says: her share of one processor, and how often she wrote to her disk.
WORK = """
import os, time
began, used, wrote = time.monotonic(), time.process_time(), 0
while time.monotonic() - began < {seconds}:
    for _ in range(20): sum(range(20000))
    with open('beat.txt', 'w') as file: file.write('b' * 4096); file.flush(); os.fsync(file.fileno()); wrote += 1
os.remove('beat.txt')
print((time.process_time() - used) / (time.monotonic() - began), wrote)
"""
BOMBS = {
    "E40": "import os\nrefused = 0\nuntil = time.monotonic() + 4\nfirst = os.getpid()\n"
    "while time.monotonic() < until:\n    try: os.fork()\n    except OSError: refused += 1\n"
    "print(refused) if os.getpid() == first else None",
    "E41": "held = []\nwhile True: held.append(bytearray(8 << 20))",
    "E44": "import os\nfor _ in range(4): os.fork()\n"
    "until = time.monotonic() + 4\nwhile time.monotonic() < until: pass",
}


@dataclass
class Seen:
    """What others had: shares of a processor, writes, seconds for pages."""

    share: float = 0.0
    wrote: int = 0
    pages: list[float] = field(default_factory=list)


@dataclass
class Neighbors:
    """Julia in her kernel, and somebody who reads the portal's pages."""

    julia: Kernel
    reader: Person

    @contextmanager
    def watch(self, seconds: float) -> Iterator[Seen]:
        """What they have during these seconds; whole once the block is left."""
        seen, is_over = Seen(), threading.Event()
        reading = threading.Thread(target=self._read, args=(seen, is_over), daemon=True)
        name = self.julia.send(WORK.format(seconds=seconds))
        reading.start()
        try:
            yield seen
            ran = self.julia.follow(name, 90)
            assert not ran.error, f"the neighbor can't work any more: {ran.error}"
            seen.share, seen.wrote = float(ran.text.split()[0]), int(ran.text.split()[1])
        finally:
            is_over.set()
            reading.join(60)

    def _read(self, seen: Seen, is_over: threading.Event) -> None:
        while not is_over.is_set() or not seen.pages:
            began = time.perf_counter()
            assert self.reader.get(PAGES[len(seen.pages) % len(PAGES)]).status_code == 200
            seen.pages.append(time.perf_counter() - began)


@pytest.fixture(scope="module")
def neighbors(both: Ground) -> Iterator[Neighbors]:
    both.awake()
    with both.their_lab.kernel() as kernel:
        yield Neighbors(kernel, both.site.person("Mateo Silva"))


@dataclass
class Attacker:
    """Rosa's second workspace; each of her starts is a run of its own."""

    ground: Ground
    rosa: Person
    project: str

    def lab(self) -> Lab:
        return self.rosa.opened(self.project)

    def group(self, lab: Lab, controller: str) -> Path:
        """Where the kernel counts what her run takes."""
        notes = self.ground.notes(lab)[1]
        return Path(json.loads((Path(notes["sandbox"]) / "keeper.json").read_text())["groups"][controller])


@pytest.fixture(scope="module")
def attacker(both: Ground) -> Iterator[Attacker]:
    attacker = Attacker(both, both.site.person("Rosa Jimenez"), both.site.project("Rosa Jimenez", DATA))
    yield attacker
    if "/stop/" in attacker.rosa.page_of(attacker.project):
        attacker.rosa.stop(attacker.project)


def detonate(kernel: Kernel, bomb: str, wait: float = 60) -> str:
    """In a program of its own below the kernel; what it said, and how it ended."""
    words = json.dumps([PYTHON, "-I", "-S", "-c", f"import time\n{bomb}"])
    ran = kernel.execute(
        f"import subprocess\ndone = subprocess.run({words}, capture_output=True, text=True)\n"
        "print(done.stdout.strip(), done.returncode)", wait,
    )  # fmt: skip
    assert not ran.error, ran.error
    return ran.text.strip()


def others_were_well(alone: Seen, meanwhile: Seen) -> None:
    """Generous, since this machine may have other work: a share of the fair share, and the middle of all pages."""
    told = f"alone {alone}, meanwhile {meanwhile}"
    assert meanwhile.share >= LEAST * FAIR * alone.share, told
    assert meanwhile.wrote > 0, told
    assert statistics.median(meanwhile.pages) < 2 * statistics.median(alone.pages) + 1, told


def goes_on(attacker: Attacker, lab: Lab) -> None:
    """A new kernel of hers answers, and so does everything else."""
    assert lab.execute("print(6 * 7)").text == "42\n"
    until(lambda: attacker.ground.site.status()["is_ready"], 30, "the portal is as it was")


@pytest.mark.parametrize("number", ["E40", "E44"])
def test_forks_and_busy_processors_leave_the_neighbors_their_share(attacker, neighbors, number):
    lab = attacker.lab()
    with lab.kernel() as kernel:
        kernel.execute("pass")
        with neighbors.watch(3) as alone:
            pass
        with neighbors.watch(4) as meanwhile:
            said = detonate(kernel, BOMBS[number])

    others_were_well(alone, meanwhile)
    if number == "E40":
        pids = attacker.group(lab, "pids")
        most = int((pids / "pids.max").read_text())
        assert int(said.split()[0]) > 0, "the bomb never met its limit"
        assert int((pids / "pids.peak").read_text()) <= most <= 512
    goes_on(attacker, lab)


def test_e41_memory_ends_the_program_that_took_it(attacker, neighbors):
    """Its machine gives the run less for this once: eight gigabytes are long in coming."""
    lab = attacker.lab()
    memory = attacker.group(lab, "memory")
    limit = memory / ("memory.max" if (memory / "memory.max").exists() else "memory.limit_in_bytes")
    before = limit.read_text()
    with lab.kernel() as kernel:
        kernel.execute("pass")
        with neighbors.watch(2) as alone:
            pass
        limit.write_text(str(700 * MB))
        try:
            with neighbors.watch(3) as meanwhile:
                said = detonate(kernel, BOMBS["E41"])
        finally:
            limit.write_text(before)

    assert said == "-9", "the kernel ended it, and nobody else"
    others_were_well(alone, meanwhile)
    goes_on(attacker, lab)


def test_e42_a_full_home_is_full_for_its_owner_alone(attacker, neighbors):
    """Reserved, not written, so that this machine's own disk needs no 20 GB; then each byte and file is refused.

    In one file of less than 100 GB: none may be larger than the largest quota.
    """
    lab = attacker.lab()
    code = FILL + (
        "import shutil\nhome = '/home/researcher/bomb'; os.mkdir(home); os.mkdir('/tmp/bomb')\n"
        "said = [reserve(home, 90 << 30), fill(home, 4 << 30)[1], many('/tmp/bomb', 10**6),\n"
        "        fill('/dev/shm', 1 << 40)[1]]\n"
        "print(json.dumps(said)); os.remove('/dev/shm/fill'); shutil.rmtree(home); shutil.rmtree('/tmp/bomb')\n"
        "open('after.txt', 'w').write('there is room again')"
    )
    with neighbors.watch(2) as alone:
        pass
    with neighbors.watch(4) as meanwhile:
        ran = lab.execute(code)

    assert not ran.error, ran.error
    reserved, full, (made, no_file), memory = json.loads(ran.text.splitlines()[-1])
    assert (reserved, full, no_file, memory) == ("ENOSPC",) * 4
    assert made < Limits().scratch_files
    others_were_well(alone, meanwhile)
    goes_on(attacker, lab)


def test_e43_descriptors_run_out_inside(attacker, neighbors):
    lab = attacker.lab()
    bomb = (
        "import errno, os, select, socket\n"
        "for work in (lambda: os.open('/dev/null', 0), select.epoll, socket.socketpair, lambda: os.eventfd(0)):\n"
        "    held = []\n"
        "    try:\n"
        "        while len(held) < 10**6: held.append(work())\n"
        "    except OSError as error: print(errno.errorcode[error.errno], end=' ')\n"
        "    for one in held: os.close(one) if isinstance(one, int) else None\n"
    )
    with neighbors.watch(2) as meanwhile, lab.kernel() as kernel:
        said = detonate(kernel, bomb)

    assert said.split() == ["EMFILE"] * 4 + ["0"]
    assert meanwhile.wrote > 0
    goes_on(attacker, lab)


def test_e45_a_flood_of_words_is_cut_off_on_the_hosts_disk(attacker, neighbors):
    """Into what the server says, which its host keeps: a kernel has a copy of its line."""
    lab = attacker.lab()
    code = (
        "import os, sys\nline = sys.stdout._original_stdstream_copy\n"
        "print(sum(os.write(line, b'x' * 65535 + b'\\n') for _ in range(4096)))"
    )
    with neighbors.watch(2) as meanwhile:
        ran = lab.execute(code)

    assert ran.text == f"{256 << 20}\n", ran
    kept = Path(attacker.ground.notes(lab)[1]["sandbox"]) / "output"
    until(lambda: "cut off" in kept.read_text(errors="replace"), 10, "it says that it was cut off")
    assert kept.stat().st_size < Limits().output + 1000
    assert meanwhile.wrote > 0
    goes_on(attacker, lab)


def test_e32_a_run_that_will_not_end_is_ended_from_outside_and_nothing_is_left(attacker):
    """Its first process and its server are stopped, what is left ignores every signal that can be ignored."""
    lab = attacker.lab()
    folder, notes = attacker.ground.notes(lab)
    bomb = (
        "import os, signal, time\n"
        "for number in range(1, 65):\n"
        "    try: signal.signal(number, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\n"
        "for _ in range(3):\n"
        "    if os.fork() == 0: os.setsid()\n"
        "time.sleep(1)\n"
        "for pid in {1, os.getppid()} | ({int(one) for one in os.listdir('/proc') if one.isdigit()} - {os.getpid()}):\n"
        "    os.kill(pid, signal.SIGSTOP)\n"
    )
    with lab.kernel() as kernel:
        words = json.dumps([PYTHON, "-I", "-S", "-c", bomb])
        kernel.send(f"import subprocess\nsubprocess.run({words})")
        first = json.loads((Path(notes["sandbox"]) / "keeper.json").read_text())["first"]
        until(lambda: _stopped(first), 30, "everything inside stands still")
        began = time.monotonic()
        attacker.rosa.stop(attacker.project, "It does not answer.")
        took = time.monotonic() - began

    assert took < 30
    assert "It does not answer." in attacker.rosa.page_of(attacker.project)
    left = traces(attacker.ground.site.place, [notes["name"]])
    assert (left.inside, left.groups) == ([], [])
    assert not list(folder.glob("s/*/*"))
    assert not any(str(folder) in line for line in left.mounts)


def _stopped(first: int) -> bool:
    """Whether a child of this process, the server, stands still."""
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    states = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in children]
    return bool(states) and set(states) == {"T"}
