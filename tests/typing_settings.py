"""The settings that mypy's Django plugin reads: the portal's own, with an environment in which nothing answers."""

import os

from caia_portal.environment import VARIABLES

for _variable in VARIABLES:
    if _variable.default is None:
        os.environ.setdefault(_variable.name, "x" * 50)
os.environ["CAIA_BASE_URL"] = "http://localhost:8000"
os.environ["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none"

from caia_portal.settings import *  # noqa: E402, F403
