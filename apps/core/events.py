"""Events that no command stands behind: reads of sensitive content, and what the portal sees at its door.

Each is declared once, in its own app. What is declared nowhere can't be written; docs/generated/events.md lists all.
"""

from dataclasses import dataclass
from enum import StrEnum

from django.db import models

EVENTS: dict[str, "Declared"] = {}


class Kind(StrEnum):
    """Whether somebody asked to see something, or something happened at the door."""

    READ = "read"
    SIGHTING = "sighting"


@dataclass(frozen=True)
class Declared:
    """What the record's page says: `sentence`, or `attempt` where it was refused. `about` are models' labels."""

    kind: Kind
    sentence: str
    when: str
    about: tuple[str, ...]
    attempt: str = ""


def read(name: str, sentence: str, *, attempt: str, when: str, about: tuple[str, ...]) -> str:
    """Declare the event of a read; its name."""
    return _declared(name, Declared(Kind.READ, sentence, when, about, f"Attempt to {attempt}"))


def sighting(name: str, sentence: str, *, when: str, about: tuple[str, ...]) -> str:
    """Declare something that the portal sees happen; its name."""
    return _declared(name, Declared(Kind.SIGHTING, sentence, when, about))


def demand_declared(name: str, kind: Kind, target: models.Model) -> None:
    """Raises where this event of this kind about such a thing was never declared: a mistake in the code."""
    declared = EVENTS.get(name)
    if declared is None or declared.kind is not kind or target._meta.label_lower not in declared.about:
        raise ValueError(f"{name} is not declared as a {kind.value} about {target._meta.label_lower}")


def _declared(name: str, declared: Declared) -> str:
    if name in EVENTS:
        raise ValueError(f"Two declarations share the event {name}")
    EVENTS[name] = declared
    return name
