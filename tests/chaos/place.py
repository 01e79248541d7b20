"""A home of its own in which everything runs: what its parts do, load on it, and a kill -9 of one of them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from door.home import REPO, Home
from door.leftovers import recorded
from tests.door.conftest import clean_environment, run_caia

SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.chaos.settings"}
BACK_SECONDS = 90
# The lease of a message that a killed worker held, the sweep's pace, and a little patience.
SETTLE_SECONDS = 150


def state_of(place: Path) -> dict[str, Any]:
    return dict(json.loads(run_caia(place, "status", "--json").stdout))


def start_load(place: Path, *words: str) -> subprocess.Popen[str]:
    values = dict(line.split("=", 1) for line in (place / "env").read_text().splitlines())
    values.pop("DATABASE_OWNER_URL")
    command = [sys.executable, "-m", "tests.chaos.load", *words]
    return subprocess.Popen(
        command, cwd=REPO, env=clean_environment(place, **values, **SETTINGS), stdout=subprocess.PIPE, text=True
    )


def answer_of(child: subprocess.Popen[str], seconds: float) -> dict[str, Any]:
    said, _ = child.communicate(timeout=seconds)
    assert child.returncode == 0
    return dict(json.loads(said.strip().splitlines()[-1]))


def kill_and_await(place: Path, name: str) -> float:
    """Seconds from kill -9 until everything answers again with another process in its place."""
    before = recorded(Home(place))[name]
    os.kill(before, signal.SIGKILL)
    began = time.monotonic()
    while time.monotonic() < began + BACK_SECONDS:
        now = recorded(Home(place)).get(name)
        if now not in (None, before) and state_of(place)["is_ready"]:
            return time.monotonic() - began
        time.sleep(0.3)
    pytest.fail(f"{name} did not come back within {BACK_SECONDS} s: {state_of(place)}")


def settled(place: Path) -> dict[str, Any]:
    """The counts once no message and no event waits any more."""
    until = time.monotonic() + SETTLE_SECONDS
    while True:
        counts = answer_of(start_load(place, "count"), 60)
        if (counts["messages"]["waiting"], counts["record"]["waiting"]) == (0, 0) or time.monotonic() > until:
            return counts
        time.sleep(3)


def manage(place: Path, *words: str, seconds: float = 300) -> subprocess.CompletedProcess[str]:
    """A management command of the portal in this home, as the portal's role."""
    values = dict(line.split("=", 1) for line in (place / "env").read_text().splitlines())
    values.pop("DATABASE_OWNER_URL")
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=REPO, env=clean_environment(place, **values, **SETTINGS), capture_output=True, text=True, timeout=seconds,
        check=False,
    )  # fmt: skip
