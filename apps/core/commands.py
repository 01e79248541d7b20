"""The gate: every write passes here once, with transaction, lock, permission, state, work and event.

A command is a short service function. `@command` wraps it so that
1. one durable transaction holds the change, its event and its outbox rows: all or none;
2. actor and target are read again under lock, so a suspension or a rival wins or loses as a whole;
3. the policy decides on what is locked, and a refusal, or that the work broke off, is recorded after the rollback.
Commands never call commands; shared steps are plain functions.
"""

import functools
import random
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, models, transaction
from psycopg import errors as pg
from psycopg_pool import PoolTimeout

from apps.audit.models import Outcome
from apps.audit.source import current_source
from apps.core import outbox
from apps.core.actors import Actor, SystemActor
from apps.core.decisions import YES, Decision
from apps.core.errors import (
    AlreadyDelivered,
    Invalid,
    NeedsFreshFactor,
    NotAllowed,
    NotFound,
    NotRecorded,
    PortalError,
)
from apps.core.recording import record

Policy = Callable[[Any, Any], Decision]
ATTEMPTS = 6  # a deadlock or a serialization failure is tried again this often in all
STALE = "Prove once more that it is you: this step needs a sign-in of the last five minutes."
COMMANDS: dict[str, "Command"] = {}
_details: ContextVar[dict[str, Any] | None] = ContextVar("details", default=None)


@dataclass(frozen=True)
class Command:
    """One registered write: its event, who may, and whether a fresh proof of identity is asked."""

    event: str
    policy: Policy
    run: Callable[..., Any]
    fresh: bool
    creates: type[models.Model] | None
    any_standing: bool
    doc: str


def command(
    event: str,
    *,
    policy: Policy,
    fresh: bool = False,
    creates: type[models.Model] | None = None,
    any_standing: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a service function as the command behind `event`.

    `policy(actor, target)` decides. `fresh` asks for a factor shown in the last minutes. `creates` says that the work
    returns a new row of this model, which the event then names; the target is its parent. `any_standing` opens it to
    people who may not act otherwise, such as the one who accepts an invitation; what must hold, the policy asks.
    """

    def decorate(work: Callable[..., Any]) -> Callable[..., Any]:
        if event in COMMANDS:
            raise ValueError(f"Two commands share the event {event}")

        @functools.wraps(work)
        def run(target: models.Model, *, by: Actor, **details: Any) -> Any:
            try:
                return _tried_again(lambda: _pass(registered, work, target, by, details))
            except PortalError:
                raise
            except Exception as error:
                _record_break(event, by, target, error)
                raise

        registered = Command(event, policy, run, fresh, creates, any_standing, (work.__doc__ or "").strip())
        COMMANDS[event] = registered
        return run

    return decorate


def note(**details: Any) -> None:
    """Add identifiers, states or counts to the event of the command at work."""
    current = _details.get()
    if current is None:
        raise RuntimeError("note() belongs inside a command")
    current.update(details)


def may(event: str, actor: Actor, target: models.Model) -> Decision:
    """What the gate would say, for a page's buttons and hints; the gate itself asks again."""
    registered = COMMANDS[event]
    return _standing(registered, actor) and _permission(registered, actor, target)


def demand(event: str, *, by: Actor, target: models.Model, fresh: bool = False) -> None:
    """For a page that only makes sense to those allowed: refuse, and record it, before anything is typed.

    The gate asks again in any case. `fresh` asks for the fresh factor now, so that no typed form has to wait for it.
    """
    decision = may(event, by, target)
    if not decision:
        record(event, actor=by, target=target, outcome=Outcome.REFUSED, reason=decision.reason)
        raise NotAllowed(decision.reason)
    if fresh and not proved_recently():
        raise NeedsFreshFactor(STALE)


def _pass(
    registered: Command, work: Callable[..., Any], target: models.Model, by: Actor, details: dict[str, Any]
) -> Any:
    reason = str(details.get("reason", ""))
    noted: dict[str, Any] = {}
    token = _details.set(noted)
    try:
        with transaction.atomic(durable=True):
            locked = _lock(target)
            actor = by.at_the_gate()  # after the target: two people who act on one thing then queue instead of deadlock
            _decide(registered, actor, locked)
            result = _worked(work, locked, actor, details)
            outbox.settle_current()
            named = result if registered.creates else locked
            record(registered.event, actor=actor, target=named, reason=reason, **noted)
    except (AlreadyDelivered, NotRecorded):
        raise
    except PortalError as error:
        record(registered.event, actor=by, target=target, outcome=Outcome.REFUSED, reason=str(error), **noted)
        raise
    finally:
        _details.reset(token)
    return result


def _record_break(event: str, by: Actor, target: models.Model, error: Exception) -> None:
    """Nothing of it was kept; who tried stays. Only the error's class is said: its text may hold anything."""
    is_database_gone = isinstance(error, InterfaceError | PoolTimeout) or (
        isinstance(error, OperationalError) and getattr(error.__cause__, "sqlstate", None) is None
    )
    if is_database_gone:  # nobody waits for it a second time
        return
    with suppress(NotRecorded):  # the error itself goes on, and says more
        record(event, actor=by, target=target, outcome=Outcome.ERROR, error=type(error).__name__)


def _lock(target: models.Model) -> models.Model:
    """The target, held; where its model names what it is `held_under`, that row first, so that rivals queue there."""
    if parent := getattr(target._meta.model, "held_under", ""):
        field: Any = target._meta.get_field(parent)
        over = field.related_model._base_manager.filter(pk=getattr(target, field.attname))
        over.select_for_update(no_key=True, of=("self",)).first()
    manager = target._meta.model._base_manager  # by _meta, since request.user is a lazy stand-in for its member
    locked = manager.select_for_update(no_key=True, of=("self",)).filter(pk=target.pk).first()
    if locked is None:
        raise NotFound("This no longer exists. Go back and look again.")
    return locked


def _decide(registered: Command, actor: Actor, locked: models.Model) -> None:
    decision = _standing(registered, actor) and _permission(registered, actor, locked)
    if not decision:
        raise NotAllowed(decision.reason)
    if registered.fresh and not isinstance(actor, SystemActor) and not proved_recently():
        raise NeedsFreshFactor(STALE)


def _standing(registered: Command, actor: Actor) -> Decision:
    return YES if registered.any_standing else actor.standing()


def _permission(registered: Command, actor: Actor, target: models.Model) -> Decision:
    if isinstance(actor, SystemActor):
        return actor.may_do(registered.event)
    return registered.policy(actor, target)


def proved_recently() -> bool:
    """Whether the person behind this request showed a factor within settings.FRESH_FACTOR."""
    age = current_source().auth.get("age_s")
    return age is not None and age <= settings.FRESH_FACTOR.total_seconds()


def _worked(work: Callable[..., Any], locked: models.Model, actor: Actor, details: dict[str, Any]) -> Any:
    """The work itself; a broken constraint becomes the sentence that the constraint carries."""
    try:
        with transaction.atomic():
            return work(locked, by=actor, **details)
    except IntegrityError as error:
        sentence = _sentence_of(error)
        if sentence is None:
            raise
        raise Invalid(sentence) from error


def _sentence_of(error: IntegrityError) -> str | None:
    """The violation_error_message of the constraint that PostgreSQL names, if it was given one."""
    from django.apps import apps

    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    for model in apps.get_models():
        for constraint in model._meta.constraints:
            default = constraint.default_violation_error_message
            if constraint.name == name and constraint.violation_error_message != default:
                return str(constraint.violation_error_message)
    return None


def _tried_again(attempt: Callable[[], Any]) -> Any:
    """Run it; after a deadlock run it again from the start, since nothing of it was kept."""
    for remaining in reversed(range(ATTEMPTS)):
        try:
            return attempt()
        except OperationalError as error:
            inside_transaction = transaction.get_connection().in_atomic_block
            retryable = isinstance(error.__cause__, pg.DeadlockDetected | pg.SerializationFailure)
            if not retryable or not remaining or inside_transaction:
                raise
            # The rival needs a moment to take what this one let go, or both meet again at the same door.
            time.sleep(random.uniform(0.01, 0.05) * (ATTEMPTS - remaining))  # noqa: S311  (no secret hangs on it)
    raise AssertionError("unreachable")
