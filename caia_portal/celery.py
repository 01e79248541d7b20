"""The Celery application: short background tasks, found in each app's tasks.py."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "caia_portal.settings")
app = Celery("caia")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
