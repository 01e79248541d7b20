"""What every spawner of ours knows of a start: the run that the portal named, and what its gateway is told."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.spawner import SpawnException

_RUN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def run_of(spawner: Any) -> str:
    """The portal's name for the run; refused where somebody else asks for a start."""
    run = str(spawner.user_options.get("run", ""))
    if not _RUN.fullmatch(run):
        raise refused("Workspaces are started from the project's page in the portal.")
    return run


def order_of(spawner: Any, run: str) -> dict[str, Any]:
    """The run, where browsers find it, and its gateway's own secret at the Hub."""
    around = spawner.get_env()
    public = urlsplit(spawner.user.host or spawner.hub.public_host)
    return {
        "run": run,
        "name": spawner.name,
        "prefix": around["JUPYTERHUB_SERVICE_PREFIX"],
        "origin": f"{public.scheme}://{public.netloc}",
        "hub": {
            "api_url": around["JUPYTERHUB_API_URL"],
            "client_id": around["JUPYTERHUB_CLIENT_ID"],
            "token": around["JUPYTERHUB_API_TOKEN"],
            "authorize_url": f"{spawner.hub.public_host}{spawner.hub.base_url}api/oauth2/authorize",
            "scopes": json.loads(around["JUPYTERHUB_OAUTH_ACCESS_SCOPES"]),
        },
    }


def refused(words: str) -> SpawnException:
    """Not started; whoever waits reads the words."""
    return SpawnException(words, reason="refused", status_code=409)
