"""From the keeper to bubblewrap: a child that limits itself, gives up its powers and turns into bubblewrap."""

from __future__ import annotations

import base64
import json
import os
import resource
from dataclasses import dataclass
from pathlib import Path

from sandbox import kernel
from sandbox.cgroups import Group
from sandbox.plan import Plan

_GOES_FIRST = "500"
_ROOM = 8  # bubblewrap's own programs, beside those of the command


@dataclass
class Child:
    """bubblewrap as the keeper sees it: its pid, what it prints, what it says of itself."""

    pid: int
    output: int
    status: int
    first: int | None = None  # the sandbox's own process number 1, as the host numbers it
    has_run: bool = False
    heard: bytes = b""

    def hear(self) -> bool:
        """Read what bubblewrap says of itself by now; False when it will say no more."""
        try:
            while said := os.read(self.status, 4096):
                self._note(said)
        except BlockingIOError:
            return True
        return False

    def _note(self, said: bytes) -> None:
        self.heard += said
        *whole, self.heard = self.heard.split(b"\n")  # a line may come in pieces
        for text in whole:
            facts = json.loads(text)
            self.first = facts.get("child-pid", self.first)
            self.has_run = self.has_run or "exit-code" in facts

    def commands(self) -> list[int]:
        """The programs that process number 1 started itself: the command; a polite word goes to them."""
        if self.first is None:
            return []
        try:
            said = Path(f"/proc/{self.first}/task/{self.first}/children").read_text(encoding="ascii")
        except OSError:
            return []
        return [int(pid) for pid in said.split()]


def start(plan: Plan, group: Group) -> Child:
    """Start bubblewrap in its groups, under its uid, with an empty environment."""
    output_read, output_write = os.pipe()
    status_read, status_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            _become(plan, group, output_write, status_write)
        finally:
            os._exit(126)
    os.close(output_write)
    os.close(status_write)
    os.set_blocking(output_read, False)
    os.set_blocking(status_read, False)
    return Child(pid, output_read, status_read)


def _become(plan: Plan, group: Group, output: int, status: int) -> None:
    try:
        group.join()
        _limit(plan, group)
        # When the machine runs out of memory the sandbox goes first. Root's word can't be taken back inside.
        Path("/proc/self/oom_score_adj").write_text(_GOES_FIRST, encoding="ascii")
        if plan.uid is not None:
            os.setgroups(plan.groups)
            os.setgid(plan.uid)
            os.setuid(plan.uid)
        kernel.end_with_parent()  # after the uid: a change of it takes the wish back
        # What lies in a folder of the project, or was moved there, is for its group; else the group is its own.
        os.umask(0o007 if plan.groups else 0o077)
        os.dup2(output, 1)
        os.dup2(output, 2)
        filter_ = _in_memory(base64.b64decode(plan.filter))
        words = _in_memory(b"".join(word.encode() + b"\0" for word in plan.words))
        os.set_inheritable(status, True)
        # The words go by a file: process number 1 has bubblewrap's command line, and shows it to everybody inside.
        said = [
            "bwrap", "--args", str(words), "--seccomp", str(filter_), "--json-status-fd", str(status), "--",
            *plan.command,
        ]  # fmt: skip
        os.chdir("/")
        os.execve(plan.bwrap, said, {})
    except OSError as error:
        os.write(output, f"bwrap: {error}\n".encode())


def _limit(plan: Plan, group: Group) -> None:
    limits = plan.limits
    wanted = {resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: limits.open_files}
    if plan.uid is not None or not group.has("pids"):
        wanted[resource.RLIMIT_NPROC] = limits.processes + _ROOM
    if not group.has("memory"):
        wanted[resource.RLIMIT_DATA] = limits.memory
    quotas = [one.size for one in plan.watched if not one.holds_sockets]
    if quotas:
        wanted[resource.RLIMIT_FSIZE] = max(*quotas, *(one.size for one in plan.volumes), 0)
    for which, value in wanted.items():
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (value, value))
    if not group.has("cpu"):
        os.nice(10)


def _in_memory(content: bytes) -> int:
    handle = os.memfd_create("caia", 0)
    os.write(handle, content)
    os.lseek(handle, 0, os.SEEK_SET)
    os.set_inheritable(handle, True)
    return handle
