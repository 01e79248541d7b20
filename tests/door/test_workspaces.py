"""Whether ./caia up starts workspaces, and what it says and does where something for them is missing."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from door import environments, hub
from door.ground import Ground
from door.home import REPO, Home
from door.say import Trouble
from tests.door.conftest import clean_environment

_ASK = (
    "import sys; from pathlib import Path; from door import hub; from door.home import Home; "
    "print(hub.why_not(Home(Path(sys.argv[1])), {}))"
)
HERE = Home(Path("/srv/caia"))


@pytest.fixture(autouse=True)
def wish(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing is wished; the proxy's packages are there."""
    for name in ("CAIA_WORKSPACES", "CAIA_HUB_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(hub, "proxy_program", lambda: Path("/srv/proxy"))
    return monkeypatch


@pytest.fixture
def ground(home: Home) -> Ground:
    return Ground(home, None, without_workspaces="")  # type: ignore[arg-type]


@pytest.mark.slow
def test_where_the_sandbox_works_workspaces_start_by_themselves() -> None:
    assert hub.why_not(HERE, {}) == ""


def test_they_can_be_left_out(wish: pytest.MonkeyPatch) -> None:
    wish.setenv("CAIA_WORKSPACES", "off")
    assert hub.why_not(HERE, {}) == "CAIA_WORKSPACES=off leaves them out."


def test_another_word_is_refused(wish: pytest.MonkeyPatch) -> None:
    wish.setenv("CAIA_WORKSPACES", "no")
    with pytest.raises(Trouble, match="can be on or off"):
        hub.why_not(HERE, {})


@pytest.mark.slow
def test_a_kernel_without_user_namespaces_is_named(tmp_path: Path) -> None:
    """In a namespace whose own limit of further ones is none, as hardened kernels have it."""
    closed = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    words = ["unshare", "--user", "--map-root-user", "sh", "-c", closed, "sh", sys.executable, "-c", _ASK, "/srv/caia"]
    around = {**clean_environment(tmp_path), "CAIA_WORKSPACES": ""}
    answer = subprocess.run(words, cwd=REPO, env=around, capture_output=True, text=True, check=True)
    assert "The kernel must allow user namespaces" in answer.stdout
    assert len(answer.stdout.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("home", "outside", "words"),
    [
        (Home(Path("/srv") / ("x" * 80)), {}, "name a shorter home by CAIA_HOME"),
        (HERE, {"DATABASE_URL": "postgresql://db/caia"}, "name it by CAIA_HUB_DATABASE_URL"),
    ],
)
def test_what_is_in_the_way_is_named_and_whoever_insists_is_refused(wish, home, outside, words) -> None:
    assert words in hub.why_not(home, outside)
    wish.setenv("CAIA_WORKSPACES", "on")
    with pytest.raises(Trouble, match=words) as told:
        hub.why_not(home, outside)
    assert told.value.way_out == "CAIA_WORKSPACES=off leaves them out."


@pytest.mark.slow
def test_without_network_for_the_proxy_the_portal_starts_without_workspaces(wish: pytest.MonkeyPatch) -> None:
    def fail() -> Path:
        raise Trouble("The workspaces' proxy could not be fetched.")

    wish.setattr(hub, "proxy_program", fail)
    assert hub.why_not(HERE, {}) == "The workspaces' proxy could not be fetched."


def test_an_environment_that_cannot_be_built_is_told_and_ends_nothing(wish, ground, capsys, tmp_path) -> None:
    def fail(name: str) -> Path:
        raise Trouble("The package registry cannot be reached.", "Check the network.")

    wish.setenv("CAIA_ENVIRONMENTS", str(tmp_path))
    wish.setattr(environments, "make_ready", fail)
    hub.make_environment(ground)
    said = capsys.readouterr().out
    assert "no workspace can start yet. The package registry cannot be reached. Check the network." in said
    assert "./caia environment python-cancer tries again" in said


def test_a_copy_without_workspaces_builds_no_environment(wish, ground, capsys, tmp_path) -> None:
    wish.setenv("CAIA_ENVIRONMENTS", str(tmp_path / "built"))
    ground.without_workspaces = "CAIA_WORKSPACES=off leaves them out."
    hub.make_environment(ground)
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "built").exists()


def test_a_build_that_goes_on_is_seen_and_one_that_was_killed_is_not(wish, tmp_path: Path) -> None:
    wish.setenv("CAIA_ENVIRONMENTS", str(tmp_path))
    assert not environments.is_being_built("python-cancer")
    with (tmp_path / f".lock-{environments.hash_of('python-cancer')}").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert environments.is_being_built("python-cancer")
    assert not environments.is_being_built("python-cancer")
