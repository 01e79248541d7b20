"""Homes and command lines of the front door's own; the services of the test run itself are kept out of their sight."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from door.home import REPO, Home

Caia = Callable[..., subprocess.CompletedProcess[str]]
_OURS = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "NOTARY_",
    "REDIS_URL",
    "S3_",
    "CAIA_",
    "PYTEST_",
    "DJANGO_SETTINGS_MODULE",
)


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of somebody who has just cloned the project; without workspaces, which have their own tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**kept, "CAIA_HOME": str(home), "CAIA_WORKSPACES": "off", **more}


def run_caia(home: Path, *words: str, seconds: float = 240, **more: str) -> subprocess.CompletedProcess[str]:
    """`./caia …` in this home."""
    return subprocess.run(
        [REPO / "caia", *words],
        env=clean_environment(home, **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home."""
    made = Home(tmp_path / "home")
    made.make()
    return made


@pytest.fixture
def caia(tmp_path: Path) -> Iterator[Caia]:
    """Runs ./caia in a home of this test; stops what is left of it at the end."""
    place = tmp_path / "var"

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return run_caia(place, *words, **more)

    yield run
    if place.is_dir():
        run_caia(place, "down")


@pytest.fixture(autouse=True)
def _no_outside_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "DATABASE_URL",
        "DATABASE_OWNER_URL",
        "NOTARY_DATABASE_URL",
        "REDIS_URL",
        "S3_ENDPOINT_URL",
        "CAIA_SECRET_KEY",
    ):
        monkeypatch.delenv(name, raising=False)
