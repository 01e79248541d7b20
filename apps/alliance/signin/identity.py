"""Signing in through a center's own OpenID Connect provider: only for people whom that center has here already.

What ties a person at the provider to a member is the provider's subject identifier, kept from the first sign-in on; an
address that the provider later gives to somebody else opens nothing. It is tied once the sign-in is complete, with the
second factor: a provider that names the wrong person ties nothing. Claims are looked at and not stored.
"""

from typing import Any, NoReturn

import requests
from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.account.stages import LoginStage
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from apps.alliance.models import Center, Member
from apps.alliance.selectors import open_invitation
from apps.alliance.services.people import accept_invitation
from apps.alliance.signin import events
from apps.alliance.signin.backends import member_with
from apps.alliance.signin.gateways import outward
from apps.alliance.signin.proofs import has_factor, member_of
from apps.alliance.signin.services import PROVIDER
from apps.alliance.signin.vault import unseal
from apps.core.errors import NotAllowed

FROM = "from_center"  # in the state of a sign-in: who came back from which provider


class SeenLogin(SocialLogin):
    """Somebody back from their provider. allauth would write the account anew each time; here nothing changes."""

    account: SocialAccount

    def lookup(self) -> None:
        self._did_authenticate_by_email = None
        known = SocialAccount.objects.filter(provider=self.account.provider, uid=self.account.uid).first()
        if known:
            known.extra_data = self.account.extra_data
            self.account, self.user = known, known.user


class CenterOpenID(OpenIDConnectOAuth2Adapter):
    """allauth's part of OpenID Connect, with the login above."""

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **others: Any) -> SeenLogin:
        login = super().complete_login(request, app, token, **others)
        return SeenLogin(user=login.user, account=login.account, provider=login.provider)


class FromCenter(LoginStage):
    """The last stage of a sign-in: says to the adapter who came back from a provider, if anybody did."""

    key = "from_center"

    def handle(self) -> tuple[None, bool]:
        self.request.from_center = self.login.state.get(FROM)
        return None, True


class CenterIdentityAdapter(DefaultSocialAccountAdapter):
    """Who comes back from a center's provider, and whether they get in."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def authenticate_by_email(self, sociallogin: SocialLogin) -> None:
        """allauth shall not match by address; member_for does, under more conditions."""

    def list_apps(self, request: HttpRequest, provider: Any = None, client_id: Any = None) -> list[SocialApp]:
        """The providers, with their secrets readable for as long as this request takes."""
        apps: list[SocialApp] = super().list_apps(request, provider=provider, client_id=client_id)
        for app in apps:
            app.secret = unseal(app.settings["sealed_secret"])
        return apps

    def get_requests_session(self) -> requests.Session:
        """With allauth's timeout, and only to where a provider can be."""
        return outward(super().get_requests_session())

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> NoReturn:
        """Decide here and nowhere else; allauth's own ways to connect accounts and to sign up are never reached."""
        center = Center.objects.get(slug=sociallogin.account.provider)
        try:
            member = member_for(sociallogin, center)
        except NotAllowed as error:
            events.refused(request, None, str(error), center=str(center.pk))
            raise ImmediateHttpResponse(refusal(request, center, str(error))) from error
        raise ImmediateHttpResponse(_sign_in(request, sociallogin, member))

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> NoReturn:
        center = Center.objects.get(slug=provider.app.provider_id)
        words = f"{center}'s sign-in service did not let you through, or took too long. Try again from the start."
        events.refused(
            request, None, words, center=str(center.pk), error=type(exception).__name__ if exception else str(error)
        )
        raise ImmediateHttpResponse(refusal(request, center, words))


def member_for(sociallogin: SocialLogin, center: Center) -> Member:
    """The member whom the provider vouches for; raises NotAllowed with the sentence that the person reads."""
    claims = _claims(sociallogin, center)
    if sociallogin.account.pk:
        member = Member.objects.select_related("center").get(pk=sociallogin.account.user_id)
        _demand_factor(member, center)
    else:
        member = _by_address(claims, center)
        _demand_untied(member, center)
        _let_join(member, center)
    if member.center_id != center.pk:
        raise NotAllowed(f"You belong to {member.center} here, so {center}'s sign-in service can't let you in.")
    return member


def providers() -> list[tuple[Center, SocialApp]]:
    """The centers that may act now and have a provider connected, by name."""
    apps = {app.provider_id: app for app in SocialApp.objects.filter(provider=PROVIDER)}
    centers = Center.objects.filter(slug__in=apps, status__in=[Center.Status.ACTIVE, Center.Status.APPLICANT])
    return [(center, apps[center.slug]) for center in centers.order_by("short_name")]


def _claims(sociallogin: SocialLogin, center: Center) -> dict[str, Any]:
    """What the provider says of the person; both of its answers must be about the same one."""
    answer = sociallogin.account.extra_data
    token, told = answer.get("id_token") or {}, answer.get("userinfo") or {}
    if not token or (told and told.get("sub") != token.get("sub")):
        raise NotAllowed(
            f"{center}'s sign-in service gave two different answers about who you are. Tell your IT department."
        )
    return {**token, **told}


def _by_address(claims: dict[str, Any], center: Center) -> Member:
    email = str(claims.get("email") or "").strip().lower()
    if not email or claims.get("email_verified") not in (True, "true"):
        raise NotAllowed(
            f"{center}'s sign-in service did not confirm your e-mail address, so the portal can't tell who you are. "
            "Your IT department can change that."
        )
    if not center.is_home_of(email):
        raise NotAllowed(f"{email.rpartition('@')[2]} is not one of {center}'s e-mail domains in the portal.")
    member = member_with(email)
    if member is None or member.center_id != center.pk:
        raise NotAllowed(f"{center} has no member with your address here. Its center managers can invite you.")
    return member


def tie(request: HttpRequest, member: Member) -> None:
    """With a sign-in that is complete: from now on this subject of the provider is this member, if it was not before.

    Raises NotAllowed where the provider was changed meanwhile, or somebody else was tied.
    """
    seen = getattr(request, "from_center", None)
    if not seen:
        return
    center = Center.objects.select_for_update(no_key=True).get(slug=seen["center"])  # one tie of a provider at a time
    tied = SocialAccount.objects.filter(provider=center.slug)
    if tied.filter(user=member, uid=seen["subject"]).exists():
        return
    if _issuer(center.slug) != seen["issuer"] or tied.filter(uid=seen["subject"]).exists():
        raise NotAllowed(f"{center}'s sign-in service was changed meanwhile. Try again from the start.")
    _demand_untied(member, center)
    SocialAccount.objects.create(user=member, provider=center.slug, uid=seen["subject"])
    events.saw(events.IDENTITY_TIED, request, member, center=str(center.pk))


def _demand_untied(member: Member, center: Center) -> None:
    if SocialAccount.objects.filter(user=member, provider=center.slug).exists():
        raise NotAllowed(
            f"{center}'s sign-in service knows you as somebody else than before. "
            "Ask your center's managers to look into it."
        )


def _let_join(member: Member, center: Center) -> None:
    """Joins them, if an invitation is open. Whoever joined before must have a factor."""
    if member.status == Member.Status.ACTIVE:
        _demand_factor(member, center)
    invitation = open_invitation(member)
    if member.status == Member.Status.INVITED and invitation and invitation.is_open(timezone.now()):
        accept_invitation(member, by=member, invitation=invitation, name=member.name)
        member.refresh_from_db()
    if not (decision := member.may_enter()):
        raise NotAllowed(decision.reason)


def _issuer(slug: str) -> str:
    app = SocialApp.objects.filter(provider=PROVIDER, provider_id=slug).first()
    return str(app.settings["server_url"]) if app else ""


def _demand_factor(member: Member, center: Center) -> None:
    """Whoever joined before shows a factor after this; without one, a provider's word would be all that is asked.

    Else a center's manager could connect a provider of their own, reset a colleague's factors, and be that colleague.
    """
    if not has_factor(member):
        raise NotAllowed(
            f"You have no second factor now, and {center}'s sign-in service alone can't let you in. Sign in with your "
            "password and set one up. Without a password, use “Forgotten your password?” on the sign-in page."
        )


def _sign_in(request: HttpRequest, sociallogin: SocialLogin, member: Member) -> HttpResponse:
    """Go on as after a password: the second factor, then the session."""
    if member_of(request):
        get_account_adapter(request).logout(request)
    record_authentication(
        request, member, "socialaccount", provider=sociallogin.account.provider, uid=sociallogin.account.uid
    )
    slug = sociallogin.account.provider
    state = {FROM: {"center": slug, "issuer": _issuer(slug), "subject": sociallogin.account.uid}}
    return perform_login(request, Login(user=member, redirect_url=sociallogin.state.get("next"), state=state))


def refusal(request: HttpRequest, center: Center, words: str) -> HttpResponse:
    return render(request, "socialaccount/authentication_error.html", {"center": center, "reason": words}, status=403)
