"""A center's provider as a way to make the portal ask where nobody outside could."""

import socket

import pytest
import requests

from apps.alliance.signin.gateways import IdentityProvider
from apps.alliance.signin.identity import CenterIdentityAdapter
from apps.core.errors import Invalid

NEAR = [
    "https://127.0.0.1:{}",
    "https://localhost:{}",
    "https://[::1]:{}",
    "https://[::ffff:127.0.0.1]:{}",
    "https://2130706433:{}",
    "https://0x7f.1:{}",
    "https://0.0.0.0:{}",
    "https://127.1:{}",
    "https://portal@127.0.0.1:{}",
]


@pytest.fixture
def canary(settings):
    """A port of this machine that nobody is to ask, while the portal is at a public name."""
    settings.BASE_URL = "https://portal.example.org"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


def _never_asked(listening):
    with pytest.raises(BlockingIOError):
        listening.accept()


@pytest.mark.parametrize(
    "address", [*NEAR, "https://169.254.169.254/{}", "https://[fe80::1]:{}", "https://224.0.0.1:{}"]
)
def test_an_issuer_on_this_machine_or_its_link_is_never_asked(canary, address):
    with pytest.raises(Invalid, match="no place where a provider can be"):
        IdentityProvider(address.format(canary.getsockname()[1])).check()

    _never_asked(canary)


@pytest.mark.parametrize("address", [*NEAR, "http://127.0.0.1:{}", "http://login.example.org:{}"])
def test_nor_is_what_a_provider_names_afterwards(canary, address):
    session = CenterIdentityAdapter().get_requests_session()

    with pytest.raises(requests.exceptions.InvalidURL):
        session.post(address.format(canary.getsockname()[1]), data={"code": "c"})

    _never_asked(canary)
