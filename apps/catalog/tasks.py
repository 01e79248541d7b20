"""Celery's doors into the catalog."""

from celery import shared_task

from apps.catalog import ingest


@shared_task(name="catalog.forget_bytes")
def forget_bytes(sha256: str) -> None:
    """Erase the bytes of a file that was taken out of a draft, unless another version holds the same."""
    ingest.forget_bytes(sha256)
