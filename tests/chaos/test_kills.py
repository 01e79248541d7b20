"""kill -9 of each part in turn under light load: all come back by themselves, nothing is half done, nothing is lost.

The effect of a message is a command here, so "exactly once" is countable: as many vouches and events as messages.
"""

import collections
import json
import signal
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.chaos.place import answer_of, kill_and_await, settled, start_load, state_of

pytestmark = pytest.mark.long

KILLS = ("web-0", "web-1", "worker", "beat", "notary", "witness-msk", "redis", "seaweedfs", "postgres")


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


def test_every_part_comes_back_and_nothing_is_half_done(standing: Path) -> None:
    address = state_of(standing)["address"]
    before = answer_of(start_load(standing, "count"), 60)
    load = start_load(standing, "run", "100000")
    seconds = {}
    with Visitors(address) as visitors:
        time.sleep(5)
        for name in KILLS:
            seconds[name] = round(kill_and_await(standing, name), 1)
            time.sleep(3)
    load.send_signal(signal.SIGINT)
    done = answer_of(load, 60)
    after = settled(standing)
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
