"""Who acts when no person does: a named system actor for each background duty, with its short list of commands."""

from dataclasses import dataclass, field
from typing import Protocol

from apps.core.decisions import YES, Decision, no

SYSTEM_ACTORS: dict[str, "SystemActor"] = {}


class Actor(Protocol):
    """What the gate asks of whoever acts."""

    @property
    def actor_type(self) -> str: ...

    @property
    def actor_ref(self) -> str: ...

    def at_the_gate(self) -> "Actor":
        """The actor as the database knows it now, held so that it cannot change before the command ends."""
        ...

    def standing(self) -> Decision:
        """Whether this actor may act at all, whatever the command."""
        ...


@dataclass(frozen=True)
class SystemActor:
    """A background duty; `may` names the events of its commands and nothing else is open to it."""

    name: str
    may: frozenset[str] = field(default_factory=frozenset)
    actor_type: str = "system"

    def __post_init__(self) -> None:
        SYSTEM_ACTORS[self.name] = self

    @property
    def actor_ref(self) -> str:
        return self.name

    def at_the_gate(self) -> "SystemActor":
        return self

    def standing(self) -> Decision:
        return YES

    def may_do(self, event: str) -> Decision:
        return YES if event in self.may else no(f"The system's {self.name} has no right to do this.")


@dataclass(frozen=True)
class Nobody:
    """Someone who has not signed in; allowed nothing, but their attempts are recorded."""

    actor_type: str = "anonymous"
    actor_ref: str = ""
    pk: None = None

    def at_the_gate(self) -> "Nobody":
        return self

    def standing(self) -> Decision:
        return no("Sign in first.")


def only_the_system(actor: Actor, target: object) -> Decision:
    """Policy of duties that no person performs by hand."""
    return no("The portal does this by itself when the time comes; nobody can do it by hand.")
