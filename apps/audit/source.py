"""Where an event comes from: set once at the edge (a request, a task, a command line), read by record()."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Source:
    """The circumstances of an act; `auth` holds method, factors and age in seconds of the last proof."""

    component: str = "shell"
    request_id: str = ""
    ip: str = ""
    session: str = ""
    user_agent_sha256: str = ""
    auth: dict[str, Any] = field(default_factory=dict)


_source: ContextVar[Source] = ContextVar("source", default=Source())  # noqa: B039  (it is frozen)


def current_source() -> Source:
    return _source.get()


@contextmanager
def coming_from(**changes: Any) -> Iterator[Source]:
    """Everything inside is recorded as coming from here."""
    token = _source.set(replace(_source.get(), **changes))
    try:
        yield _source.get()
    finally:
        _source.reset(token)
