"""What every test stands on: a database of its own role and shape, an empty cache, a closed network, our clock."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connections
from django.test import Client, TestCase, TransactionTestCase

from apps.alliance.models import Member
from apps.audit.source import coming_from
from tests import database
from tests.rivals import Rivals

# What costs much stands once for all tests of a worker, in whatever folder they are.
pytest_plugins = ["tests.patience", "tests.chromium", "tests.environments.built", "tests.live.standing"]


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any) -> Iterator[None]:
    """Clone this worker's database and let Django use it as the portal's role."""
    name = settings.DATABASES["default"]["TEST"]["NAME"]
    with django_db_blocker.unblock():
        database.make(name)
        connections["default"].close()
        settings.DATABASES["default"]["NAME"] = name
        connections["default"].settings_dict["NAME"] = name
        yield
        connections.close_all()
        database.drop(name)


@pytest.fixture(autouse=True, scope="session")
def _truncation_by_the_owner() -> Iterator[None]:
    """After a test that really commits, the owner empties the tables: the portal's role can't."""
    patch = pytest.MonkeyPatch()
    patch.setattr(TransactionTestCase, "_fixture_teardown", lambda self: database.truncate())
    # A test in one transaction makes its things without events and rolls back; tests/record tries the rule itself.
    patch.setattr(TestCase, "_should_check_constraints", lambda self, connection: False)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def fresh_proof(request: pytest.FixtureRequest) -> Iterator[None]:
    """Commands asked for in a test come from somebody who has just shown a factor; mark `stale_proof` for others."""
    age = None if request.node.get_closest_marker("stale_proof") else 0
    with coming_from(component="test", auth={} if age is None else {"method": "test", "age_s": age}):
        yield


@pytest.fixture
def rivals() -> Iterator[Rivals]:
    """Two who act at the same moment, for as many rounds as a test wants."""
    with Rivals(2) as pair:
        yield pair


Browse = Callable[..., Client]


@pytest.fixture
def browse(db: None) -> Browse:
    """A browser without a page: `browse(member)` is signed in with a factor shown just now, `browse()` is nobody."""

    def open_as(member: Member | None = None, *, proof_age: float = 0) -> Client:
        client = Client(SERVER_NAME="localhost")
        if member is not None:
            sign_in(client, member, proof_age=proof_age)
        return client

    return open_as


def sign_in(client: Client, member: Member, *, proof_age: float = 0) -> None:
    """Sign the member in with password and authenticator app, the latter shown `proof_age` seconds ago."""
    from allauth.mfa.models import Authenticator

    Authenticator.objects.get_or_create(
        user=member, type=Authenticator.Type.TOTP, defaults={"data": {"secret": "none"}}
    )
    client.force_login(member)
    session = client.session
    shown_at = time.time() - proof_age
    session["account_authentication_methods"] = [
        {"method": "password", "at": shown_at, "email": member.email},
        {"method": "mfa", "type": "totp", "at": shown_at, "reauthenticated": False},
    ]
    session["account_authentication_methods_user"] = str(member.pk)
    session.save()
