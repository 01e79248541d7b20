"""The first `up` of all: the portal answers while what people work in is still being built, and says so who starts."""

import fcntl
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from door.environments import hash_of
from door.home import REPO
from tests.door.conftest import clean_environment
from tests.live.site import Site, until

pytestmark = [pytest.mark.long, pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1"])]
DATA = "ehr-alliance-gbsg2"


@pytest.fixture
def place() -> Iterator[Path]:
    with TemporaryDirectory(prefix="caia-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_who_starts_before_the_environment_is_there_reads_it_and_can_start_afterwards(place: Path) -> None:
    """The build is held up by its lock, as another builder would, until somebody has tried to start."""
    site, built = Site(place / "var", place / "environments"), place / "environments"
    built.mkdir()
    around = clean_environment(site.place, CAIA_ENVIRONMENTS=str(built), CAIA_WORKSPACES="")
    lock = (built / f".lock-{hash_of('python-cancer')}").open("a")
    fcntl.flock(lock, fcntl.LOCK_EX)
    with subprocess.Popen([REPO / "caia", "up", "--wait"], env=around, stdout=subprocess.PIPE, text=True) as rising:
        try:
            assert "workspaces as soon as python-cancer is built" in _heard(rising)
            project, rosa = site.project("Rosa Jimenez", DATA), site.person("Rosa Jimenez")
            rosa.start(project)
            page = until(lambda: _failed(rosa.page_of(project)), 60, "the start is refused")
            assert "The environment is still being built; try again in some minutes." in page
            assert "that goes on now" in site.status()["workspaces"]

            lock.close()
            rest, _ = rising.communicate(timeout=900)
            assert rising.returncode == 0, rest
            assert "workspaces can be started" in rest
            assert site.status()["workspaces"] == "on"
            ran = rosa.opened(project, 120).execute(f"print(len(open('/data/{DATA}/gbsg2.csv').readlines()))")
            assert (ran.text, ran.error) == ("687\n", "")
        finally:
            lock.close()
            site.down()


def _heard(rising: subprocess.Popen[str]) -> str:
    """The line by which it tells that the portal can be used; nothing where it ended without."""
    return next((line for line in rising.stdout if "the portal can be used" in line), "")


def _failed(page: str) -> str:
    words = re.sub(r"<[^>]+>|\s+", " ", page)
    return words if "The last start failed" in words else ""
