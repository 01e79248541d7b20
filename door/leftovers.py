"""What an earlier run left behind: found by recorded id and start time or by our own mark, never by a name."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from door.home import Home
from door.launch import started_at
from door.say import log

_GRACE_SECONDS = 8.0


def mark(home: Home, part: str) -> str:
    """The value of CAIA_RUN that each process of a part carries in its environment."""
    return f"{home.root}:{part}"


def recorded(home: Home) -> dict[str, int]:
    """The recorded processes that are alive: record name to process id."""
    alive: dict[str, int] = {}
    for path in sorted(home.run.glob("*.pid")):
        try:
            pid, start = (int(word) for word in path.read_text(encoding="utf-8").split())
        except (OSError, ValueError):
            continue
        if start and started_at(pid) == start:
            alive[path.stem] = pid
    return alive


def stop_leftovers(home: Home) -> int:
    """Stop all that an earlier run of this home left running; says how many processes."""
    first = _found(home)
    if not first:
        return 0
    log.info("stopping leftovers: %s", first)
    # The supervisor first, or it would start its parts again.
    _signal({pid: start for pid, start in first.items() if pid == recorded(home).get("supervisord")}, signal.SIGKILL)
    _signal(first, signal.SIGTERM)
    until = time.monotonic() + _GRACE_SECONDS
    while _found(home) and time.monotonic() < until:
        time.sleep(0.1)
    _signal(_found(home), signal.SIGKILL)
    until = time.monotonic() + _GRACE_SECONDS
    while _found(home) and time.monotonic() < until:
        time.sleep(0.05)
    return len(first)


def _found(home: Home) -> dict[int, int]:
    """Process id to start time of everything that belongs to this home."""
    ours = {os.getpid(), os.getppid()}
    found = {pid: started_at(pid) for pid in recorded(home).values()}
    wanted = f"CAIA_RUN={home.root}:".encode()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) in ours:
            continue
        with contextlib.suppress(OSError):
            if any(word.startswith(wanted) for word in (folder / "environ").read_bytes().split(b"\0")):
                found[int(folder.name)] = started_at(int(folder.name))
    return {pid: start for pid, start in found.items() if start and pid not in ours}


def _signal(processes: dict[int, int], number: signal.Signals) -> None:
    for pid, start in processes.items():
        if started_at(pid) == start:
            with contextlib.suppress(OSError):
                os.kill(pid, number)
