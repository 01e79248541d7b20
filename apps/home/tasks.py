"""Celery's door into the watch over the record."""

from celery import shared_task

from apps.home import watch


@shared_task(name="home.watch_record")
def watch_record() -> None:
    """Look whether the record keeps up, and tell those who must look when it does not."""
    watch.tell_of_troubles()


@shared_task(name="home.verify_newest")
def verify_newest() -> None:
    """Verify what came last, every minute."""
    watch.verify_newest()


@shared_task(name="home.verify_whole", soft_time_limit=7200, time_limit=7260)
def verify_whole() -> None:
    """Verify all of the record, every night; ten million entries take some minutes."""
    watch.verify_whole()
