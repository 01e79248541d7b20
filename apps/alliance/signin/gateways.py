"""Centers' own identity providers, asked at their published configuration."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter

from apps.core.errors import Invalid, Unavailable

TIMEOUT = 5  # seconds
NEEDED = ("issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Outward(HTTPAdapter):
    """Asks nothing but encrypted addresses outside this machine, whatever a provider's configuration names later."""

    def send(self, request: requests.PreparedRequest, *given: Any, **more: Any) -> requests.Response:
        if not _is_encrypted(str(request.url)) or not _lies_outside(str(request.url)):
            raise requests.exceptions.InvalidURL(f"{request.url} is no address of a provider.")
        return super().send(request, *given, **more)


def outward(session: requests.Session) -> requests.Session:
    """The session, which from now on asks only where a provider can be, and follows it nowhere else."""
    session.max_redirects = 0
    for scheme in ("http://", "https://"):
        session.mount(scheme, Outward())
    return session


class IdentityProvider:
    """One OpenID Connect provider, by its issuer address."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer.rstrip("/")

    def check(self) -> None:
        """Raise Invalid, or Unavailable, unless this is a provider that the portal can use."""
        self._demand_safe("issuer", self.issuer)
        found = self._configuration()
        missing = [name for name in NEEDED if not isinstance(found.get(name), str)]
        if missing:
            self._refuse(f"The provider's configuration lacks {', '.join(missing)}.")
        if found["issuer"].rstrip("/") != self.issuer:
            self._refuse(f"The provider calls itself {found['issuer']}. Enter that address, if it is right.")
        for name in NEEDED:
            self._demand_safe(name, found[name])

    def _configuration(self) -> dict[str, Any]:
        url = f"{self.issuer}/.well-known/openid-configuration"
        try:
            with outward(requests.Session()) as session:
                answer = session.get(url, timeout=TIMEOUT, allow_redirects=False)
        except requests.RequestException as error:
            raise Unavailable(f"{url} does not answer. Check the address, or try again in a minute.") from error
        if answer.status_code != 200:
            self._refuse(f"{url} answers with status {answer.status_code} where its configuration should be.")
        try:
            found = answer.json()
        except requests.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            self._refuse(f"{url} does not hold an OpenID Connect configuration.")
        return found

    def _demand_safe(self, name: str, url: str) -> None:
        if not _is_encrypted(url):
            self._refuse(f"The {name.replace('_', ' ')} must begin with https://")
        if not _lies_outside(url):
            self._refuse(f"The {name.replace('_', ' ')} leads to no place where a provider can be. Enter its own name.")

    def _refuse(self, words: str) -> None:
        raise Invalid(fields={"issuer": words})


def _is_encrypted(url: str) -> bool:
    """Encrypted; plain http only from this machine to itself."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _stays_here() and parts.hostname in LOOPBACK)


def _lies_outside(url: str) -> bool:
    """Whether no address of this name is this machine's own or bound to its link, unless the portal is only here."""
    if _stays_here():
        return True
    try:
        found = socket.getaddrinfo(urlsplit(url).hostname, None)
    except (OSError, UnicodeError):
        return True  # it has no address, which the call itself will say
    return not any(_is_near(ip_address(str(known[4][0]).partition("%")[0])) for known in found)


def _is_near(address: IPv4Address | IPv6Address) -> bool:
    plain = getattr(address, "ipv4_mapped", None) or address
    near = plain.is_loopback, plain.is_link_local, plain.is_unspecified, plain.is_multicast, plain.is_reserved
    return any(near)


def _stays_here() -> bool:
    return urlsplit(settings.BASE_URL).hostname in LOOPBACK
