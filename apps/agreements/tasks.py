"""Celery's doors into the agreements: the clock's duties."""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from celery import shared_task

from apps.agreements import selectors
from apps.agreements.actors import AGREEMENTS_CLOCK
from apps.agreements.models import AgreementVersion
from apps.agreements.services import keeping
from apps.core.errors import PortalError

BATCH = 500


@shared_task(name="agreements.keep_dates")
def keep_dates() -> None:
    """Write down what began, was superseded or expired; whoever asks meanwhile is answered by the dates already."""
    _each(keeping.begin, selectors.to_begin()[:BATCH])
    _each(keeping.supersede, selectors.to_supersede()[:BATCH])
    _each(keeping.expire, selectors.to_expire()[:BATCH])


@shared_task(name="agreements.settle")
def settle(pk: str) -> None:
    """The same for one agreement that was just signed, so that nobody waits for the sweep."""
    _each(keeping.begin, selectors.to_begin().filter(agreement=UUID(pk)))
    _each(keeping.supersede, selectors.to_supersede().filter(agreement=UUID(pk)))


@shared_task(name="agreements.remind_of_endings")
def remind_of_endings() -> None:
    """Tell whoever can renew an agreement that it ends in at most 60, 30, 14, 7 or 1 days; each only once."""
    _each(keeping.remind, selectors.to_remind_of()[:BATCH])


def _each(act: Callable[..., Any], versions: Iterable[AgreementVersion]) -> None:
    """A rival may have been faster; the refusal is recorded and the rest goes on."""
    for version in versions:
        try:
            act(version, by=AGREEMENTS_CLOCK)
        except PortalError:
            continue
