"""The ASGI door that uvicorn serves."""

import os

from django.core.asgi import get_asgi_application

from apps.core.bodies import bounded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "caia_portal.settings")
application = bounded(get_asgi_application())
