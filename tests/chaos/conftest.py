from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.place import SETTINGS
from tests.door.conftest import run_caia


@pytest.fixture
def standing(tmp_path: Path) -> Iterator[Path]:
    """Everything running in a home of its own."""
    place = tmp_path / "var"
    answer = run_caia(place, "up", "--wait", **SETTINGS)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    yield place
    run_caia(place, "down")
