"""Watching one sandbox from outside until it has ended: output, time, quota, and the wish to end it."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from pathlib import Path

from sandbox.cgroups import Group
from sandbox.child import Child
from sandbox.ends import End, Usage, Why, of_code
from sandbox.plan import Plan, Watched
from sandbox.spec import MB

_LOOK = 0.5  # seconds between two looks at time and quota
_SETTLING = 0.5  # seconds until the command runs, at most, on a slow machine
_BLOCK = 512  # the unit of st_blocks
_COMPLAINT = 1000
_CUT = b"\n[the rest of what it printed was cut off]\n"


class Watch:
    """One sandbox, from its start to its end."""

    def __init__(self, plan: Plan, child: Child, group: Group, output: Path, state: Path) -> None:
        self.plan, self.child, self.group = plan, child, group
        self.began = time.monotonic()
        self.end: tuple[Why, str] | None = None  # why we ended it, where we did
        self.kill_at: float | None = None
        self.printed = 0
        self.code: int | None = None
        self.peak = 0.0
        self.look_at = 0.0
        self.attended, self.attended_at = 0, self.began
        self.output, self.state = output, state
        self.file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self.wake, woken = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(woken, False)
        signal.set_wakeup_fd(woken)
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD):
            signal.signal(number, self._hear)
        self.selector = selectors.DefaultSelector()
        for handle in (self.wake, child.output, child.status):
            self.selector.register(handle, selectors.EVENT_READ)

    def until_started(self, within: float = 20.0) -> str:
        """Wait until bubblewrap has made the sandbox's first process; what it complains of, "" where it has."""
        until = time.monotonic() + within
        while self.child.first is None and self.code is None and time.monotonic() < until:
            self._turn()
        if self.child.first is None and self.code is None:
            self._kill(Why.REFUSED, "")
            return "bubblewrap did not get ready in time."
        # A mount that fails does so in the first moments, after the process was made.
        settled = time.monotonic() + _SETTLING
        while self.code is None and not self.child.commands() and time.monotonic() < settled:
            self._turn(_SETTLING / 10)
        if self.code is None:
            return ""
        self._drain()
        return "" if self.child.has_run else self._complaint()

    def until_ended(self) -> End:
        """Watch until the command has ended; everything it started has ended then, too."""
        while self.code is None:
            self._turn()
            self._look()
        self.group.kill()
        self._drain()
        usage = self._usage()
        if self.end:
            return End(self.end[0], self.code, self.end[1], usage)
        if not self.child.has_run:
            return End(Why.REFUSED, None, self._complaint(), usage)
        return of_code(self.code, usage, self.plan.limits)

    def _drain(self) -> None:
        """What was said before the end, and not read yet."""
        while self._read():
            pass
        self.child.hear()

    def _turn(self, within: float = _LOOK) -> None:
        for key, _ in self.selector.select(within):
            if key.fd == self.wake:
                with contextlib.suppress(BlockingIOError):
                    os.read(self.wake, 4096)
            elif key.fd == self.child.output:
                if not self._read():
                    self.selector.unregister(key.fd)
            elif not self.child.hear():
                self.selector.unregister(key.fd)
        pid, code, used = os.wait4(self.child.pid, os.WNOHANG)
        if pid:
            self.code = os.waitstatus_to_exitcode(code)
            self.code = 128 - self.code if self.code < 0 else self.code
            self.peak = used.ru_utime + used.ru_stime

    def _hear(self, number: int, _: object) -> None:
        if number == signal.SIGUSR1:
            self._kill(Why.STOPPED, "It was stopped at once, from outside.")
        elif number == signal.SIGTERM and self.kill_at is None:
            self.end = self.end or (Why.STOPPED, "It was stopped from outside.")
            self.kill_at = time.monotonic() + self.plan.limits.grace
            for pid in self.child.commands():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)

    def _look(self) -> None:
        now = time.monotonic()
        limits = self.plan.limits
        if limits.seconds is not None and now - self.began >= limits.seconds:
            self._kill(Why.TIME, f"Its time was up: it ran for {limits.seconds:g} seconds, its limit.")
        elif limits.unattended is not None and self._alone_for(now) >= limits.unattended:
            alone = f"Nobody looked after it for {limits.unattended:g} seconds, so nobody could have stopped it."
            self._kill(Why.STOPPED, alone)
        elif self.kill_at is not None and now >= self.kill_at:
            self.end = (Why.STOPPED, "It was stopped from outside, and did not end by itself.")
            self._kill(*self.end)
        elif now >= self.look_at:
            for folder in self.plan.watched:
                if said := _excess(folder):
                    self._kill(Why.DISK, said)
            # A folder with very many files is looked at less often, so that looking never costs much.
            self.look_at = time.monotonic() + max(1.0, 20 * (time.monotonic() - now))

    def _alone_for(self, now: float) -> float:
        """Seconds since somebody attended to it; by our own clock, since the machine's may be set."""
        with contextlib.suppress(FileNotFoundError):
            at = os.stat(self.state).st_mtime_ns
            if at != self.attended:
                self.attended, self.attended_at = at, now
        return now - self.attended_at

    def _kill(self, why: Why, words: str) -> None:
        """End process number 1: the kernel then ends everything in its process namespace."""
        self.end = self.end or (why, words)
        for pid in (self.child.first, self.child.pid):
            if pid is not None and self.code is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _read(self) -> bool:
        """Take what it printed; keep it up to the limit, count all of it. False when there is no more."""
        try:
            said = os.read(self.child.output, 65536)
        except BlockingIOError:
            return self.code is None
        room = self.plan.limits.output - self.printed
        if room > 0:
            os.write(self.file, said[:room])
            if len(said) > room:
                os.write(self.file, _CUT)
        self.printed += len(said)
        return bool(said)

    def _usage(self) -> Usage:
        return Usage(
            wall_seconds=round(time.monotonic() - self.began, 3),
            cpu_seconds=round(self.group.cpu_seconds() or self.peak, 3),
            memory_peak=self.group.memory_peak(),
            programs_peak=self.group.programs_peak(),
            memory_kills=self.group.memory_kills(),
            refused_programs=self.group.refused_programs(),
            output_bytes=self.printed,
        )

    def _complaint(self) -> str:
        said = self.output.read_text(encoding="utf-8", errors="replace")[:_COMPLAINT].strip().removeprefix("bwrap: ")
        return f"It could not be started: {said or 'bubblewrap gave no reason'}."


def _excess(folder: Watched) -> str:
    """What is too much in this folder, "" where nothing is."""
    size = files = 0
    for place, _, names in os.walk(folder.folder):
        files += 1
        for name in names:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(place, name)).st_blocks * _BLOCK
                files += 1
    if size > folder.size:
        return f"{folder.inside} held {size / MB:,.0f} MB, more than its {folder.size / MB:,.0f} MB."
    if files > folder.files:
        return f"{folder.inside} held {files:,} files, more than its {folder.files:,}."
    return ""
