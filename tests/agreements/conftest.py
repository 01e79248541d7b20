"""Two centers with their people, and what they agree on."""

import pytest

from apps.alliance.roles import Role
from tests.factories import CenterFactory, holder
from tests.factories_agreements import dataset, drafted, official, sent, wording
from tests.record.conftest import at_hand, notary, place  # noqa: F401


@pytest.fixture
def providing(db):
    return CenterFactory(short_name="Giver")


@pytest.fixture
def receiving(db):
    return CenterFactory(short_name="Taker")


@pytest.fixture
def manager(providing):
    return holder(Role.CENTER_MANAGER, providing)


@pytest.fixture
def ours(providing):
    """The signing official of the center that provides the data."""
    return official(providing)


@pytest.fixture
def theirs(receiving):
    """The signing official of the center that receives it."""
    return official(receiving)


@pytest.fixture
def data(providing):
    return dataset(providing)


@pytest.fixture
def words(db):
    return wording()


@pytest.fixture
def draft(providing, receiving, data, words):
    return drafted(providing, receiving, scope=[data], template_version=words)


@pytest.fixture
def out(draft):
    """Out for signature."""
    return sent(draft)
