"""Parts as children of the door itself, without a supervisor: for tests and measurements."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator

from door.account import launch_words
from door.ground import Ground
from door.leftovers import mark
from door.parts import Part, waves
from door.say import Trouble, log

_START_SECONDS = 60.0


@contextlib.contextmanager
def running(ground: Ground, parts: list[Part]) -> Iterator[None]:
    """Start these parts, wait until they answer; stop them at the end, whatever happened."""
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for wave in waves(parts):
            for part in wave:
                children[part.name] = _start(ground, part)
            for part in wave:
                _wait(ground, part, children[part.name])
        yield
    finally:
        _stop(ground, parts, children)


def _start(ground: Ground, part: Part) -> subprocess.Popen[bytes]:
    part.prepare(ground)
    words = launch_words(
        part.command(ground),
        account=part.account(ground),
        umask=part.umask,
        record=ground.home.run / f"{part.name}.pid",
        mark=mark(ground.home, part.name),
        dies_by="SIGKILL" if ground.is_for_tests else f"SIG{part.stop_signal}",
        folder=part.folder(ground),
        is_our_child=True,
    )
    with (ground.home.log / f"{part.name}.log").open("ab") as out:
        # A session of its own: Ctrl-C is for the door, which then stops its parts in order.
        return subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env=ground.bare_environment(),
        )


def _wait(ground: Ground, part: Part, child: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_SECONDS
    wrong = ""
    while time.monotonic() < until:
        if child.poll() is not None:
            log.error("%s ended with %s while starting", part.name, child.returncode)
            raise Trouble(
                f"{part.what} ended while starting: {last_words(ground, part)}",
                f"Its log: {ground.home.log / part.name}.log",
            )
        wrong = part.probe(ground)
        if not wrong:
            return
        time.sleep(0.05)
    raise Trouble(f"{part.what} does not answer: {wrong}", f"Its log: {ground.home.log / part.name}.log")


def last_words(ground: Ground, part: Part) -> str:
    """The last line that a part wrote to its log."""
    with contextlib.suppress(OSError):
        text = (ground.home.log / f"{part.name}.log").read_text(encoding="utf-8", errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1][:300] if lines else "it wrote nothing"
    return "it has no log"


def _stop(ground: Ground, parts: list[Part], children: dict[str, subprocess.Popen[bytes]]) -> None:
    for part in reversed(parts):
        child = children.get(part.name)
        if child and child.poll() is None:
            child.send_signal(signal.SIGKILL if ground.is_for_tests else getattr(signal, f"SIG{part.stop_signal}"))
    for part in parts:
        child = children.get(part.name)
        if child:
            try:
                child.wait(part.stop_seconds)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
