"""What the portal reads from its environment: each name once, with its meaning; read at start and never again.

`.env.example` is written from this table, and a house test compares the two.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

LOOPBACK_HOSTS = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Variable:
    """One setting of the environment; `default=None` means that a server must state it."""

    name: str
    meaning: str
    default: str | None = None
    secret: bool = False


VARIABLES = [
    Variable("CAIA_SECRET_KEY", "Signs cookies and links; 50 random characters or more.", secret=True),
    Variable("CAIA_BASE_URL", "The address people type, such as https://portal.example.org"),
    Variable("DATABASE_URL", "PostgreSQL 15 or newer, as the portal's role, which owns nothing.", secret=True),
    Variable("REDIS_URL", "Redis or Valkey: cache, throttles and Celery's messages.", secret=True),
    Variable("S3_ENDPOINT_URL", "Object storage by the S3 protocol; empty for AWS itself."),
    Variable("S3_ACCESS_KEY_ID", "Key of the portal's own S3 account.", secret=True),
    Variable("S3_SECRET_ACCESS_KEY", "Its secret.", secret=True),
    Variable("S3_REGION", "Region of the object storage.", "us-east-1"),
    Variable("S3_BUCKET", "Bucket for the portal's own files, such as training evidence.", "caia-portal"),
    Variable("CAIA_UPLOAD_MB", "How much a data steward's browser may send at a time.", "2048"),
    Variable("CAIA_DEMO", "1 loads invented people whom anyone may become; refused on a public host.", "0"),
    Variable("CAIA_HOME", "Where this machine keeps logs, static files and demo mail.", "var"),
    Variable(
        "CAIA_RECORD_TILES", "Where the notary publishes the record's tiles; empty for CAIA_HOME/notary/tiles.", ""
    ),
    Variable("CAIA_TRUSTED_PROXIES", "How many proxies of yours stand before the portal.", "0"),
    Variable("CAIA_LOG_LEVEL", "debug, info, warning or error.", "info"),
    Variable("SMTP_URL", "smtp://name:password@host:587; empty writes mail into CAIA_HOME/mail.", "", secret=True),
    Variable("CAIA_HOST_SECRET", "What hosts of workspaces show the portal; empty: no workspaces.", "", secret=True),
    Variable("CAIA_HUB_API_URL", "The Hub's API: http://127.0.0.1:8081/hub/api or http+unix://%2Fa.sock/hub/api", ""),
    Variable("CAIA_HUB_TOKEN", "What the portal shows the Hub.", "", secret=True),
    Variable("CAIA_HUB_CLIENT_SECRET", "What the Hub shows the portal where people sign in.", "", secret=True),
    Variable("CAIA_WORKSPACES_URL", "Where browsers find workspaces: a host name apart from the portal's.", ""),
    Variable("MAIL_FROM", "Sender of the portal's mail.", "CAIA portal <portal@example.org>"),
]


WORKSPACES = (
    "CAIA_HOST_SECRET", "CAIA_HUB_API_URL", "CAIA_HUB_TOKEN", "CAIA_HUB_CLIENT_SECRET", "CAIA_WORKSPACES_URL",
)  # fmt: skip


class Environment:
    """The variables as one start saw them; says all that is missing at once."""

    def __init__(self, source: Mapping[str, str] | None = None) -> None:
        source = os.environ if source is None else source
        self._values: dict[str, str] = {}
        missing = []
        for variable in VARIABLES:
            value = source.get(variable.name, variable.default)
            if value is None:
                missing.append(f"  {variable.name}: {variable.meaning}")
            else:
                self._values[variable.name] = value
        if missing:
            raise ImproperlyConfigured(
                "The portal does not start: these settings are missing from the environment.\n"
                + "\n".join(missing)
                + "\n.env.example explains each. On one machine, ./caia up sets them all for you."
            )
        self._refuse_odd_address()
        self._refuse_weak_secret()
        self._refuse_public_demo()
        self._refuse_half_of_workspaces()

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    @property
    def demo(self) -> bool:
        return self["CAIA_DEMO"] == "1"

    @property
    def host(self) -> str:
        """The host name of CAIA_BASE_URL, without its port."""
        return urlsplit(self["CAIA_BASE_URL"]).hostname or ""

    @property
    def is_loopback(self) -> bool:
        return self.host in LOOPBACK_HOSTS or self.host.endswith(".localhost")

    @property
    def is_encrypted(self) -> bool:
        return self["CAIA_BASE_URL"].startswith("https://")

    @property
    def has_workspaces(self) -> bool:
        """Whether all is stated that workspaces need."""
        return all(self[name] for name in WORKSPACES)

    def database(self) -> dict[str, object]:
        """DATABASE_URL as Django's parts."""
        url = urlsplit(self["DATABASE_URL"])
        if url.scheme not in {"postgres", "postgresql"} or not url.path.strip("/"):
            raise ImproperlyConfigured("DATABASE_URL must read postgresql://role:password@host:port/database")
        return {
            "NAME": unquote(url.path.lstrip("/")),
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
            "HOST": url.hostname or parse_qs(url.query).get("host", [""])[0],  # ?host=/folder is a Unix socket
            "PORT": str(url.port or ""),
        }

    def _refuse_odd_address(self) -> None:
        if not self.host or urlsplit(self["CAIA_BASE_URL"]).scheme not in {"http", "https"}:
            raise ImproperlyConfigured("CAIA_BASE_URL must be an address such as https://portal.example.org")

    def _refuse_weak_secret(self) -> None:
        if len(self["CAIA_SECRET_KEY"]) < 50:
            raise ImproperlyConfigured("CAIA_SECRET_KEY is shorter than 50 characters; make a longer random one.")

    def _refuse_public_demo(self) -> None:
        if self.demo and not self.is_loopback:
            raise ImproperlyConfigured(
                f"CAIA_DEMO=1 lets anyone become anyone, so it only runs on this machine itself, not on {self.host}. "
                "Unset CAIA_DEMO, or use http://localhost."
            )
        if not self.is_encrypted and not self.is_loopback:
            raise ImproperlyConfigured(
                f"CAIA_BASE_URL is plain http for {self.host}; beyond this machine it must be https."
            )

    def _refuse_half_of_workspaces(self) -> None:
        """All of it or nothing; secrets that can't be guessed, and not the portal's own host name."""
        given = [name for name in WORKSPACES if self[name]]
        if given and not self.has_workspaces:
            missing = ", ".join(name for name in WORKSPACES if name not in given)
            raise ImproperlyConfigured(f"Workspaces need {missing} as well; or leave all of {', '.join(given)} out.")
        weak = [name for name in given if name.endswith(("_SECRET", "_TOKEN")) and len(self[name]) < 32]
        if weak:
            raise ImproperlyConfigured(f"{', '.join(weak)}: shorter than 32 characters; make a longer random one.")
        if given and (urlsplit(self["CAIA_WORKSPACES_URL"]).hostname or "") in {"", self.host}:
            raise ImproperlyConfigured(
                "CAIA_WORKSPACES_URL needs a host name of its own: what runs there must not reach the portal's cookies."
            )
