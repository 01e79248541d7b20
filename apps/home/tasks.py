"""Celery's door into the watch over the record."""

from celery import shared_task

from apps.home.watch import tell_of_troubles


@shared_task(name="home.watch_record")
def watch_record() -> None:
    """Look whether the record keeps up, and tell those who must look when it does not."""
    tell_of_troubles()
