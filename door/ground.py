"""Where a set of parts stands: the home, the ports, the account, and the environment that they are given."""

from __future__ import annotations

import os
import sysconfig
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from door.account import Account, hub_account, portal_account
from door.home import VENV, Home, write_private
from door.say import Trouble

OUTSIDE = ("DATABASE_URL", "REDIS_URL", "S3_ENDPOINT_URL")


@dataclass
class Ground:
    """One copy's place; `outside` holds the addresses of parts that somebody else runs."""

    home: Home
    account: Account
    ports: dict[str, int] = field(default_factory=dict)
    outside: dict[str, str] = field(default_factory=dict)
    # Tuned for tests: no fsync, nothing survives the run.
    is_for_tests: bool = False
    is_demo: bool = False
    # Why host, Hub and proxy are not started, in words; empty where workspaces run here.
    without_workspaces: str = "They are for a copy that ./caia up started."

    @cached_property
    def portal_account(self) -> Account:
        """The account of the portal's own processes."""
        return portal_account(self.home.root)

    @cached_property
    def hub_account(self) -> Account:
        """The account of the workspaces' Hub and its proxy."""
        return hub_account(self.home.root)

    def folder(self, name: str) -> Path:
        """The folder of a part."""
        return self.home.root / name

    def secret(self, name: str) -> str:
        """A secret of this home."""
        return self.home.secret(name)

    def write_for_account(self, path: Path, text: str) -> None:
        """Write a private file that the services' account may read."""
        write_private(path, text)
        self.account.own_file(path)

    def environment(self) -> dict[str, str]:
        """What every process of the portal is given."""
        s3_outside = "S3_ENDPOINT_URL" in self.outside
        values = {
            "DATABASE_URL": self.outside.get("DATABASE_URL") or self._database_url("portal"),
            "REDIS_URL": self.outside.get("REDIS_URL") or self._redis_url(),
            "S3_ENDPOINT_URL": self.outside.get("S3_ENDPOINT_URL") or self._s3_url(),
            "S3_ACCESS_KEY_ID": os.environ.get("S3_ACCESS_KEY_ID", "") if s3_outside else self.secret("s3_access"),
            "S3_SECRET_ACCESS_KEY": os.environ.get("S3_SECRET_ACCESS_KEY", "")
            if s3_outside
            else self.secret("s3_secret"),
            "CAIA_SECRET_KEY": os.environ.get("CAIA_SECRET_KEY") or self.secret("secret_key"),
            "CAIA_BASE_URL": f"http://localhost:{self.ports['web']}"
            if "web" in self.ports
            else "http://localhost:8000",
            "CAIA_HOME": str(self.home.root),
        }
        if self.is_demo:
            values["CAIA_DEMO"] = "1"
        if not self.without_workspaces:
            values |= self.of_workspaces()
        return values

    def of_workspaces(self) -> dict[str, str]:
        """What the portal needs to know of its workspaces, and the Hub of the portal."""
        return {
            "CAIA_HOST_SECRET": self.secret("host"),
            "CAIA_HUB_TOKEN": self.secret("hub_token"),
            "CAIA_HUB_CLIENT_SECRET": self.secret("hub_client"),
            "CAIA_HUB_API_URL": f"http://127.0.0.1:{self.ports['hub']}/hub/api",
            "CAIA_WORKSPACES_URL": f"http://workspaces.localhost:{self.ports['workspaces']}",
        }

    def owner_url(self) -> str:
        """The database address of the role that owns the tables: for migrations only, never for a serving process."""
        if "DATABASE_URL" in self.outside:
            return os.environ.get("DATABASE_OWNER_URL") or self.outside["DATABASE_URL"]
        return self._database_url("owner")

    def notary_url(self) -> str:
        """The database address of the role that keeps the record in order: for the notary's process alone."""
        if "DATABASE_URL" in self.outside:
            return os.environ.get("NOTARY_DATABASE_URL", "")
        return self._database_url("notary")

    def bare_environment(self) -> dict[str, str]:
        """The environment of a process that needs to know nothing of the portal."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in ("CAIA_DEMO", "DATABASE_OWNER_URL", "NOTARY_DATABASE_URL")
        }
        kept["PATH"] = f"{VENV / 'bin'}{os.pathsep}{kept.get('PATH', os.defpath)}"
        kept["VIRTUAL_ENV"] = str(VENV)
        kept.setdefault("LANG", "C.UTF-8")
        return kept

    def process_environment(self, *, owner: bool = False) -> dict[str, str]:
        """The environment of a process of the portal; with the owner's address only for migrations and tests."""
        kept = {**self.bare_environment(), **self.environment()}
        if owner:
            kept["DATABASE_OWNER_URL"] = self.owner_url()
            kept["NOTARY_DATABASE_URL"] = self.notary_url()
        return kept

    def keep_environment(self) -> None:
        """Write the environment to $CAIA_HOME/env (0600), for other tools of the same person."""
        values = {**self.environment(), "DATABASE_OWNER_URL": self.owner_url()}
        write_private(self.home.root / "env", "".join(f"{name}={value}\n" for name, value in sorted(values.items())))

    def _database_url(self, role: str) -> str:
        return f"postgresql://caia_{role}:{self.secret(role)}@127.0.0.1:{self.ports['postgres']}/caia"

    def _redis_url(self) -> str:
        return f"redis://:{self.secret('redis')}@127.0.0.1:{self.ports['redis']}/0"

    def _s3_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['s3']}"


def outside_parts() -> dict[str, str]:
    """The addresses in the environment of parts that somebody else runs."""
    return {name: os.environ[name] for name in OUTSIDE if os.environ.get(name)}


def bin_path(name: str) -> Path:
    """A program of .venv: one of its bin folder, or a path inside a package."""
    path = VENV / "bin" / name if "/" not in name else _packages() / name
    if not path.exists():
        raise Trouble(f"The program {name} is missing from {VENV}.", f"Remove {VENV} and run ./caia up again.")
    return path


def _packages() -> Path:
    found = sorted((VENV / "lib").glob("python3.*/site-packages"))
    return found[-1] if found else Path(sysconfig.get_path("purelib"))
