"""A project that may use one dataset, a host with two processors, and a job of its lead."""

import pytest

from tests import factories_jobs as make
from tests.jobs.booked import settled
from tests.projects.world import make_world


@pytest.fixture
def world(db):
    return make_world()


@pytest.fixture
def host(db):
    return make.host()


@pytest.fixture
def waiting(world):
    return make.job(world.lead, world.project, data=[world.version])


@pytest.fixture
def over(world, host):
    """An attempt that has ended."""
    return settled(world, host)
