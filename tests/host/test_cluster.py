"""What the host does on a cluster: the carrier beside a gateway, as a program of its own, and the pod that fetches."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from door.home import REPO
from host import fetch, plan
from host.cache import name_of
from host.carrier import Folders
from tests.host.conftest import GATEWAY, places, wait
from tests.host.stand_ins import SECRET

pytestmark = pytest.mark.slow


@pytest.fixture
def place():
    with places(Path("/nowhere/at-all")) as place:
        yield place


class Gate:
    """Gateway and carrier as their pod runs them, in a folder that they share."""

    def __init__(self, place, **changes):
        self.place, self.plan = place, place.plan()
        self.run, self.folder = self.plan["run"], place.root / "gate"
        self.folders, told = Folders(self.folder), place.root / "told"
        told.mkdir()
        paths = {"listen": self.folders.listen, "control": self.folders.control, "spool": self.folders.spool,
                 "server": self.folders.inner / "server.sock"}  # fmt: skip
        (told / "gateway.json").write_text(json.dumps({name: str(path) for name, path in paths.items()}))
        (told / "gateway.json").chmod(0o444)
        mounted = {"data": [{"version": "v-1", "files": 1, "bytes": 20}], "promises": [], "environment": "e" * 64}
        (told / "carrier.json").write_text(json.dumps(
            {"run": self.run, "uid": 700_000, "portal": place.portal.url, "host": "cluster", "idle_seconds": 3600,
             "folder": str(self.folder), "mounted": mounted} | changes
        ))  # fmt: skip
        self._program("host.carrier", "--lay", str(told / "gateway.json"), str(self.folder)).wait(20)
        self.gateway = subprocess.Popen([*GATEWAY, str(self.folders.words)], env={"PATH": os.defpath})
        self.carrier = self._program("host.carrier", str(told / "carrier.json"))

    def _program(self, *words):
        around = {"PATH": os.defpath, "CAIA_HOST_SECRET": SECRET}
        return subprocess.Popen([sys.executable, "-m", *words], cwd=REPO, env=around)

    def running(self):
        wait(lambda: self.place.portal.state(self.run))
        wait(lambda: "signed_in" in self.place.portal.kinds(self.run))
        return self

    def ended(self) -> dict:
        """The last event, once the carrier has gone."""
        assert self.carrier.wait(30) == 0
        return self.place.portal.events[self.run][-1]

    def close(self):
        for program in (self.carrier, self.gateway):
            program.kill()
            program.wait()


@pytest.fixture
def gates(place):
    with contextlib.ExitStack() as stack:

        def begin(**changes) -> Gate:
            gate = Gate(place, **changes)
            stack.callback(gate.close)
            return gate

        yield begin


def test_what_is_mounted_and_what_the_gateway_wrote_reach_the_portal_in_order(place, gates):
    gate = gates().running()

    assert place.portal.kinds(gate.run) == ["started", "not_watched", "signed_in"]
    assert place.portal.events[gate.run][0]["data"][0]["version"] == "v-1"
    assert place.portal.state(gate.run)["state"] == "running"
    assert gate.folders.words.stat().st_mode & 0o777 == 0o600


def test_a_stop_of_the_portal_closes_the_gateway_and_ends_the_carrier(place, gates):
    gate = gates().running()
    place.portal.stop = [{"run": gate.run, "reason": "Your access was revoked.", "now": True}]

    end = gate.ended()
    closed = place.portal.events[gate.run][-2]

    assert (end["kind"], end["why"], end["words"]) == ("ended", "stopped", "Your access was revoked.")
    assert (closed["path"], closed["why"]) == ("/close", "Your access was revoked.")


def test_where_the_pod_is_taken_away_the_end_is_told(place, gates):
    gate = gates().running()
    gate.carrier.send_signal(signal.SIGTERM)

    assert gate.ended()["why"] == "stopped"


def test_without_a_gateway_nothing_goes_on(place, gates):
    gate = gates().running()
    gate.gateway.kill()

    assert gate.ended()["why"] == "failed"


def test_whoever_does_nothing_is_idle(place, gates):
    gate = gates(idle_seconds=3)

    end = gate.ended()
    assert (end["why"], "Its files are kept." in end["words"]) == ("idle", True)


def test_events_that_the_portal_did_not_hear_are_told_again(place, gates):
    place.portal.is_down = True
    gate = gates()
    wait(lambda: gate.folders.control.exists())
    place.portal.is_down = False
    gate.running()

    assert [event["seq"] for event in place.portal.events[gate.run]] == [1, 2, 3]


# ── the pod that fetches ────────────────────────────────────────────────────────────────────────────────────────────
def fetched(place, run: str) -> tuple[int, str]:
    last = place.root / "last-words"
    last.write_text("")
    code = fetch.main([run, str(place.root / "claim")], last)
    return code, last.read_text()


@pytest.fixture
def around(place, monkeypatch):
    monkeypatch.setenv("CAIA_BASE_URL", place.portal.url)
    monkeypatch.setenv("CAIA_HOST_SECRET", SECRET)


def test_data_lie_where_the_sandbox_mounts_them(place, around):
    made = place.plan()
    assert fetched(place, made["run"]) == (0, "")

    (dataset,) = plan.read(made).datasets
    folder = place.root / "claim" / "versions" / name_of(dataset)
    assert (folder / "rows.csv").read_bytes() == b"id,age\nCANARY-1,61\n"


def test_addresses_that_grew_old_are_asked_for_anew(place, around):
    file = place.storage.put(b"x")
    place.storage.refused.add(file["sha256"])

    assert fetched(place, place.plan(file)["run"]) == (0, "")


def test_a_refusal_is_the_pods_last_word(place, around):
    made = place.plan()
    place.portal.refusals[made["run"]] = (403, {"reason": "The agreement ended on Monday.", "lines": []})

    assert fetched(place, made["run"]) == (1, "The agreement ended on Monday.")


def test_bytes_of_another_checksum_are_not_kept(place, around):
    file = place.storage.put(b"x")
    place.storage.files[file["sha256"]] = b"y"
    code, words = fetched(place, place.plan(file)["run"])

    assert (code, "other bytes than its checksum" in words) == (1, True)


def test_a_portal_that_does_not_answer_is_named(place, around):
    place.portal.is_down = True

    assert fetched(place, place.plan()["run"])[1].startswith("The data could not be fetched: the portal answered")
