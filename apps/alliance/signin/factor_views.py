"""The pages of second factors: set up the first, add, rename and remove others, recovery codes."""

from typing import Any

from allauth.mfa import app_settings
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as app
from allauth.mfa.webauthn import views as passkey
from allauth.mfa.webauthn.internal import auth
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.generic.edit import FormView

from apps.alliance.models import Member
from apps.alliance.signin import events, words
from apps.alliance.signin.adapters import FactorAdapter
from apps.alliance.signin.factors import spend
from apps.alliance.signin.forms import AddAppForm, AddPasskeyForm, RenamePasskeyForm
from apps.alliance.signin.proofs import has_factor, member_of
from apps.alliance.signin.sessions import end_sessions


@require_safe
@login_required
def factor_setup(request: HttpRequest) -> HttpResponse:
    """Why a second factor, and which of the two to set up."""
    member = member_of(request)
    if member is not None and has_factor(member):
        return redirect("mfa_index")
    return render(request, "mfa/setup.html")


@require_safe
@login_required
@never_cache
def factor_list(request: HttpRequest) -> HttpResponse:
    """The factors of the member, and what can be done with each."""
    return render(request, "mfa/index.html", factors_of(request.user))


def factors_of(member: Any) -> dict[str, Any]:
    """The member's app, passkeys and recovery codes, for a page."""
    rows = list(Authenticator.objects.filter(user=member).order_by("created_at"))
    recovery = next((row for row in rows if row.type == Authenticator.Type.RECOVERY_CODES), None)
    return {
        "app": next((row for row in rows if row.type == Authenticator.Type.TOTP), None),
        "passkeys": [row for row in rows if row.type == Authenticator.Type.WEBAUTHN],
        "recovery": recovery,
        "codes_left": len(recovery.wrap().get_unused_codes()) if recovery else 0,
        "codes_total": app_settings.RECOVERY_CODE_COUNT,
    }


class _Add:
    """What follows when a factor is added: it counts as shown, and a first one ends the sessions opened without."""

    request: HttpRequest

    def noted(self, member: Member, row: Authenticator, was_first: bool) -> None:
        post_authentication(self.request, row, reauthenticated=True)
        ended = end_sessions(member, but=self.request.session.session_key) if was_first else 0
        events.saw(events.FACTOR_ADDED, self.request, member, kind=str(row.type), sessions_ended=ended)

    def layout(self) -> dict[str, str]:
        """Without the rail while there is no factor, since the rail leads nowhere yet."""
        member = member_of(self.request)
        enrolled = member is not None and has_factor(member)
        return {"layout": "layouts/page.html" if enrolled else "layouts/focus.html"}


class AddApp(_Add, app.ActivateTOTPView):
    """Show the app the secret, and let it prove that it has it."""

    form_class = AddAppForm
    template_name = "mfa/totp/activate_form.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | self.layout()

    def form_valid(self, form: Any) -> HttpResponse:
        member = self.request.user
        assert isinstance(member, Member)
        was_first = not has_factor(member)
        with transaction.atomic():
            response: HttpResponse = super().form_valid(form)
            row = Authenticator.objects.select_related("user").get(user=member, type=Authenticator.Type.TOTP)
            spend(row, form.step)
            self.noted(member, row, was_first)
        return response


class RemoveApp(app.DeactivateTOTPView):
    """Take the authenticator app away, if another factor stays."""

    template_name = "mfa/totp/deactivate_form.html"

    def form_valid(self, form: forms.Form) -> HttpResponse:
        with transaction.atomic():
            response: HttpResponse = super().form_valid(form)
            events.saw(events.FACTOR_REMOVED, self.request, self.request.user, kind="totp")
        return response


class AddPasskey(_Add, passkey.AddWebAuthnView):
    """Make a passkey on this device."""

    form_class = AddPasskeyForm
    template_name = "mfa/webauthn/add_form.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = FormView.get_context_data(self, **kwargs)
        options = auth.begin_registration(self.request.user, True)
        return context | {"js_data": {"creation_options": options}} | self.layout()

    def form_valid(self, form: Any) -> HttpResponse:
        member = self.request.user
        assert isinstance(member, Member)
        was_first = not has_factor(member)
        with transaction.atomic():
            response: HttpResponse = super().form_valid(form)
            rows = Authenticator.objects.select_related("user").filter(user=member, type=Authenticator.Type.WEBAUTHN)
            self.noted(member, rows.latest("pk"), was_first)
        return response


class RenamePasskey(passkey.EditWebAuthnView):
    """Another name for a passkey."""

    form_class = RenamePasskeyForm
    template_name = "mfa/webauthn/edit_form.html"
    success_url = reverse_lazy("mfa_index")

    def form_valid(self, form: Any) -> HttpResponse:
        with transaction.atomic():
            response: HttpResponse = super().form_valid(form)
            events.saw(events.FACTOR_RENAMED, self.request, self.request.user, kind="webauthn")
        return response


class RemovePasskey(passkey.RemoveWebAuthnView):
    """Take a passkey away, if another factor stays."""

    template_name = "mfa/webauthn/authenticator_confirm_delete.html"
    success_url = reverse_lazy("mfa_index")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        removable = FactorAdapter().can_delete_authenticator(self.object)
        return super().get_context_data(**kwargs) | {"why_not": "" if removable else words.LAST_FACTOR}

    def form_valid(self, form: forms.Form) -> HttpResponse:
        if not FactorAdapter().can_delete_authenticator(self.object):
            messages.error(self.request, words.LAST_FACTOR)
            return redirect(reverse("mfa_index"))
        with transaction.atomic():
            response: HttpResponse = super().form_valid(form)
            events.saw(events.FACTOR_REMOVED, self.request, self.request.user, kind="webauthn")
        return response


class RecoveryCodes(codes.ViewRecoveryCodesView):
    """The recovery codes, readable once."""

    template_name = "mfa/recovery_codes/index.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        if context["can_view_codes"]:
            events.saw(events.CODES_SHOWN, self.request, self.request.user)
        return context


class NewRecoveryCodes(codes.GenerateRecoveryCodesView):
    """Make new recovery codes; the former ones stop working."""

    template_name = "mfa/recovery_codes/generate.html"

    def form_valid(self, form: forms.Form) -> HttpResponse:
        with transaction.atomic():
            response: HttpResponse = super().form_valid(form)
            events.saw(events.CODES_RENEWED, self.request, self.request.user)
        return response
