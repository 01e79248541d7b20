"""What a gateway is told at its start: one file of JSON, read once, refused whole if a line of it can't be meant."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

KB, MB, GB = 1024, 1024**2, 1024**3
_PREFIX = re.compile(r"/user/[a-z0-9-]{1,64}/[a-z0-9-]{1,64}/")
_Record = TypeVar("_Record", "Caps", "Meter", "Times", "HubClient")


class SettingsError(ValueError):
    """The file can't be meant so; the message says which line and why."""


@dataclass(frozen=True)
class HubClient:
    """The Hub, as seen by one of its OAuth clients. `scopes`: one of these lets a person in."""

    api_url: str
    client_id: str
    token: str = field(repr=False)
    authorize_url: str
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class Caps:
    """The most that passes, in bytes or numbers."""

    contents: int = 5 * MB
    page: int = 1 * MB
    other: int = 1 * MB
    static: int = 10 * MB
    body: int = 64 * KB
    contents_body: int = 5 * MB
    unwanted_body: int = 16 * MB  # read and thrown away behind an answer that did not need it
    frame: int = 10 * MB
    browser_frame: int = 5 * MB
    header_line: int = 8 * KB
    headers: int = 64
    target: int = 4 * KB
    code: int = 100_000
    sockets: int = 64
    requests: int = 128
    spool: int = 64 * MB
    spool_total: int = 1 * GB


@dataclass(frozen=True)
class Meter:
    """Bytes to the browser in a window of time: from `warn` on it is told, at `pause` it ends."""

    warn: int
    pause: int
    window_seconds: float


@dataclass(frozen=True)
class Times:
    """How long anybody is waited for, in seconds."""

    head: float = 20  # a browser's request line and headers
    answer: float = 60  # the server's first byte
    chunk: float = 30  # the next piece of a body, in or out
    unwanted: float = 2  # the rest of a body that nobody wants
    whole: float = 300  # a request with its answer
    hub: float = 10  # the Hub's answer
    ask: float = 5  # so long the Hub's last word about a session is believed
    watch: float = 3  # and while a websocket is open
    grace: float = 120  # so long a session lives on while the Hub does not answer
    session: float = 12 * 3600
    sign_in: float = 600  # between leaving for the Hub and coming back


@dataclass(frozen=True)
class Settings:
    """Everything. `environment` is the built environment, whose own static files the gateway serves itself."""

    listen: Path
    control: Path
    server: Path
    spool: Path
    environment: Path
    prefix: str
    origin: str
    hub: HubClient
    meter: Meter
    caps: Caps
    times: Times
    idle_seconds: float

    @property
    def owner(self) -> str:
        """The Hub's name of the only person who may enter."""
        return self.prefix.split("/")[2]

    @property
    def host(self) -> str:
        """What a browser names in its Host header."""
        return urlsplit(self.origin).netloc

    @property
    def callback(self) -> str:
        """Where the Hub sends a browser back to."""
        return f"{self.origin}{self.prefix}oauth_callback"


def read(file: Path) -> Settings:
    """The settings in this file, or a SettingsError."""
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file} can't be read as JSON: {error}") from error
    if file.stat().st_mode & 0o077:
        raise SettingsError(f"{file} holds a secret and can be read by others: chmod 600 it.")
    return understand(given)


def understand(given: Any) -> Settings:
    """The settings that this JSON means, or a SettingsError."""
    _demand(isinstance(given, dict), "The file must hold one JSON object.")
    _only(given, {one.name for one in fields(Settings)}, "the file")
    missing = {one.name for one in fields(Settings)} - {"caps", "times"} - set(given)
    _demand(not missing, f"Missing: {', '.join(sorted(missing))}.")
    _demand(isinstance(given["prefix"], str) and _PREFIX.fullmatch(given["prefix"]),
            "prefix must read /user/<name>/<server>/ with a-z, 0-9 and -.")  # fmt: skip
    paths = {name: _path(given[name], name) for name in ("listen", "control", "server", "spool", "environment")}
    meter = _record(Meter, given["meter"], "meter")
    _demand(0 < meter.warn <= meter.pause and meter.window_seconds > 0, "meter: 0 < warn <= pause, window > 0.")
    _demand(isinstance(given["idle_seconds"], int | float) and given["idle_seconds"] > 0, "idle_seconds must be > 0.")
    return Settings(
        **paths, prefix=given["prefix"], origin=_origin(given["origin"]), hub=_hub(given["hub"]), meter=meter,
        caps=_record(Caps, given.get("caps", {}), "caps"), times=_record(Times, given.get("times", {}), "times"),
        idle_seconds=given["idle_seconds"],
    )  # fmt: skip


def _hub(given: Any) -> HubClient:
    _demand(isinstance(given, dict), "hub must be an object.")
    hub = _record(HubClient, {**given, "scopes": tuple(given.get("scopes", ()))}, "hub")
    for name in ("api_url", "client_id", "token", "authorize_url"):
        _demand(isinstance(getattr(hub, name), str) and getattr(hub, name), f"hub.{name} must be a text.")
    _demand(urlsplit(hub.authorize_url).scheme in {"http", "https"}, "hub.authorize_url must be a whole http address.")
    _demand(urlsplit(hub.api_url).scheme in {"http", "https", "http+unix"}, "hub.api_url: http, https or http+unix.")
    _demand(hub.scopes and all(isinstance(one, str) for one in hub.scopes), "hub.scopes must name a scope.")
    return hub


def _origin(given: Any) -> str:
    parts = urlsplit(given if isinstance(given, str) else "")
    whole = f"{parts.scheme}://{parts.netloc}"
    _demand(parts.scheme in {"http", "https"} and parts.hostname and whole == given and "@" not in parts.netloc,
            "origin must read scheme://host or scheme://host:port.")  # fmt: skip
    _demand(parts.scheme == "https" or f"{parts.hostname}".endswith("localhost") or parts.hostname == "127.0.0.1",
            "origin must be https beyond this machine.")  # fmt: skip
    return whole


def _path(given: Any, name: str) -> Path:
    _demand(isinstance(given, str) and given.startswith("/"), f"{name} must be an absolute path.")
    return Path(given)


def _record(kind: type[_Record], given: Any, name: str) -> _Record:
    _demand(isinstance(given, dict), f"{name} must be an object.")
    _only(given, {one.name for one in fields(kind)}, name)
    if kind is not HubClient:
        for key, value in given.items():
            _demand(isinstance(value, int | float) and not isinstance(value, bool) and value > 0,
                    f"{name}.{key} must be a number above 0.")  # fmt: skip
    try:
        return kind(**given)
    except TypeError as error:
        raise SettingsError(f"{name}: {error}") from error


def _only(given: Mapping[str, Any], known: set[str], where: str) -> None:
    _demand(not set(given) - known, f"Unknown in {where}: {', '.join(sorted(set(given) - known))}.")


def _demand(claim: object, words: str) -> None:
    if not claim:
        raise SettingsError(words)
