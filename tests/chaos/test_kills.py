"""kill -9 of each part in turn under light load: all come back by themselves, nothing is half done, nothing is lost.

The effect of a message is a command here, so "exactly once" is countable: as many vouches and events as messages.
"""

import collections
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from door.home import REPO, Home
from door.leftovers import recorded
from tests.door.conftest import clean_environment, run_caia

pytestmark = pytest.mark.long

SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.chaos.settings"}
KILLS = ("web-0", "web-1", "worker", "beat", "redis", "seaweedfs", "postgres")
BACK_SECONDS = 90
# The lease of a message that a killed worker held, the sweep's pace, and a little patience.
SETTLE_SECONDS = 150


class Visitors:
    """Two people who open the sign-in page again and again; counts what they saw."""

    def __init__(self, address: str) -> None:
        self.seen: collections.Counter[str] = collections.Counter()
        self._address = address
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._visit, daemon=True) for _ in range(2)]

    def __enter__(self) -> "Visitors":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    def _visit(self) -> None:
        while not self._over.wait(0.1):
            try:
                with urllib.request.urlopen(f"{self._address}/sign-in/", timeout=15) as answer:
                    self.seen[str(answer.status)] += 1
                    answer.read()
            except urllib.error.HTTPError as error:
                self.seen[str(error.code)] += 1
                error.close()
            except OSError as error:
                reason = getattr(error, "reason", error)
                self.seen[type(reason).__name__] += 1


@pytest.fixture
def standing(tmp_path: Path) -> Iterator[Path]:
    """Everything running in a home of its own."""
    place = tmp_path / "var"
    answer = run_caia(place, "up", "--wait", **SETTINGS)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    yield place
    run_caia(place, "down")


def _state(place: Path) -> dict[str, Any]:
    return dict(json.loads(run_caia(place, "status", "--json").stdout))


def _load(place: Path, *words: str) -> subprocess.Popen[str]:
    values = dict(line.split("=", 1) for line in (place / "env").read_text().splitlines())
    values.pop("DATABASE_OWNER_URL")
    command = [sys.executable, "-m", "tests.chaos.load", *words]
    return subprocess.Popen(
        command, cwd=REPO, env=clean_environment(place, **values, **SETTINGS), stdout=subprocess.PIPE, text=True
    )


def _answer(child: subprocess.Popen[str], seconds: float) -> dict[str, Any]:
    said, _ = child.communicate(timeout=seconds)
    assert child.returncode == 0
    return dict(json.loads(said.strip().splitlines()[-1]))


def _kill_and_await(place: Path, name: str) -> float:
    """Seconds from kill -9 until everything answers again with another process in its place."""
    before = recorded(Home(place))[name]
    os.kill(before, signal.SIGKILL)
    began = time.monotonic()
    while time.monotonic() < began + BACK_SECONDS:
        now = recorded(Home(place)).get(name)
        if now not in (None, before) and _state(place)["is_ready"]:
            return time.monotonic() - began
        time.sleep(0.3)
    pytest.fail(f"{name} did not come back within {BACK_SECONDS} s: {_state(place)}")


def _settled(place: Path) -> dict[str, Any]:
    """The counts once no message waits any more."""
    until = time.monotonic() + SETTLE_SECONDS
    while True:
        counts = _answer(_load(place, "count"), 60)
        if counts["messages"]["waiting"] == 0 or time.monotonic() > until:
            return counts
        time.sleep(3)


def test_every_part_comes_back_and_nothing_is_half_done(standing: Path) -> None:
    address = _state(standing)["address"]
    before = _answer(_load(standing, "count"), 60)
    load = _load(standing, "run", "100000")
    seconds = {}
    with Visitors(address) as visitors:
        time.sleep(5)
        for name in KILLS:
            seconds[name] = round(_kill_and_await(standing, name), 1)
            time.sleep(3)
    load.send_signal(signal.SIGINT)
    done = _answer(load, 60)
    after = _settled(standing)
    print(json.dumps({"back_after_s": seconds, "load": done, "visitors": visitors.seen, "counts": after}))

    commands, messages = after["commands"], after["messages"]
    new_commands = commands["vouches"] - before["commands"]["vouches"]
    new_effects = messages["vouches"] - before["messages"]["vouches"]
    # Both or neither: as many events as changes; a commit whose answer was lost may count on top of those known.
    assert commands["events"] - before["commands"]["events"] == new_commands
    assert done["commands"] <= new_commands <= done["commands"] + done["refused"]
    assert done["commands"] > 50
    # Exactly once: every message that was stored had its effect, and none had it twice.
    assert messages["waiting"] == messages["failed"] == 0
    assert messages["delivered"] == messages["stored"] == new_effects
    assert messages["events"] - before["messages"]["events"] == new_effects
    assert messages["stored"] >= done["messages"]
    assert visitors.seen["200"] > 20
    with urllib.request.urlopen(f"{address}/sign-in/", timeout=15) as answer:
        assert answer.status == 200
