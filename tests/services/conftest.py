"""The people that most tests of commands need: a center with its manager, another center, the alliance's manager."""

import pytest
from celery import current_app

from apps.alliance.roles import Role
from apps.core import outbox
from apps.core.models import Message
from tests.factories import CenterFactory, MemberFactory, alliance, holder


@pytest.fixture
def center(db):
    return CenterFactory()


@pytest.fixture
def manager(center):
    return holder(Role.CENTER_MANAGER, center)


@pytest.fixture
def colleague(center):
    return MemberFactory(center=center)


@pytest.fixture
def elsewhere(db):
    return CenterFactory()


@pytest.fixture
def other_manager(elsewhere):
    """The manager of another center."""
    return holder(Role.CENTER_MANAGER, elsewhere)


@pytest.fixture
def alliance_manager(db):
    """Runs the alliance, from a center of their own."""
    return holder(Role.ALLIANCE_MANAGER, alliance())


@pytest.fixture
def deliver_all():
    """Carry out what waits in the outbox, as a worker would."""
    current_app.loader.import_default_modules()

    def deliver():
        waiting = Message.objects.filter(delivered_at=None, failed_at=None).order_by("created_at", "pk")
        return [outbox.deliver(pk) for pk in list(waiting.values_list("pk", flat=True))]

    return deliver
