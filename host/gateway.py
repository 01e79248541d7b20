"""A run's gateway: the program between the browser and the sandbox, under an account of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host.settings import Settings
from host.wire import Answer, Unreachable, ask, unix
from sandbox.keeper import ticks

_ROOT = Path(__file__).resolve().parent.parent
_LAUNCH = _ROOT / "door" / "launch.py"
_TIMEOUT = 3.0
_END_SECONDS = 5.0


class GatewayError(Exception):
    """It can't be started or asked; the message says why."""


@dataclass(frozen=True)
class Folders:
    """A run's sockets. `outer` is open to the Hub's proxy, `own` to the gateway, `inner` to it and the sandbox.

    `jobs` is open to the sandbox, which can't write there.
    """

    root: Path

    @property
    def listen(self) -> Path:
        """The socket for browsers."""
        return self.root / "outer" / "gateway.sock"

    @property
    def control(self) -> Path:
        """The socket for us."""
        return self.root / "own" / "control.sock"

    @property
    def spool(self) -> Path:
        """The folder of its events."""
        return self.root / "own" / "spool"

    @property
    def inner(self) -> Path:
        """The folder of the sandbox's own socket."""
        return self.root / "inner"

    @property
    def jobs(self) -> Path:
        """The folder of the socket by which the sandbox asks for jobs; only we put anything there."""
        return self.root / "jobs"

    @property
    def words(self) -> Path:
        """What it is told."""
        return self.root / "own" / "gateway.json"

    def make(self, settings: Settings, uid: int) -> None:
        """Make them, each open to those who need it."""
        own = settings.gateway_uids + uid
        for folder, owner, group, mode in (
            (self.root, -1, -1, 0o711),
            (self.listen.parent, own, settings.hub_account[1], 0o2750),
            (self.control.parent, own, own, 0o700),
            (self.spool, own, own, 0o700),
            (self.inner, uid, uid, 0o750),
            (self.jobs, 0, uid, 0o750),
        ):
            folder.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0 and owner >= 0:
                os.chown(folder, owner, group)
            folder.chmod(mode)  # after the owner: a change of it takes the bit of the group away

    def close(self, uid: int) -> None:
        """The server listens; nobody inside puts another socket, a link or anything else into its folder any more."""
        if os.geteuid() == 0:
            os.chown(self.inner, 0, uid)


@dataclass
class Gateway:
    """One gateway; pid and ticks name its program also after a restart of the host."""

    folders: Folders
    uid: int
    pid: int = 0
    ticks: int | None = None
    child: subprocess.Popen[bytes] | None = None

    def write(self, facts: dict[str, Any], settings: Settings) -> None:
        """Lay down what it is told, for its account alone."""
        path = self.folders.words
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(facts, file)
            if os.geteuid() == 0:
                os.fchown(file.fileno(), settings.gateway_uids + self.uid, -1)

    def start(self, settings: Settings, log: Path) -> None:
        """Start its program; it outlives us."""
        for path in (self.folders.listen, self.folders.control):
            path.unlink(missing_ok=True)
        program = settings.gateway or (sys.executable, "-m", "gateway")
        words = [*_become(settings, self.uid), *program, str(self.folders.words)]
        with log.open("ab") as out:
            self.child = subprocess.Popen(
                words, cwd=_ROOT, env={"PATH": os.defpath, "LANG": "C.UTF-8"}, stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        self.pid, self.ticks = self.child.pid, ticks(self.child.pid)

    def is_running(self) -> bool:
        """Whether its program is there."""
        if self.child is not None and self.child.poll() is not None:
            return False
        return bool(self.pid) and ticks(self.pid) == self.ticks

    def is_ready(self) -> bool:
        """Whether it answers us."""
        try:
            return self._ask("GET", "/figures").status == 200
        except GatewayError:
            return False

    def figures(self) -> dict[str, Any]:
        """What it counted. GatewayError where it does not answer."""
        return self._ask("GET", "/figures").facts

    def tell(self, word: str, reason: str = "") -> None:
        """close, pause or resume. GatewayError where it does not answer."""
        self._ask("POST", f"/{word}", {"reason": reason} if reason else {})

    def end(self) -> None:
        """End its program, politely at first; also one that we started and were killed before we had noted it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self._programs():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            if until(lambda: not self._programs(), _END_SECONDS):
                break
        if self.child is not None:
            self.child.wait()

    def _programs(self) -> list[int]:
        """The processes that were told to read this run's words; the folder's name is nobody else's."""
        wanted = str(self.folders.words).encode()
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                with contextlib.suppress(OSError):
                    if (folder / "cmdline").read_bytes().rstrip(b"\0").endswith(b"\0" + wanted):
                        found.append(int(folder.name))
        return [pid for pid in found if ticks(pid) is not None]

    def _ask(self, method: str, path: str, facts: dict[str, Any] | None = None) -> Answer:
        try:
            return ask(method, unix(self.folders.control) + path, facts, timeout=_TIMEOUT)
        except Unreachable as error:
            raise GatewayError(str(error)) from error


def until(is_so: Callable[[], bool], seconds: float, pause: float = 0.05) -> bool:
    """Wait until it is so, at most this long; whether it is."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def _become(settings: Settings, uid: int) -> list[str]:
    """The words that make a program run as the gateway's account, in the group of its workspace's socket."""
    words = [sys.executable, "-I", "-S", str(_LAUNCH), "--umask", "007"]
    if os.geteuid() != 0:
        return [*words, "--"]
    own = settings.gateway_uids + uid
    words += ["--account", f"{own}:{own}", "--groups", str(uid)]
    if not all(_is_open(Path(path)) for path in (sys.executable, sys.prefix, sys.base_prefix, _ROOT / "gateway")):
        # A copy in somebody's closed home, as developers have it: it may look everywhere, as the portal's parts may.
        words += ["--capability", "dac_read_search"]
    return [*words, "--"]


def _is_open(path: Path) -> bool:
    real = path.resolve()
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in real.parents)
