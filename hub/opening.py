"""Between the portal's word that a workspace runs and the Hub's way to it lie moments: this page bridges them."""

from __future__ import annotations

from jupyterhub.handlers.base import BaseHandler
from tornado import web

from gateway.headers import STYLE

_PAGE = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Your workspace opens</title>
<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>
<body><main><h1>Your workspace opens</h1><p>One moment. This page looks again each second.</p></main></body></html>
"""


class Opening(BaseHandler):
    """In place of the Hub's own page, which only those may see who may start and stop servers."""

    @web.authenticated
    async def get(self, name: str, server: str = "") -> None:
        """Go in as soon as there is a way; to the portal where nothing starts. Somebody else's is not there."""
        user = self.current_user
        spawner = user.spawners.get(server) if user is not None and user.name == name else None
        if spawner is None:
            raise web.HTTPError(404)
        if spawner.ready:
            self.redirect(self.get_next_url(default=user.server_url(server)))
        elif spawner.pending == "spawn":
            self.set_header("Refresh", "1")
            self.finish(_PAGE)
        else:
            self.redirect(self.hub_default())

    def hub_default(self) -> str:
        """The portal's own page."""
        return str(self.settings["app"].default_url)
