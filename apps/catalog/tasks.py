"""Celery's doors into the catalog."""

from uuid import UUID

from celery import shared_task

from apps.catalog import ingest, looking


@shared_task(name="catalog.forget_bytes")
def forget_bytes(sha256: str) -> None:
    """Erase the bytes of a file that was taken out of a draft, unless another version holds the same."""
    ingest.forget_bytes(sha256)


@shared_task(name="catalog.make_look")
def make_look(pk: str) -> None:
    """Make one first look, unless it was made meanwhile."""
    looking.make(UUID(pk))
