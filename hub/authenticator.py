"""Signing in: the portal says who somebody is, and nobody else does."""

from __future__ import annotations

from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.scopes import needs_scope
from jupyterhub.utils import new_token
from oauthenticator.generic import GenericOAuthenticator
from tornado import web

from hub.opening import Opening

_OWN = "jupyterhub"  # the client of tokens that no sign-in gave out: the servers' own


class SignedOut(APIHandler):
    """The portal says that a session of somebody's ended: no cookie and no token of theirs opens anything here."""

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    def post(self, name: str) -> None:
        """Their servers run on; who comes by a browser is sent to the portal."""
        user = self.find_user(name)
        if user is None:
            raise web.HTTPError(404)
        person = user.orm_user
        person.cookie_id = new_token()
        for token in person.api_tokens:
            if token.client_id != _OWN:
                self.db.delete(token)
        for code in person.oauth_codes:
            self.db.delete(code)
        self.db.commit()
        self.set_status(204)


class PortalAuthenticator(GenericOAuthenticator):
    """OpenID Connect at the portal. Only names that the portal has entered at the Hub come in."""

    def get_handlers(self, app: Any) -> list[Any]:
        """The Hub's own, the portal's word that somebody signed out, and the page of a workspace that opens."""
        ours = [(r"/api/signed-out/([^/]+)", SignedOut), (r"/spawn-pending/([^/]+)/([^/]+)", Opening)]
        return [*super().get_handlers(app), *ours]

    async def refresh_user(self, user: Any, handler: Any = None, **more: Any) -> Any:
        """Is somebody still welcome? Whoever never signed in here can't be asked about by a token of theirs.

        Then it is the portal itself that starts their workspace; it has decided a moment ago, and the host asks again.
        """
        if not await user.get_auth_state():
            return True
        return await super().refresh_user(user, handler, **more)
