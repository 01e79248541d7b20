import pytest
from django.test import Client

from tests.signin.ways import FIREFOX


@pytest.fixture
def client() -> Client:
    return Client(SERVER_NAME="localhost", HTTP_USER_AGENT=FIREFOX)


@pytest.fixture
def other_client() -> Client:
    """Another browser at another address."""
    return Client(SERVER_NAME="localhost", REMOTE_ADDR="192.0.2.7", HTTP_USER_AGENT=FIREFOX)
