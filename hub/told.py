"""What the Hub is told by its environment: addresses, secrets, a database of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_NAMES = {
    "portal": "CAIA_BASE_URL",
    "public": "CAIA_WORKSPACES_URL",
    "api": "CAIA_HUB_API_URL",
    "proxy": "CAIA_PROXY_API_URL",
    "database": "CAIA_HUB_DATABASE_URL",
    "socket": "CAIA_HOST_SOCKET",
    "portal_token": "CAIA_HUB_TOKEN",
    "client_secret": "CAIA_HUB_CLIENT_SECRET",
    "proxy_token": "CAIA_PROXY_TOKEN",
    "cookie_secret": "CAIA_HUB_COOKIE_SECRET",
    "crypt_key": "CAIA_HUB_CRYPT_KEY",
}


class Untold(Exception):
    """Something is missing; the message names all of it at once."""


@dataclass(frozen=True)
class Told:
    """Addresses without a slash at their end; keys in hexadecimal."""

    portal: str
    public: str  # of the proxy, as browsers see it: its host's subdomains are the workspaces
    api: str  # of the Hub itself, on loopback, ending in /hub/api
    proxy: str  # of the proxy's API, on loopback
    database: str = field(repr=False)
    socket: str  # of this machine's host; none on a cluster
    portal_token: str = field(repr=False)
    client_secret: str = field(repr=False)
    proxy_token: str = field(repr=False)
    cookie_secret: str = field(repr=False)
    crypt_key: str = field(repr=False)

    @classmethod
    def read(cls, environment: Mapping[str, str], *, has_host: bool = True) -> Told:
        """From the environment. Untold where a name has no value, or public and portal share a host."""
        facts = {field_: environment.get(name, "").rstrip("/") for field_, name in _NAMES.items()}
        missing = sorted(
            _NAMES[field_] for field_, value in facts.items() if not value and (has_host or field_ != "socket")
        )
        if missing:
            raise Untold(f"The Hub needs, and is not told: {', '.join(missing)}.")
        told = cls(**facts)
        portal, public = urlsplit(told.portal).hostname or "", urlsplit(told.public).hostname or ""
        if portal == public or portal.endswith(f".{public}"):
            raise Untold("CAIA_WORKSPACES_URL needs a host name of its own, on which the portal does not lie.")
        return told

    @property
    def is_https(self) -> bool:
        """Whether browsers come by HTTPS."""
        return self.public.startswith("https://")

    @property
    def driver_url(self) -> str:
        """The database's address in the words of SQLAlchemy."""
        scheme, _, rest = self.database.partition("://")
        return f"postgresql+psycopg://{rest}" if scheme in {"postgresql", "postgres"} else self.database
