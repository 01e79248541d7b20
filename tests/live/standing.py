"""One site for all tests that leave it as it was, and one of its own for each test that kills parts of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.site import Site, sites


@pytest.fixture(scope="session")
def site(environment: Path) -> Iterator[Site]:
    """The whole portal with workspaces and the demo alliance."""
    with sites(environment.parent) as standing:
        yield standing


@pytest.fixture
def own_site(environment: Path) -> Iterator[Site]:
    """The same for one test alone."""
    with sites(environment.parent) as standing:
        yield standing
