"""CAIA_HOME: the folder that holds everything a running copy keeps, its secrets and its ports."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from door.say import Trouble

REPO = Path(__file__).resolve().parent.parent
VENV = REPO / ".venv"
PYTHON = VENV / "bin" / "python"
_SECRET_NAMES = (
    "postgres",
    "owner",
    "portal",
    "notary",
    "redis",
    "s3_access",
    "s3_secret",
    "anchor_access",
    "anchor_secret",
    "secret_key",
    "storage",
    "hub",
    "host",
    "hub_token",
    "hub_client",
    "hub_cookie",
    "hub_crypt",
    "proxy",
)
# Outside the usual ephemeral range, so that no outgoing connection takes a port between choosing and starting.
_PORTS = range(20_000, 32_000)


@dataclass(frozen=True)
class Home:
    """The folders of one copy; nothing of it lies elsewhere."""

    root: Path

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def run(self) -> Path:
        return self.root / "run"

    def make(self) -> None:
        """Make the folders, or say plainly why that fails."""
        try:
            for folder, mode in (
                (self.root, 0o711 if os.geteuid() == 0 else 0o700),
                (self.log, 0o700),
                (self.run, 0o700),
            ):
                folder.mkdir(parents=True, exist_ok=True)
                if folder.stat().st_uid == os.geteuid():
                    folder.chmod(mode)
            probe = self.run / f".probe-{os.getpid()}"
            probe.write_text("x", encoding="utf-8")
            probe.unlink()
        except OSError as error:
            raise _unwritable(self.root, error) from error

    def read(self, name: str) -> Any:
        """A small JSON file of this home; an empty dict where it is missing or torn."""
        try:
            return json.loads((self.root / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    def write(self, name: str, content: Any) -> None:
        """Store a small JSON file, readable by its owner only, whole or not at all."""
        write_private(self.root / name, json.dumps(content, indent=1, sort_keys=True) + "\n")

    def secret(self, name: str) -> str:
        """A random secret, made once and kept in `secrets` (0600)."""
        kept = self.read("secrets")
        if any(wanted not in kept for wanted in _SECRET_NAMES):
            kept = {wanted: kept.get(wanted) or secrets.token_hex(32) for wanted in _SECRET_NAMES}
            self.write("secrets", kept)
        return str(kept[name])

    def ports(self, names: Iterable[str], *, avoid: Iterable[int] = (), wished: int | None = None) -> dict[str, int]:
        """A free loopback port for each name, the same as last time where it is still free."""
        kept = {} if wished is None else {"web": wished}
        kept = {**self.read("ports"), **kept}
        refused = set(avoid)
        chosen: dict[str, int] = {}
        for name in names:
            wishes = [int(kept[name])] if name in kept else list(range(8000, 8010)) if name == "web" else []
            wishes += [secrets.choice(_PORTS) for _ in range(200)]
            free = (port for port in wishes if port not in refused and port not in chosen.values() and is_free(port))
            port = next(free, None)
            if port is None:
                raise Trouble("No free port was found on 127.0.0.1.", "Stop some of what listens there (see: ss -ltn).")
            chosen[name] = port
        self.write("ports", {**kept, **chosen})
        return chosen

    def lock(self, name: str) -> IO[str] | None:
        """Hold a lock of this name until the file returned is closed; None where another process holds it."""
        return locked(self.run / name)


def locked(path: Path) -> IO[str] | None:
    """Hold the lock that this file is until it is closed; None where another process holds it."""
    file = path.open("a", encoding="utf-8")
    os.set_inheritable(file.fileno(), False)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def main_home() -> Home:
    """The home that CAIA_HOME names, ./var where it names none."""
    named = os.environ.get("CAIA_HOME", "")
    root = Path(named).expanduser() if named else REPO / "var"
    return Home(root.resolve())


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 by way of a neighbor, so that a reader never sees half of it."""
    making = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        making.replace(path)
    except OSError as error:
        raise _unwritable(path.parent, error) from error


def is_free(port: int) -> bool:
    """Whether nothing listens on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _unwritable(folder: Path, error: OSError) -> Trouble:
    if error.errno == errno.ENOSPC:
        return Trouble(
            f"The disk that holds {folder} is full.", "Free some space there, or set CAIA_HOME to a folder elsewhere."
        )
    return Trouble(
        f"The folder {folder} cannot be written: {error.strerror}.",
        "Set CAIA_HOME to a folder that you may write, or give this one to your account (chown).",
    )
