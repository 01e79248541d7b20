"""The portal's settings as in production, but for the static files, which a benchmark does not need."""

from caia_portal.settings import *  # noqa: F403
from caia_portal.settings import STORAGES

STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
