"""One hostile run inside one sandbox, with canaries outside it: what each probe said, and what the canaries heard."""

import ctypes
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import pytest

from sandbox.calls import LAST_KNOWN, LOOKED_AT, REFUSED
from sandbox.spec import ReadOnly
from tests.sandbox.place import HOME, PYTHON, Place, places

INSIDE = Path(__file__).with_name("inside.py")
SECRET = "launcher-secret-51c9"
SEGMENT = 0x0CA1A000 + os.getpid() % 4096


@dataclass
class Canaries:
    """Everything an attacker may want to reach: listening, and writing down who came."""

    folder: Path
    heard: list[str] = field(default_factory=list)
    lines: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tcp = [self._listen(socket.AF_INET, ("127.0.0.1", 0)) for _ in range(2)]
        self.udp = [self._listen(socket.AF_INET, ("127.0.0.1", 0), socket.SOCK_DGRAM)]
        self.abstract = f"caia-canary-{secrets.token_hex(8)}"
        self._listen(socket.AF_UNIX, "\0" + self.abstract)
        self.file = str(self.folder / "redis.sock")
        self._listen(socket.AF_UNIX, self.file)
        os.chmod(self.file, 0o777)

    def _listen(self, family: int, address: object, kind: int = socket.SOCK_STREAM) -> object:
        line = socket.socket(family, kind)
        line.bind(address)
        if kind == socket.SOCK_STREAM:
            line.listen()
        self.lines.append(line)
        threading.Thread(target=self._hear, args=(line, kind), daemon=True).start()
        return line.getsockname()

    def _hear(self, line: socket.socket, kind: int) -> None:
        name = str(line.getsockname())
        while True:
            try:
                visitor, caller = line.accept() if kind == socket.SOCK_STREAM else line.recvfrom(100)
                self.heard.append(name)
                if kind == socket.SOCK_STREAM:
                    visitor.close()
                else:
                    line.sendto(b"", caller)
            except OSError:
                return

    def so_far(self) -> list[str]:
        """Who came since the last time: we ring every line ourselves, so that nobody before us is still waiting."""
        for line in self.lines:
            with socket.socket(line.family, line.type) as bell:
                bell.settimeout(10)
                bell.connect(line.getsockname())
                if line.type == socket.SOCK_DGRAM:
                    bell.send(b"bell")
                bell.recv(1)
        heard, self.heard = self.heard, []
        for line in self.lines:
            heard.remove(str(line.getsockname()))
        return heard

    def close(self) -> None:
        for line in self.lines:
            line.shutdown(socket.SHUT_RDWR) if line.type == socket.SOCK_STREAM else None
            line.close()


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Canaries, dict[str, object]]]:
    """Other people's data, homes and sockets on the host; what the attacker knows of them."""
    with TemporaryDirectory(prefix="caia-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        for place in places(root):
            for name in ("data/other-study", "home/grace-hopper", "canaries"):
                (root / name).mkdir()
            (root / "data/other-study/rows.csv").write_text("CANARY-OTHER")
            (root / "home/grace-hopper/notes.txt").write_text("CANARY-NOTES")
            memory = Path("/dev/shm") / f"caia-canary-{os.getpid()}"
            memory.write_text("CANARY-MEMORY")
            libc = ctypes.CDLL(None)
            segment = libc.shmget(SEGMENT, 4096, 0o1666)
            canaries = Canaries(root / "canaries")
            try:
                yield place, canaries, _facts(root, canaries, memory)
            finally:
                canaries.close()
                memory.unlink()
                libc.shmctl(segment, 0, None)


def _facts(root: Path, canaries: Canaries, memory: Path) -> dict[str, object]:
    return {
        "tcp": canaries.tcp,
        "udp": canaries.udp,
        "abstract": canaries.abstract,
        "socket_files": [canaries.file],
        "neighbour_ports": [canaries.tcp[1][1]],
        "foreign": [str(root / "data/other-study"), str(root / "data/other-study/rows.csv"), str(root / "data")],
        "foreign_home": str(root / "home/grace-hopper"),
        "secrets": [str(root), str(root / "state")],
        "data_file": "/data/demo/rows.csv",
        "canary_words": ["secret-study", "other-study", "ada-lovelace", "grace-hopper"],
        "launcher_secrets": [SECRET],
        "calls": REFUSED | LOOKED_AT,
        "last_known": LAST_KNOWN,
        "shared_memory": memory.name,
        "segment": SEGMENT,
    }


@dataclass(frozen=True)
class Answers:
    """What the probes said, and what the canaries heard meanwhile."""

    said: dict[str, dict[str, object]]
    heard: list[str]
    words: str


@pytest.fixture(scope="session")
def attacked(ground: tuple[Place, Canaries, dict[str, object]]) -> Answers:
    """All probes, inside a sandbox of the single machine, started by somebody with secrets in the environment."""
    place, canaries, facts = ground
    canaries.so_far()
    patch = pytest.MonkeyPatch()
    patch.setenv("DATABASE_URL", f"postgres://portal:{SECRET}@localhost/portal")
    try:
        end, words = place.run(_hostile(place, facts), timeout=180)
    finally:
        patch.undo()
    assert end.code == 0, words
    return Answers(json.loads(words), canaries.so_far(), words)


def _hostile(place: Place, facts: dict[str, object]) -> object:
    weapons = place.root / "weapons"
    weapons.mkdir()
    (weapons / "inside.py").write_bytes(INSIDE.read_bytes())
    (weapons / "facts.json").write_text(json.dumps(facts))
    for file in weapons.iterdir():
        file.chmod(0o644)
    command = (PYTHON, "-I", "-S", "/weapons/inside.py", "/weapons/facts.json")
    spec = place.spec(*command)
    mounts = (*spec.read_only, ReadOnly(weapons, PurePosixPath("/weapons")))
    limits = replace(spec.limits, seconds=170, output=1 << 20)
    return replace(spec, read_only=mounts, limits=limits, folder=HOME)


@pytest.fixture(scope="session")
def bare(ground: tuple[Place, Canaries, dict[str, object]]) -> Answers:
    """The probes that harm nothing, by an ordinary account without any sandbox: they must work there."""
    place, canaries, facts = ground
    file = place.root / "facts.json"
    file.write_text(json.dumps(facts))
    file.chmod(0o644)
    probes = ["E01", "E11", "E12", "E15", "E16", "E29", "E31", "E37", "E39"]
    script = place.root / "inside.py"
    script.write_bytes(INSIDE.read_bytes())
    script.chmod(0o644)
    account = {"user": 65_533, "group": 65_533, "extra_groups": []} if os.geteuid() == 0 else {}
    program = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
    canaries.so_far()
    answer = subprocess.run(
        [program, "-I", "-S", str(script), str(file), *probes],
        env={"LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        **account,
    )
    assert answer.returncode == 0, answer.stderr
    return Answers(json.loads(answer.stdout), canaries.so_far(), answer.stdout)


@pytest.fixture
def place() -> Iterator[Place]:
    """A place of its own for one attack."""
    with TemporaryDirectory(prefix="caia-") as folder:
        Path(folder).chmod(0o755)
        yield from places(Path(folder))
