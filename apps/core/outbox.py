"""Effects that follow a change: stored in its transaction, carried by Celery, swept when Redis loses them.

A message has its effect exactly once where that effect is a command: the gate marks the message delivered in the
command's own transaction. An effect outside the database (a mail) may repeat after a crash at the worst moment, so it
carries the message's id for the far side to recognise.
"""

import time
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any

import structlog
from celery import current_app
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerDown

from apps.audit.source import coming_from, current_source
from apps.core.errors import AlreadyDelivered, PortalError, Unavailable
from apps.core.models import Message

LEASE = timedelta(seconds=70)  # longer than the hard time limit of a task
PATIENCE = timedelta(seconds=5)  # what a worker gets before the sweep sends again
MOST_ATTEMPTS = 14
SWEEP = 500

log = structlog.get_logger(__name__)
_current: ContextVar[uuid.UUID | None] = ContextVar("message", default=None)
_broker_rests_until = 0.0  # by the monotonic clock of this process


def later(task: str, *args: Any, not_before: datetime | None = None) -> Message:
    """Have the registered task run once this transaction has committed; `args` are JSON values."""
    message = Message.objects.create(
        task=task,
        args=[str(arg) if isinstance(arg, uuid.UUID) else arg for arg in args],
        next_try_at=not_before or timezone.now(),
        request_id=current_source().request_id,
    )
    if not_before is None:
        transaction.on_commit(lambda: _wake_worker(message.pk))
    return message


def current_message() -> uuid.UUID | None:
    """The message whose effect is being carried out, for the far side to recognise a repeat."""
    return _current.get()


def settle_current() -> None:
    """Mark the message at work delivered within the caller's transaction; raises if it was before."""
    pk = _current.get()
    if pk is None:
        return
    if not Message.objects.filter(pk=pk, delivered_at=None).update(delivered_at=timezone.now(), failed_at=None):
        raise AlreadyDelivered("This message had its effect before.")


def deliver(pk: uuid.UUID) -> bool:
    """Claim the message and carry out its effect; False when another has it or it is done."""
    message = _claim(pk)
    if message is None:
        return False
    with _at_work(message):
        try:
            current_app.tasks[message.task](*message.args)
        except AlreadyDelivered:
            return False
        except Unavailable as error:
            _retry(message, str(error))
            return False
        except PortalError as error:
            _close(message, str(error))
            return False
        except Exception:  # the outer edge: whatever broke is logged, kept with the message and tried again
            log.exception("message_failed", task=message.task)
            _retry(message, traceback.format_exc(limit=3))
            return False
        _close(message, "")
    return True


def waiting(now: datetime) -> list[uuid.UUID]:
    """Messages that are due and in nobody's hands, oldest first, at most SWEEP."""
    due = Message.objects.filter(delivered_at=None, failed_at=None, next_try_at__lte=now - PATIENCE)
    free = due.filter(Q(claimed_until=None) | Q(claimed_until__lt=now))
    return list(free.order_by("next_try_at").values_list("pk", flat=True)[:SWEEP])


def _wake_worker(pk: uuid.UUID) -> None:
    """Tell a worker at once; while the broker is down the sweep does it, and nobody waits for the broker again."""
    global _broker_rests_until
    if time.monotonic() < _broker_rests_until:
        return
    try:
        current_app.send_task("core.deliver", args=[str(pk)], queue="control", retry=False)
    except BrokerDown:
        _broker_rests_until = time.monotonic() + PATIENCE.total_seconds()
        log.warning("broker_down", message=str(pk))


def _claim(pk: uuid.UUID) -> Message | None:
    now = timezone.now()
    unclaimed = Q(claimed_until=None) | Q(claimed_until__lt=now)
    claimed = Message.objects.filter(unclaimed, pk=pk, delivered_at=None, failed_at=None, next_try_at__lte=now).update(
        claimed_until=now + LEASE, attempts=F("attempts") + 1
    )
    return Message.objects.get(pk=pk) if claimed else None


@contextmanager
def _at_work(message: Message) -> Iterator[None]:
    token = _current.set(message.pk)
    try:
        with coming_from(component="worker", request_id=message.request_id):
            yield
    finally:
        _current.reset(token)


def _close(message: Message, words: str) -> None:
    Message.objects.filter(pk=message.pk, delivered_at=None).update(
        delivered_at=timezone.now(), failed_at=None, claimed_until=None, last_error=words
    )


def _retry(message: Message, words: str) -> None:
    """Try again after 2, 4, 8 … seconds, at most an hour; after MOST_ATTEMPTS an operator must look."""
    now = timezone.now()
    wait = timedelta(seconds=min(2**message.attempts, 3600))
    Message.objects.filter(pk=message.pk, delivered_at=None).update(
        claimed_until=None,
        next_try_at=now + wait,
        last_error=words,
        failed_at=now if message.attempts >= MOST_ATTEMPTS else None,
    )
