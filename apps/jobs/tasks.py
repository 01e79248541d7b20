"""Celery's doors into jobs: short, and harmless when lost or repeated; a later round finds what is left to do."""

from celery import shared_task

from apps.jobs.services import dispatching, watching


@shared_task(name="jobs.dispatch")
def dispatch() -> None:
    """Start what can start now."""
    dispatching.dispatch_all()


@shared_task(name="jobs.reconcile")
def reconcile() -> None:
    """Give up what is lost, end what stands on nothing, start what can."""
    watching.reconcile()


@shared_task(name="jobs.stop_baseless")
def stop_baseless() -> None:
    """An access ended somewhere: what ran on it ends."""
    watching.stop_baseless()
