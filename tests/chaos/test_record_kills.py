"""A hundred times kill -9 under load: as many events as changes, no orphan, no gap, and the record still verifies."""

import itertools
import json
import signal
from pathlib import Path

import pytest

from tests.chaos.place import answer_of, kill_and_await, manage, settled, start_load

pytestmark = pytest.mark.long

CYCLES = 100
KILLS = ("notary", "postgres", "web-0", "worker")


def test_the_record_survives_a_hundred_kills_under_load(standing: Path) -> None:
    before = answer_of(start_load(standing, "count"), 60)
    load = start_load(standing, "run", "100000")
    seconds: dict[str, list[float]] = {name: [] for name in KILLS}
    for name in itertools.islice(itertools.cycle(KILLS), CYCLES):
        seconds[name].append(kill_and_await(standing, name))
    load.send_signal(signal.SIGINT)
    done = answer_of(load, 60)
    after = settled(standing)

    verified = manage(standing, "audit", "verify", "--witnesses", "--json")

    report = json.loads(verified.stdout)
    slowest = {name: round(max(took), 1) for name, took in seconds.items()}
    print(json.dumps({"back_after_s_at_most": slowest, "load": done, "counts": after, "entries": report["entries"]}))
    assert (report["exit"], report["wrong"], report["first_bad"]) == (0, [], None)
    assert all(witness["agrees"] for witness in report["witnesses"])
    assert len(report["witnesses"]) == 4
    for way in ("commands", "messages"):
        assert after[way]["vouches"] - before[way]["vouches"] == after[way]["events"] - before[way]["events"]
    assert done["commands"] <= after["commands"]["vouches"] - before["commands"]["vouches"]
    assert done["commands"] > CYCLES
    # Gap-free, and nothing waits: what is not in order was put in order, under a head that was signed.
    assert after["record"] == {
        "entries": after["record"]["signed"],
        "signed": after["record"]["signed"],
        "highest": after["record"]["signed"] - 1,
        "waiting": 0,
        "changes_waiting": 0,
    }
