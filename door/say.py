"""What the door says to a person: short lines with elapsed seconds, one plain sentence for each trouble."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path

log = logging.getLogger("caia.door")
log.addHandler(logging.NullHandler())
_began = time.monotonic()
_HEARTBEAT_SECONDS = 10.0
# Where progress goes: standard error when standard output is read by a program (--json).
_quiet = False


class Trouble(Exception):
    """Something a person has to know: what happened, and the way out."""

    def __init__(self, what: str, way_out: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.way_out = way_out


def keep_log(folder: Path) -> None:
    """Write details to door.log in this folder, with rotation."""
    log.setLevel(logging.DEBUG)
    log.propagate = False
    for old in list(log.handlers):
        log.removeHandler(old)
        old.close()
    file = RotatingFileHandler(folder / "door.log", maxBytes=1_000_000, backupCount=2, encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    log.addHandler(file)


def progress_to_stderr() -> None:
    """Leave standard output to what a program will read."""
    global _quiet
    _quiet = True


def line(words: str = "") -> None:
    """One line for the person."""
    print(words, file=sys.stderr if _quiet else sys.stdout, flush=True)
    if words:
        log.info(words)


def warn(words: str) -> None:
    """One line that deserves attention."""
    line(f"  note: {words}")


def elapsed() -> str:
    """Seconds since the command began, for the left column."""
    return f"{time.monotonic() - _began:7.1f} s"


@contextlib.contextmanager
def step(title: str, size: Callable[[], str] | None = None) -> Iterator[list[str]]:
    """One step of a longer way: shows that it goes on, and how long it took; add words to the list it yields."""
    out = sys.stderr if _quiet else sys.stdout
    live = out.isatty()
    notes: list[str] = []
    over = threading.Event()
    began = time.monotonic()
    log.info("begin: %s", title)

    def show() -> None:
        if live:
            print(f"{elapsed()}  {title} …", end="", file=out, flush=True)
        while not over.wait(1.0 if live else _HEARTBEAT_SECONDS):
            words = f"{title} … {time.monotonic() - began:.0f} s" + (f", {size()}" if size else "")
            print(
                f"\r\x1b[K{elapsed()}  {words}" if live else f"{elapsed()}  {words}", end="" if live else "\n", file=out
            )
            out.flush()

    shower = threading.Thread(target=show, daemon=True)
    shower.start()
    outcome = "failed"
    try:
        yield notes
        outcome = ""
    finally:
        over.set()
        shower.join()
        words = ": ".join(word for word in (title, outcome or ", ".join(notes)) if word)
        print(f"\r\x1b[K{elapsed()}  {words}" if live else f"{elapsed()}  {words}", file=out, flush=True)
        log.info("end: %s (%.2f s)", words, time.monotonic() - began)


def size_of(folder: Path) -> str:
    """Megabytes under a folder, in words; what comes and goes meanwhile is no matter."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return f"{total / 1e6:.0f} MB"
