"""Signing in: the portal says who somebody is, and nobody else does."""

from __future__ import annotations

from typing import Any

from oauthenticator.generic import GenericOAuthenticator


class PortalAuthenticator(GenericOAuthenticator):
    """OpenID Connect at the portal. Only names that the portal has entered at the Hub come in."""

    async def refresh_user(self, user: Any, handler: Any = None, **more: Any) -> Any:
        """Is somebody still welcome? Whoever never signed in here can't be asked about by a token of theirs.

        Then it is the portal itself that starts their workspace; it has decided a moment ago, and the host asks again.
        """
        if not await user.get_auth_state():
            return True
        return await super().refresh_user(user, handler, **more)
