"""A manager and a colleague of one center, as most pages need them."""

import pytest

from apps.alliance.roles import Role
from tests.factories import MemberFactory, holder


@pytest.fixture
def manager(db):
    return holder(Role.CENTER_MANAGER)


@pytest.fixture
def colleague(manager):
    return MemberFactory(center=manager.center, name="Grace Liu", email=f"g.liu@{manager.center.email_domains[0]}")
