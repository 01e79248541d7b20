"""State machines as tables: where a request can go, who moves it, and which event that is."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils import timezone

from apps.core.actors import Actor
from apps.core.commands import Policy, command, demand, may, note
from apps.core.decisions import Decision, no
from apps.core.errors import WrongState

MACHINES: dict[str, "Machine"] = {}


@dataclass(frozen=True)
class Move:
    """One row of the table: from these states to that one, by whoever `who` admits.

    `then` may name a step that follows at once, where nothing is left to wait for in `target`.
    """

    sources: frozenset[str]
    target: str
    who: Policy
    event: str
    fresh: bool = False
    any_standing: bool = False
    then: Callable[[Any], str] = lambda _: ""


@dataclass(frozen=True)
class Follow:
    """A step that nobody makes by itself: it follows from a command on something else, `because` of what it did."""

    sources: frozenset[str]
    target: str
    because: str


class Machine:
    """The life of one model's rows. `waits_for` names, per state, the role whose turn it is (empty: nobody's)."""

    def __init__(
        self,
        model: type[models.Model],
        moves: Mapping[str, Move],
        *,
        start: str,
        waits_for: Mapping[str, str],
        follows: Mapping[str, Follow] | None = None,
    ) -> None:
        self.model, self.moves, self.start, self.waits_for = model, dict(moves), start, dict(waits_for)
        self.follows = dict(follows or {})
        MACHINES[model._meta.label_lower] = self

    @property
    def states(self) -> list[str]:
        field = self.model._meta.get_field("status")
        assert isinstance(field, models.Field)
        return [str(value) for value, _ in field.flatchoices]

    def move(self, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Make a service function the work of this move: the gate around it, the state checked and set."""
        step = self.moves[name]

        def decorate(work: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(work)
            def moved(target: Any, *, by: Actor, **details: Any) -> Any:
                self._demand_open(name, target)
                note(**{"from": target.status, "to": step.target})
                result = work(target, by=by, **details)
                target.status = step.target
                target.status_at = timezone.now()
                target.save()
                if following := step.then(target):
                    self.follow(following, target)
                    note(to=target.status)
                    target.save()
                return result

            gate = command(step.event, policy=step.who, fresh=step.fresh, any_standing=step.any_standing)
            return gate(moved)

        return decorate

    def follow(self, name: str, target: Any) -> None:
        """Make a step that follows from the command at work; `target` is held by it, and not saved here."""
        step = self.follows[name]
        if target.status not in step.sources:
            raise WrongState(self._wrong_state(target))
        target.status, target.status_at = step.target, timezone.now()

    def open_to(self, actor: Actor, target: Any) -> dict[str, Decision]:
        """Each move's name → whether this actor can make it now, and if not, why not."""
        return {name: self._opening(step, actor, target) for name, step in self.moves.items()}

    def demand(self, name: str, *, by: Actor, target: Any) -> None:
        """For the page of a move: refuse whoever may not make it, or when it is not open now."""
        demand(self.moves[name].event, by=by, target=target)
        self._demand_open(name, target)

    def _opening(self, step: Move, actor: Actor, target: Any) -> Decision:
        if target.status not in step.sources:
            return no(self._wrong_state(target))
        return may(step.event, actor, target)

    def _demand_open(self, name: str, target: Any) -> None:
        if target.status not in self.moves[name].sources:
            raise WrongState(self._wrong_state(target))

    def _wrong_state(self, target: Any) -> str:
        return f"This is {target.get_status_display().lower()} now, so that step is not open. Look at it again."
