"""The pages at the door: sign in and out, passwords, proving again: allauth's views with the portal's rules."""

from typing import Any
from urllib.parse import urlsplit

from allauth.account import views as account
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.internal.flows.reauthentication import reauthenticate_by_password
from allauth.account.models import Login
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.base import views as factor
from allauth.mfa.webauthn import views as passkey
from allauth.mfa.webauthn.internal.flows import reauthenticate as record_passkey
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import resolve, reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.alliance.models import Member
from apps.alliance.signin import demo, events, words
from apps.alliance.signin.factors import present_code
from apps.alliance.signin.forms import (
    BecomeForm,
    FactorAgainForm,
    NewPasswordForm,
    PasskeyAgainForm,
    PasskeyFactorForm,
    PasskeySignInForm,
    PasswordAgainForm,
    PasswordForm,
    ResetAskedForm,
    SecondFactorForm,
    SignInForm,
)
from apps.alliance.signin.identity import providers
from apps.alliance.signin.proofs import facts, is_open_to, member_of, proved_lately
from apps.audit.source import coming_from


class SignIn(account.LoginView):
    """E-mail address and password, a passkey, or a center's own provider; in the demo also the invented people."""

    form_class = SignInForm
    template_name = "account/login.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["next"] = get_next_redirect_url(self.request) or ""
        context["providers"] = providers()
        context["people_to_become"] = demo.people_to_become() if settings.DEMO else []
        return context


class SecondFactor(factor.AuthenticateView):
    """A code or a passkey, after the password."""

    form_class = SecondFactorForm
    webauthn_form_class = PasskeyFactorForm
    template_name = "mfa/authenticate.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        member = self.stage.login.user
        context["has_passkey"] = bool(context["js_data"]["request_options"]["publicKey"].get("allowCredentials"))
        context["demo_code"] = _demo_code(member)
        return context


class PasskeySignIn(passkey.LoginWebAuthnView):
    """A passkey alone: it is both something one has and something one is or knows."""

    form_class = PasskeySignInForm

    def form_invalid(self, form: forms.Form) -> HttpResponse:
        messages.error(self.request, words.PASSKEY_REFUSED)
        return redirect("account_login")


class SignOut(account.LogoutView):
    """End this session."""

    template_name = "account/logout.html"


# ── proving it again ────────────────────────────────────────────────────────────────────────────────────────────────
class _Again:
    """What the three pages for a fresh proof share. `asks` names the field that their form sends."""

    asks = ""
    request: HttpRequest

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A form that was carried on from here and came back with errors is sent to this address: pass it on."""
        member, back = member_of(request), request.GET.get("next", "")
        strayed = request.method == "POST" and self.asks not in request.POST and get_adapter().is_safe_url(back)
        if strayed and back.startswith("/") and member is not None and proved_lately(request, member):
            request.path = request.path_info = urlsplit(back).path
            found = resolve(request.path_info)
            if not is_open_to(member, found.view_name):
                return redirect("alliance:factor_setup")
            return found.func(request, *found.args, **found.kwargs)
        return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]

    def go_on(self, form: forms.Form) -> HttpResponse:
        """Record the proof and carry out what was suspended, which now sees it."""
        member = member_of(self.request)
        assert member is not None
        events.saw(events.SESSION_PROVED, self.request, member)
        with coming_from(auth=facts(self.request)):
            return account.BaseReauthenticateView.form_valid(self, form)


class PasswordAgain(_Again, account.ReauthenticateView):
    """The password once more, while there is no factor yet."""

    asks = "password"
    form_class = PasswordAgainForm
    template_name = "account/reauthenticate.html"

    def form_valid(self, form: forms.Form) -> HttpResponse:
        reauthenticate_by_password(self.request)
        return self.go_on(form)


class FactorAgain(_Again, factor.ReauthenticateView):
    """A code once more."""

    asks = "code"
    form_class = FactorAgainForm
    template_name = "mfa/reauthenticate.html"

    def form_valid(self, form: Any) -> HttpResponse:
        form.save()
        return self.go_on(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"demo_code": _demo_code(self.request.user)}


class PasskeyAgain(_Again, passkey.ReauthenticateWebAuthnView):
    """A passkey once more."""

    asks = "credential"
    form_class = PasskeyAgainForm
    template_name = "mfa/webauthn/reauthenticate.html"

    def form_valid(self, form: forms.Form) -> HttpResponse:
        record_passkey(self.request, form.cleaned_data["credential"])
        return self.go_on(form)

    def form_invalid(self, form: forms.Form) -> HttpResponse:
        messages.error(self.request, words.PASSKEY_REFUSED)
        return redirect(self.passthrough_next_url(self.request.path))


# ── passwords ───────────────────────────────────────────────────────────────────────────────────────────────────────
class PasswordForgotten(account.PasswordResetView):
    """Ask for a link by mail; the answer is the same for every address."""

    form_class = ResetAskedForm
    template_name = "account/password_reset.html"


class PasswordByLink(account.PasswordResetFromKeyView):
    """Set a new password by a link that works once."""

    form_class = NewPasswordForm
    template_name = "account/password_reset_from_key.html"
    success_url = reverse_lazy("account_login")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        # allauth names the address with the key in it; ours is the one without.
        return super().get_context_data(**kwargs) | {"action_url": self.request.path}


class PasswordChange(account.PasswordChangeView):
    """Change the password by the present one."""

    form_class = PasswordForm
    template_name = "account/password_change.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        member = member_of(request)
        if member is not None and not member.has_usable_password():
            return render(request, "account/password_missing.html")
        return super().dispatch(request, *args, **kwargs)


@require_safe
def password_asked(request: HttpRequest) -> HttpResponse:
    """What happens next after asking for a link."""
    return render(request, "account/password_reset_done.html")


@require_safe
def sign_up(request: HttpRequest) -> HttpResponse:
    """Nobody signs up by themselves: how one is invited."""
    return render(request, "account/signup_closed.html")


# ── demo ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@require_POST
@never_cache
def demo_sign_in(request: HttpRequest) -> HttpResponse:
    """Become an invented person; there is no such page outside the demo."""
    if not settings.DEMO:
        raise Http404
    form = BecomeForm(request.POST)
    pk = form.cleaned_data["member"] if form.is_valid() else None
    member = get_object_or_404(Member.objects.select_related("center"), pk=pk)
    if not demo.may_become(member):
        raise Http404
    if signed_in := member_of(request):
        events.saw(events.SESSION_CLOSED, request, signed_in, why="became an invented person")
        request.session.flush()
    request.becomes_demo_person = True  # type: ignore[attr-defined]
    record_authentication(request, member, method="demo")
    return perform_login(request, Login(user=member, redirect_url=get_next_redirect_url(request)))


def _demo_code(member: Any) -> str:
    """In the demo an invented person's app is shown instead of a phone; everywhere else nothing."""
    return present_code(member) if settings.DEMO and isinstance(member, Member) and demo.is_invented(member) else ""
