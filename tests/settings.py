"""The portal's settings for tests: the same, with quick hashing and a cache and bucket of its own per worker."""

import os
from urllib.parse import urlsplit, urlunsplit

for _name in ("DATABASE_URL", "REDIS_URL", "S3_ENDPOINT_URL"):
    if _name not in os.environ:
        raise SystemExit(f"{_name} is not set. Tests need real services: run ./caia test, which starts them.")

from apps.workspaces.keys import pem  # noqa: E402
from caia_portal.settings import *  # noqa: E402, F403
from caia_portal.settings import (  # noqa: E402
    CACHES,
    DATABASES,
    ENV,
    OAUTH2_PROVIDER,
    S3_BUCKET,
    STORAGES,
    TEMPLATES,
)

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
_number = int(WORKER.removeprefix("gw") or 0)

PASSWORD_HASHERS = ["tests.quick_hasher.QuickArgon2"]
DATABASES["default"]["OPTIONS"] = {**DATABASES["default"]["OPTIONS"]}
# A slow machine may leave a test's transaction idle for longer than production allows.
DATABASES["default"]["OPTIONS"]["options"] = "-c statement_timeout=60000 -c lock_timeout=30000"
DATABASES["default"]["OPTIONS"].pop("pool", None)  # threads of a test would outlive it in a pool
DATABASES["default"]["CONN_MAX_AGE"] = 0
DATABASES["default"]["TEST"] = {"NAME": f"test_{WORKER}"}
_redis = urlsplit(ENV["REDIS_URL"])
CACHES["default"]["LOCATION"] = urlunsplit(_redis._replace(path=f"/{_number + 1}"))
CELERY_BROKER_URL = CACHES["default"]["LOCATION"]
S3_BUCKET = f"{S3_BUCKET}-{WORKER}"
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
TEMPLATES[0]["OPTIONS"]["debug"] = True

HAS_WORKSPACES = True
HOST_SECRET = "a-host-of-the-tests-shows-these-words"
HUB_API_URL, HUB_TOKEN = "http://127.0.0.1:9/hub/api", "what-the-tests-show-a-hub-that-is-not-there"
HUB_CLIENT_SECRET = "what-a-hub-of-the-tests-shows-the-portal"
WORKSPACES_URL = "http://workspaces.localhost:9"
OAUTH2_PROVIDER["OIDC_RSA_PRIVATE_KEY"] = pem()
