"""The ASGI door that uvicorn serves."""

import os

from django.core.asgi import get_asgi_application

from apps.core.bodies import bounded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "caia_portal.settings")
_portal = get_asgi_application()

from apps.catalog.rooms import room_of  # noqa: E402  (Django is set up only now)

application = bounded(_portal, more=room_of)
