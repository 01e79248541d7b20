"""Centers' own identity providers, asked at their published configuration."""

from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings

from apps.core.errors import Invalid, Unavailable

TIMEOUT = 5  # seconds
NEEDED = ("issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


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
            answer = requests.get(url, timeout=TIMEOUT, allow_redirects=False)
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
        """Encrypted; plain http only from this machine to itself."""
        parts = urlsplit(url)
        here = urlsplit(settings.BASE_URL).hostname in LOOPBACK and parts.hostname in LOOPBACK
        if parts.scheme != "https" and not (parts.scheme == "http" and here):
            self._refuse(f"The {name.replace('_', ' ')} must begin with https://")

    def _refuse(self, words: str) -> None:
        raise Invalid(fields={"issuer": words})
