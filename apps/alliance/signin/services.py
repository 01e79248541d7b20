"""Commands of the door: a center's identity provider, and a way back for those who lost their second factor."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp
from django.utils import timezone

from apps.alliance import policies as may
from apps.alliance.models import Center, Member
from apps.alliance.signin.sessions import end_sessions
from apps.alliance.signin.vault import seal
from apps.core.commands import command, note
from apps.core.errors import Invalid, WrongState
from apps.core.notices import tell

PROVIDER = "openid_connect"


@command("alliance.identity_provider.connected", policy=may.may_manage_center, fresh=True)
def connect_identity_provider(center: Center, *, by: Any, issuer: str, client_id: str, client_secret: str) -> None:
    """Let the center's people sign in through its own OpenID Connect provider."""
    issuer = issuer.rstrip("/")
    if not issuer.startswith(("https://", "http://")):
        raise Invalid(fields={"issuer": "The issuer is an address that begins with https://"})
    before = SocialApp.objects.filter(provider=PROVIDER, provider_id=center.slug).first()
    if before and before.settings.get("server_url") != issuer:
        SocialAccount.objects.filter(provider=center.slug).delete()  # another provider counts its people anew
    SocialApp.objects.update_or_create(
        provider=PROVIDER,
        provider_id=center.slug,
        defaults={
            "name": center.short_name,
            "client_id": client_id,
            "secret": "",
            "settings": {"server_url": issuer, "oauth_pkce_enabled": True, "sealed_secret": seal(client_secret)},
        },
    )
    note(issuer=issuer, client_id=client_id)


@command("alliance.identity_provider.disconnected", policy=may.may_manage_center, fresh=True)
def disconnect_identity_provider(center: Center, *, by: Any) -> None:
    """End signing in through the center's provider; passwords and passkeys stay."""
    deleted, _ = SocialApp.objects.filter(provider=PROVIDER, provider_id=center.slug).delete()
    if not deleted:
        raise WrongState(f"{center} has no identity provider connected.")
    SocialAccount.objects.filter(provider=center.slug).delete()


def begin_anew(member: Member) -> None:
    """Forget how somebody signed in who left and is invited again: a shared step of several commands."""
    Authenticator.objects.filter(user=member).delete()
    SocialAccount.objects.filter(user=member).delete()
    member.set_unusable_password()


@command("alliance.factor.reset", policy=may.may_manage_member, fresh=True)
def reset_factors(member: Member, *, by: Any, reason: str) -> None:
    """Remove a member's second factors, since they lost them; they set up a new one at their next sign-in."""
    removed, _ = Authenticator.objects.filter(user=member).delete()
    if not removed:
        raise WrongState(f"{member} has no second factor now, and sets one up at the next sign-in.")
    note(removed=removed, sessions_ended=end_sessions(member))
    tell(
        member,
        key=f"factors-reset:{member.pk}:{timezone.now().isoformat()}",
        subject="Your second factor was reset",
        text=(
            f"{by} removed your authenticator app, passkeys and recovery codes: {reason}\n\nSign in with your password "
            "to set up a new one. If you did not ask for this, tell your center's other managers at once."
        ),
    )
