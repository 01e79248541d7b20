"""The workspaces' Hub as the one client of the portal's sign-in, and what is left behind by its questions."""

from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import check_password
from oauth2_provider.models import AccessToken, Application, Grant, clear_expired

from apps.alliance.models import Alliance
from apps.core.actors import only_the_system
from apps.core.commands import command, note
from apps.core.outbox import later
from apps.workspaces.models import Workspace

CLIENT = "hub"


@command("workspaces.hub.registered", policy=only_the_system, creates=Application)
def register(alliance: Alliance, *, by: Any, secret: str, redirect_uri: str) -> Application:
    """Let the Hub at this address ask who signs in; the one that was registered before asks no more."""
    facts = {
        "name": "Workspaces",
        "client_secret": secret,
        "redirect_uris": redirect_uri,
        "client_type": Application.CLIENT_CONFIDENTIAL,
        "authorization_grant_type": Application.GRANT_AUTHORIZATION_CODE,
        "algorithm": Application.RS256_ALGORITHM,
        "skip_authorization": True,  # it is the portal's own
    }
    made, _ = Application.objects.update_or_create(client_id=CLIENT, defaults=facts)
    note(redirect_uri=redirect_uri)
    return made


def is_registered(*, secret: str, redirect_uri: str) -> bool:
    """Whether just this is registered already."""
    found = Application.objects.filter(client_id=CLIENT, redirect_uris=redirect_uri).first()
    return found is not None and check_password(secret, found.client_secret)


def when_session_ends(member: UUID) -> None:
    """Called as a session of the portal ends: whoever signed out has signed out of their workspaces' pages, too."""
    if Workspace.objects.filter(member=member, status=Workspace.Status.OPEN).exists():
        later("workspaces.sign_out_at_hub", member)


def forget_member(member: UUID) -> None:
    """Erase what the Hub was given to ask about this member with."""
    AccessToken.objects.filter(user=member).delete()
    Grant.objects.filter(user=member).delete()


def forget_tokens() -> None:
    """Erase codes and tokens that hold no more."""
    clear_expired()
