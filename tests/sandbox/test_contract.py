"""One contract, the same for each backend that can run here: what a program finds inside, and that it can work."""

import json
import socket
import threading
from pathlib import Path, PurePosixPath

import pytest

from sandbox import bubblewrap
from sandbox.bubblewrap import StartFailed
from sandbox.spec import SocketFolder
from tests.sandbox.place import DATA, HOME, ROWS, by_slurm

pytestmark = pytest.mark.slow

LOOK = """
import json, os, sys
def read(path):
    with open(path) as file: return file.read()
status = {line.partition(":")[0]: line.partition(":")[2].strip() for line in read("/proc/self/status").splitlines()}
try:
    open("/data/demo/rows.csv", "a"); changed = True
except OSError: changed = False
open("/home/researcher/note", "w").write("kept")
print(json.dumps({
    "uid": os.getuid(), "powers": status["CapBnd"], "filter": status["Seccomp"], "sealed": status["NoNewPrivs"],
    "cards": [line.split(":")[0].strip() for line in read("/proc/net/dev").splitlines()[2:]], "changed": changed,
    "variables": sorted(os.environ), "given": os.environ["GIVEN"], "rows": read("/data/demo/rows.csv"),
    "roots": sorted(os.listdir("/")), "programs": len([n for n in os.listdir("/proc") if n.isdigit()]),
    "host": os.uname().nodename, "folder": os.getcwd(), "shadow": os.path.exists("/etc/shadow"),
}))
"""

ROOTS = {"bin", "data", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "opt", "proc", "sbin", "tmp", "usr"}

WORK = """
import asyncio, concurrent.futures, multiprocessing, socket, subprocess, sys, tempfile, threading
def one(_): return 1
said = subprocess.run([sys.executable, "-c", "print(2)"], capture_output=True, text=True).stdout.strip()
async def program():
    child = await asyncio.create_subprocess_exec("/bin/echo", "3", stdout=asyncio.subprocess.PIPE)
    return (await child.communicate())[0].decode().strip()
lock = multiprocessing.get_context("fork").Lock()
with multiprocessing.get_context("fork").Pool(2) as pool: pooled = sum(pool.map(one, range(4)))
with concurrent.futures.ThreadPoolExecutor(4) as threads: threaded = sum(threads.map(one, range(5)))
line = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=lambda: line.accept()[0].sendall(b"6")).start()
heard = socket.create_connection(("localhost", line.getsockname()[1]), timeout=5).recv(1).decode()
with tempfile.NamedTemporaryFile() as file: file.write(b"x")
print(said, asyncio.run(program()), pooled, threaded, heard)
"""


@pytest.fixture(params=["bubblewrap", "slurm"])
def run(request, place):
    """Run a description with this backend: its exit code and what it printed."""
    if request.param == "slurm":
        return lambda spec: by_slurm(place, spec)

    def by_bubblewrap(spec):
        end, words = place.run(spec)
        return end.code, words

    return by_bubblewrap


@pytest.fixture
def given(place):
    return {"LD_LIBRARY_PATH": "/opt/python/lib", "GIVEN": "a value with 'quotes' and\nlines"}


def test_what_a_program_finds(run, place, given, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "secret")
    code, words = run(place.python(LOOK, variables=given))
    assert code == 0, words
    found = json.loads(words)

    assert (found["uid"], int(found["powers"], 16), found["filter"], found["sealed"]) == (1000, 0, "2", "1")
    assert found["cards"] == ["lo"]
    assert "DATABASE_URL" not in found["variables"]
    assert set(found["variables"]) <= {
        "GIVEN", "HOME", "LANG", "LC_CTYPE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "PWD", "TMPDIR", "USER",
    }  # fmt: skip
    assert found["given"] == given["GIVEN"]
    assert found["rows"] == ROWS
    assert found["changed"] is False
    assert set(found["roots"]) <= ROOTS
    assert found["programs"] <= 3
    assert (found["host"], found["folder"], found["shadow"]) == ("workspace", str(HOME), False)


def test_everyday_work_goes_on(run, place):
    """Threads, programs, pools, a loopback of its own: what kernels and libraries need."""
    code, words = run(place.python(WORK))

    assert (code, words.strip()) == (0, "2 3 4 5 6")


@pytest.mark.parametrize(("command", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137)])
def test_the_exit_code_comes_out(run, place, command, code):
    assert run(place.spec("/bin/sh", "-c", command))[0] == code


def test_the_filter_holds(run, place):
    code, words = run(
        place.python(
            "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
            "print(libc.unshare(0x10000000), ctypes.get_errno(), libc.ptrace(0, 0, 0, 0), ctypes.get_errno())"
        )
    )

    assert (code, words.strip()) == (0, "-1 1 -1 1")


SERVE = """
import os, socket
os.umask(0)
server, hub = (socket.socket(socket.AF_UNIX) for _ in 'ab')
server.bind('/run/ws/server.sock'); server.listen()
hub.connect('/run/hub/hub.sock'); hub.sendall(b'up')
line = server.accept()[0]; line.sendall(b'page'); line.close()
try: open('/run/hub/mine', 'w')
except OSError as error: print(error.errno)
"""


class Hub:
    """Outside: hears that the sandbox is up by one socket, and asks it for a page by the other."""

    def __init__(self, folder):
        self.heard, self.server = [], str(folder / "in/server.sock")
        self.line = socket.socket(socket.AF_UNIX)
        self.line.settimeout(10)
        self.line.bind(str(folder / "out/hub.sock"))
        self.line.listen()
        (folder / "out/hub.sock").chmod(0o777)
        self.listener = threading.Thread(target=self.answer, daemon=True)
        self.listener.start()

    def answer(self):
        line = self.line.accept()[0]
        self.heard.append(line.recv(100))
        with socket.socket(socket.AF_UNIX) as back:
            back.connect(self.server)
            self.heard.append(back.recv(100))
        line.close()

    def close(self):
        self.listener.join(10)
        self.line.close()


def test_sockets_are_the_way_in_and_out(run, place):
    """The sandbox listens in one folder, and speaks to the host's socket in another, which it can't write."""
    for name in ("in", "out"):
        (place.root / "sockets" / name).mkdir()
        (place.root / "sockets" / name).chmod(0o777)
    hub = Hub(place.root / "sockets")
    folders = (
        SocketFolder(place.root / "sockets/in", PurePosixPath("/run/ws"), listens=True),
        SocketFolder(place.root / "sockets/out", PurePosixPath("/run/hub")),
    )
    code, words = run(place.python(SERVE, sockets=folders))
    hub.close()

    assert (code, words.strip()) == (0, "30")
    assert hub.heard == [b"up", b"page"]


def test_a_word_is_never_read_as_an_option_or_by_a_shell(run, place):
    spec = place.spec("/bin/echo", "--share-net", "$(id)", "a'b", "`id`", str(DATA))

    assert run(spec) == (0, f"--share-net $(id) a'b `id` {DATA}\n")


def test_slurm_leaves_nothing_on_the_node(place):
    before = set(Path("/tmp").glob("tmp.*"))
    by_slurm(place, place.spec())

    assert set(Path("/tmp").glob("tmp.*")) <= before


@pytest.mark.parametrize("keeper", ["import os; os.kill(os.getpid(), 9)", "print('{\"pi')"])
def test_what_is_killed_as_it_starts_has_failed_and_was_not_refused(place, monkeypatch, keeper):
    monkeypatch.setattr(bubblewrap, "_KEEPER", keeper)
    with pytest.raises(StartFailed, match="The keeper"):
        place.start(place.spec("sleep", "60"))
