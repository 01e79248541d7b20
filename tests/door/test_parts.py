"""The table of parts, and what is left of an earlier run."""

import configparser
import dataclasses
import os
import shlex
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from door import cluster, hub, leftovers, record, supervise
from door.account import launch_words, service_account
from door.ground import Ground
from door.home import Home
from door.launch import started_at
from door.parts import PARTS, waves


def _ground(home: Home) -> Ground:
    names = [name for part in PARTS for name in part.ports]
    return Ground(home, service_account(home.root), ports={name: 20_000 + number for number, name in enumerate(names)})


def _until(true: object, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False


def test_each_part_waits_for_what_it_needs() -> None:
    seen: set[str] = set()
    for wave in waves(list(PARTS)):
        assert all(set(part.needs) <= seen for part in wave)
        seen |= {part.name for part in wave}
    assert seen == {part.name for part in PARTS}


def test_the_portal_runs_under_another_account_than_the_notary() -> None:
    assert {part.name for part in PARTS if part.runs_as == "portal"} == {"redis", "web", "worker", "beat"}
    assert {part.runs_as for part in PARTS} == {"portal", "services", "hub", "door"}


def test_one_part_alone_stays_root_and_the_hub_has_an_account_of_its_own() -> None:
    assert [part.name for part in PARTS if part.runs_as == "door"] == ["host"]
    assert {part.name for part in PARTS if part.runs_as == "hub"} == {"hub", "proxy"}


def test_a_copy_without_workspaces_has_none_of_their_parts_and_names() -> None:
    with tempfile.TemporaryDirectory(prefix="caia-") as folder:
        ground = _ground(Home(Path(folder)))
        assert not {"host", "hub", "proxy"} & {part.name for part in PARTS if part.is_ours(ground)}
        assert not {name for name in ground.environment() if "HUB" in name or "WORKSPACES" in name or "HOST" in name}
        ground.without_workspaces = ""
        assert {"host", "hub", "proxy"} <= {part.name for part in PARTS if part.is_ours(ground)}


def test_each_of_the_workspaces_parts_is_told_its_own_secrets_alone() -> None:
    with tempfile.TemporaryDirectory(prefix="caia-") as folder:
        home = Home(Path(folder))
        home.make()
        ground = _ground(home)
        ground.without_workspaces = ""
        for prepare in (hub.host_prepare, hub.hub_prepare, hub.proxy_prepare):
            prepare(ground)
        told = {name: (home.root / f"{name}.env").read_text() for name in ("host", "hub", "proxy")}
        modes = {(home.root / f"{name}.env").stat().st_mode & 0o777 for name in told}
        kept = home.read("secrets")

    known = {name: {secret for secret, value in kept.items() if value in text} for name, text in told.items()}
    assert known == {
        "host": {"host"},
        "hub": {"hub", "hub_token", "hub_client", "hub_cookie", "hub_crypt", "proxy"},
        "proxy": {"proxy"},
    }
    assert modes == {0o600}
    assert not any(key in told["host"] for key in ("DATABASE", "S3_", "REDIS"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_the_portals_account_reads_the_tiles_and_not_the_notarys_key() -> None:
    with tempfile.TemporaryDirectory(prefix="caia-") as folder:
        home = Home(Path(folder) / "home")
        home.make()
        Path(folder).chmod(0o711)
        ground, notary = _ground(home), home.root / "notary"
        (notary / "tiles").mkdir(parents=True)
        for name in ("notary.key", "tiles/0"):
            (notary / name).write_text(name)
            (notary / name).chmod(0o600)
        ground.account.own_all(notary)
        record.let_the_portal_read(ground, notary)
        (notary / "tiles" / "1").write_text("made later")
        (notary / "tiles" / "1").chmod(0o640)
        portal = dataclasses.replace(ground.portal_account, capability="")
        read = {
            name: subprocess.run(
                [*launch_words(["cat", str(notary / name)], account=portal)], capture_output=True, check=False
            ).returncode
            for name in ("notary.key", "tiles/0", "tiles/1")
        }
    assert read == {"notary.key": 1, "tiles/0": 0, "tiles/1": 0}


def test_supervisord_reads_a_row_for_each_part(tmp_path: Path) -> None:
    home = Home(tmp_path / 'a "strange" 100% home')
    home.make()
    read = configparser.RawConfigParser(inline_comment_prefixes=(" ;",))
    read.read_string(supervise.configuration(_ground(home), list(PARTS)))
    for part in PARTS:
        section = read[f"{'fcgi-program' if part.shared_port else 'program'}:{part.name}"]
        assert section["autorestart"] == "true"
        words = shlex.split(section["command"].replace("%%", "%"))
        assert str(home.run / part.name) in words[words.index("--record") + 1]
        assert "DATABASE_OWNER_URL" not in section["command"]


def test_no_secret_stands_on_a_command_line(home: Home) -> None:
    ground = _ground(home)
    ground.home.secret("redis")
    secrets = set(home.read("secrets").values())
    for part in PARTS:
        assert not any(secret in word for secret in secrets for word in part.command(ground))


def test_a_launched_command_is_on_record(home: Home) -> None:
    record = home.run / "sleeper.pid"
    words = launch_words(["sleep", "60"], record=record, mark=leftovers.mark(home, "sleeper"))
    child = subprocess.Popen(words)
    try:
        assert _until(lambda: leftovers.recorded(home) == {"sleeper": child.pid})
    finally:
        child.kill()
        child.wait()
    assert leftovers.recorded(home) == {}


def test_a_part_dies_with_its_parent(home: Home) -> None:
    record = home.run / "sleeper.pid"
    words = launch_words(["sleep", "60"], record=record, dies_by="SIGKILL")
    parent = subprocess.Popen(["sh", "-c", f"{shlex.join(words)} & wait"])
    assert _until(lambda: bool(leftovers.recorded(home)))
    parent.kill()
    parent.wait()
    assert _until(lambda: not leftovers.recorded(home))


def test_leftovers_and_their_children_are_stopped(home: Home) -> None:
    words = launch_words(["sh", "-c", "sleep 60 & sleep 60"], record=home.run / "x.pid", mark=leftovers.mark(home, "x"))
    child = subprocess.Popen(words, start_new_session=True)
    assert _until(lambda: len(leftovers._found(home)) == 3)
    assert leftovers.stop_leftovers(home) == 3
    child.wait()
    assert leftovers.stop_leftovers(home) == 0


def test_a_stranger_with_a_recorded_number_is_left_alone(home: Home) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        assert started_at(stranger.pid)
        (home.run / "redis.pid").write_text(f"{stranger.pid} 12345\n")
        assert leftovers.stop_leftovers(home) == 0
        assert stranger.poll() is None
    finally:
        stranger.send_signal(signal.SIGKILL)
        stranger.wait()


def test_another_homes_processes_are_left_alone(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "home-2")
    other.make()
    child = subprocess.Popen(launch_words(["sleep", "60"], record=other.run / "x.pid", mark=leftovers.mark(other, "x")))
    try:
        assert _until(lambda: bool(leftovers.recorded(other)))
        assert leftovers.stop_leftovers(home) == 0
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("content", ["OURS\n/somewhere\n", "999999999\n", "", "nonsense"])
def test_a_stale_pid_file_of_postgresql_is_cleared(tmp_path: Path, content: str) -> None:
    (tmp_path / "postmaster.pid").write_text(content.replace("OURS", str(os.getpid())))
    cluster._clear_stale_pid(tmp_path)
    assert not (tmp_path / "postmaster.pid").exists()


@pytest.mark.slow
def test_a_half_made_cluster_is_made_anew(home: Home) -> None:
    ground = _ground(home)
    ground.is_for_tests = True
    (home.root / "postgres.making").mkdir()
    (home.root / "postgres.making" / "PG_VERSION").write_text("18\n")
    cluster.prepare(ground)
    assert (home.root / "postgres" / "global").is_dir()
    assert not (home.root / "postgres.making").exists()
    assert not (home.root / "postgres.password").exists()
