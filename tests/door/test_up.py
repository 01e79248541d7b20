"""The whole thing, really started: first and second start, failures on the way, two copies side by side."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from door.home import REPO, Home
from door.leftovers import recorded
from tests.door.conftest import clean_environment, run_caia

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("up")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home in which the first start has been made and nothing runs."""
    folder = tmp_path_factory.mktemp("up") / "var"
    first = run_caia(folder, "up", "--wait")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "ready:  http://localhost:" in first.stdout
    assert run_caia(folder, "down").returncode == 0
    yield folder
    run_caia(folder, "down")


@pytest.fixture
def standing(place: Path) -> Iterator[Path]:
    """The same home with everything running."""
    answer = run_caia(place, "up", "--wait")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    yield place
    run_caia(place, "down")


def _state(place: Path) -> dict[str, Any]:
    return dict(json.loads(run_caia(place, "status", "--json").stdout))


def _get(address: str) -> int:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return int(answer.status)


def test_it_answers_and_a_second_up_says_where(standing: Path) -> None:
    state = _state(standing)
    assert state["is_ready"]
    assert {row["name"] for row in state["parts"]} >= {"postgres", "redis", "seaweedfs", "web", "worker", "beat"}
    assert _get(f"{state['address']}/health/live") == 200
    again = run_caia(standing, "up", "--wait")
    assert again.returncode == 0
    assert f"It is running already: {state['address']}" in again.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts others' processes")
def test_no_part_stays_root_and_the_notary_is_nobody_elses(standing: Path) -> None:
    pids = recorded(Home(standing))
    owners = {name: Path(f"/proc/{pid}").stat().st_uid for name, pid in pids.items() if name != "supervisord"}
    assert 0 not in owners.values()
    portal = {uid for name, uid in owners.items() if name.startswith(("web", "worker", "beat"))}
    assert len(portal) == 1
    assert owners["notary"] not in portal


def test_down_leaves_nothing_behind(standing: Path) -> None:
    assert len(recorded(Home(standing))) >= 7
    assert run_caia(standing, "down").returncode == 0
    assert recorded(Home(standing)) == {}
    assert run_caia(standing, "down").stdout.strip() == "Nothing is running here."


def test_ctrl_c_stops_everything(place: Path) -> None:
    with subprocess.Popen(
        [REPO / "caia", "up"], env=clean_environment(place), stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout
        for line in child.stdout:
            if "Ctrl-C stops everything" in line:
                break
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == 130
    assert recorded(Home(place)) == {}


def test_a_killed_supervisor_takes_its_parts_along_and_the_next_up_works(standing: Path) -> None:
    os.kill(recorded(Home(standing))["supervisord"], signal.SIGKILL)
    until = time.monotonic() + 20
    while recorded(Home(standing)) and time.monotonic() < until:
        time.sleep(0.2)
    assert recorded(Home(standing)) == {}
    answer = run_caia(standing, "up", "--wait")
    assert answer.returncode == 0, answer.stderr
    assert _state(standing)["is_ready"]


def test_two_copies_run_side_by_side(standing: Path, tmp_path: Path) -> None:
    other = tmp_path / "second"
    try:
        answer = run_caia(other, "up", "--wait")
        assert answer.returncode == 0, answer.stderr
        one, two = _state(standing), _state(other)
        assert one["is_ready"]
        assert two["is_ready"]
        assert one["address"] != two["address"]
        assert run_caia(other, "down").returncode == 0
        assert _state(standing)["is_ready"]
    finally:
        run_caia(other, "down")


@pytest.mark.parametrize("moment", ["database cluster", "tables"])
def test_killed_half_way_the_next_up_goes_on(tmp_path: Path, moment: str) -> None:
    folder = tmp_path / "var"
    began = {"database cluster": "begin: database cluster", "tables": "begin: tables"}[moment]
    child = subprocess.Popen(
        [REPO / "caia", "up", "--wait"],
        env=clean_environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    while time.monotonic() < until:
        log = folder / "log" / "door.log"
        if log.exists() and began in log.read_text():
            break
        time.sleep(0.02)
    time.sleep(0.2)
    child.kill()
    child.wait()
    try:
        answer = run_caia(folder, "up", "--wait")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert _state(folder)["is_ready"]
    finally:
        run_caia(folder, "down")


@pytest.mark.parametrize("part", ["redis", "web"])
def test_a_port_taken_between_choosing_and_starting(place: Path, part: str) -> None:
    # The port looks free while it is chosen, and is not when the part wants it.
    blind = "import door.home, door.up; door.home.is_free = lambda port: True; door.up.up(wait=True)"
    with socket.create_server(("127.0.0.1", 0)) as thief:
        taken = thief.getsockname()[1]
        Home(place).write("ports", {**Home(place).read("ports"), part: taken})
        words = [sys.executable, "-c", blind]
        answer = subprocess.run(
            words, cwd=REPO, env=clean_environment(place), capture_output=True, text=True, check=False, timeout=240
        )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "taken by another program; trying another" in answer.stdout
    assert Home(place).read("ports")[part] != taken
    assert run_caia(place, "down").returncode == 0


def test_a_wished_port_that_is_taken_is_refused_in_words(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as thief:
        answer = run_caia(place, "up", "--wait", "--port", str(thief.getsockname()[1]))
    assert answer.returncode == 1
    assert "is taken by another program" in answer.stderr
    assert recorded(Home(place)) == {}


def test_an_outside_redis_is_used_and_not_started(place: Path, tmp_path: Path) -> None:
    lender = tmp_path / "lender"
    try:
        assert run_caia(lender, "up", "--wait").returncode == 0
        lines = (lender / "env").read_text().splitlines()
        address = next(line.partition("=")[2] for line in lines if line.startswith("REDIS_URL="))
        answer = run_caia(place, "up", "--wait", REDIS_URL=address.replace("/0", "/5"))
        assert answer.returncode == 0, answer.stderr
        rows = {row["name"]: row for row in _state(place)["parts"]}
        assert rows["redis"]["state"] == "outside"
        assert "redis" not in recorded(Home(place))
    finally:
        run_caia(place, "down")
        run_caia(lender, "down")
