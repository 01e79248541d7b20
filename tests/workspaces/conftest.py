"""A project that may use one dataset, and its lead's workspace in it."""

import pytest

from tests.factories_workspaces import run, workspace
from tests.projects.world import make_world


@pytest.fixture
def world(db):
    return make_world()


@pytest.fixture
def place(world):
    return workspace(world.lead, world.project)


@pytest.fixture
def running(world, place):
    return run(place, data=[world.version])
