"""The portal's settings, with one task more: an effect that the chaos test can count."""

from caia_portal.settings import *  # noqa: F403

CELERY_IMPORTS = ["tests.chaos.tasks"]
