"""The environment of workspaces, built."""

from pathlib import Path

import pytest

from door import environments


@pytest.fixture(scope="session")
def environment() -> Path:
    """python-cancer; where this copy has not built it yet, now: the first time costs a minute or two."""
    return environments.make_ready("python-cancer")
