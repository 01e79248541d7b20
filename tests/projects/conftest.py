"""The world of the projects' tests."""

import pytest

from tests.daylight import begun_at_noon  # noqa: F401
from tests.projects.world import make_world


@pytest.fixture
def world(db):
    return make_world()
