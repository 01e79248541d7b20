"""Where allauth asks for the portal's own ways: signing in, second factors."""

from typing import Any, NoReturn

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal import ratelimit
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from apps.alliance.models import Member
from apps.alliance.signin import events, identity, sessions, words
from apps.alliance.signin.backends import member_with
from apps.alliance.signin.proofs import FACTORS, has_factor, member_of, proved_lately
from apps.alliance.signin.throttle import Throttled, Try
from apps.alliance.signin.vault import seal, unseal
from apps.core import error_pages
from apps.core.errors import NotAllowed
from apps.core.middleware import client_address
from apps.core.notices import tell


class AccountAdapter(DefaultAccountAdapter):
    """Sign-in by e-mail address and password, by the portal's rules."""

    error_messages = DefaultAccountAdapter.error_messages | words.ACCOUNT_ERRORS

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """People join by invitation."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request)

    # ── proving who one is ───────────────────────────────────────────────────────────────────────────────────────────
    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the try before the password is looked at; raises Throttled."""
        email = str(credentials.get("email", ""))
        self._login_failed_rl_usage = ratelimit.consume(request, app="allauth.account", action="login_failed")
        self._try = Try(request, email)
        try:
            if not self._login_failed_rl_usage:
                raise Throttled("Too many failed tries from your address. Wait a minute, then try again.")
            address = client_address(request)
            self._try.begin(is_known_address=lambda: sessions.came_from_before(member_with(email), address))
        except Throttled as error:
            events.refused(request, member_with(email), str(error))
            raise

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Member | None:
        member = super().authenticate(request, **credentials)
        if isinstance(member, Member):
            self._try.succeeded()
            return member
        return None

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        events.refused(request, member_with(str(credentials.get("email", ""))), "E-mail address or password not right")

    def get_login_stages(self) -> list[str]:
        """A second factor after each sign-in. In the demo, becoming an invented person asks for none."""
        if settings.DEMO and getattr(self.request, "becomes_demo_person", False):
            return []
        return ["allauth.mfa.stages.AuthenticateStage", "apps.alliance.signin.identity.FromCenter"]

    # ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def pre_login(self, request: HttpRequest, user: Any, **others: Any) -> HttpResponse | None:
        """Whoever may not act does not get in, however they proved who they are."""
        self._demand_standing(request, user)
        return None

    def login(self, request: HttpRequest, user: Any) -> None:
        """Open the session and record it. The standing is asked again: the second factor may have taken a while."""
        self._demand_standing(request, user)
        try:
            with transaction.atomic():
                identity.tie(request, user)
                super().login(request, user)
                sessions.begin(request)
                events.saw(events.SESSION_OPENED, request, user)
        except NotAllowed as error:
            self._refuse(request, user, str(error))

    def logout(self, request: HttpRequest) -> None:
        """Close the session and record it."""
        member = member_of(request)
        if member:
            events.saw(events.SESSION_CLOSED, request, member, why="signed out")
        sessions.forget(request.session.session_key)
        super().logout(request)

    def _demand_standing(self, request: HttpRequest, member: Member) -> None:
        decision = member.may_enter()
        if not decision:
            self._refuse(request, member, decision.reason)

    def _refuse(self, request: HttpRequest, member: Member, reason: str) -> NoReturn:
        events.refused(request, member, reason)
        request.session.flush()
        raise ImmediateHttpResponse(error_pages.answer(request, 403, reason))

    # ── proving it again ─────────────────────────────────────────────────────────────────────────────────────────────
    def is_reauthentication_required(self, *, app: str, **others: Any) -> bool:
        request = self.request
        member = member_of(request) if request else None
        return request is None or member is None or not proved_lately(request, member)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, str]]:
        """A factor where there is one, a passkey before a code; the password only while no factor is set up."""
        if not isinstance(user, Member):
            return []
        if not has_factor(user):
            return [_way("reauthenticate", "Use your password", "account_reauthenticate")]
        kinds = set(Authenticator.objects.filter(user=user, type__in=FACTORS).values_list("type", flat=True))
        ways = []
        if Authenticator.Type.WEBAUTHN in kinds:
            ways.append(_way("mfa_reauthenticate:webauthn", "Use a passkey", "mfa_reauthenticate_webauthn"))
        described = "Use your authenticator app" if Authenticator.Type.TOTP in kinds else "Use a recovery code"
        return [*ways, _way("mfa_reauthenticate", described, "mfa_reauthenticate")]

    # ── changes and what is said of them ─────────────────────────────────────────────────────────────────────────────
    def set_password(self, user: Any, password: str) -> None:
        """Change the password, end every other session, record both: all or nothing."""
        request = self.request
        assert request is not None
        with transaction.atomic():
            user.set_password(password)
            user.save(update_fields=["password"])
            ended = sessions.end_sessions(user, but=request.session.session_key)
            events.saw(events.PASSWORD_CHANGED, request, user, sessions_ended=ended)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("alliance:account")

    def send_notification_mail(
        self, template_prefix: str, user: Any, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """Tell the member in the portal and by mail, through the outbox: a slow mail server delays nobody."""
        if template_prefix not in words.NOTICES:
            return
        subject, first = words.NOTICES[template_prefix]
        now = timezone.now()
        place = client_address(self.request) if self.request else "an unknown address"
        with transaction.atomic():
            tell(
                user,
                key=f"{template_prefix}:{now.isoformat()}",
                subject=subject,
                text=(
                    f"{first}\n\nThis was on {now:%-d %b %Y, %H:%M} UTC, from {place}. If it was not you, set a new "
                    "password at once and tell your center's managers."
                ),
                path=reverse("alliance:account"),
            )

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        """Say it in the portal's words; allauth's other messages stay unsaid."""
        said = message or words.MESSAGES.get(message_template or "")
        if said:
            messages.add_message(request, level, said, extra_tags=extra_tags)


def _way(key: str, description: str, name: str) -> dict[str, str]:
    return {"id": key, "description": description, "url": reverse(name)}


class FactorAdapter(DefaultMFAAdapter):
    """Second factors: their secrets lie encrypted, and nobody removes their last."""

    error_messages = DefaultMFAAdapter.error_messages | words.FACTOR_ERRORS

    def encrypt(self, text: str) -> str:
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text)

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        others = Authenticator.objects.filter(user_id=authenticator.user_id, type__in=FACTORS)
        return others.exclude(pk=authenticator.pk).exists()

    def generate_authenticator_name(self, user: Any, type: Authenticator.Type) -> str:
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return f"Passkey {count + 1}" if count else "Passkey"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return super().get_public_key_credential_rp_entity() | {"name": settings.MFA_TOTP_ISSUER}
