"""Wiring only, no domain words."""

from caia_portal.celery import app as celery_app

__all__ = ["celery_app"]
