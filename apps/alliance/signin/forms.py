"""What people fill in to sign in and to look after their account."""

from typing import Any

from allauth.account import forms as account
from allauth.core import context
from allauth.mfa.adapter import get_adapter as get_factor_adapter
from allauth.mfa.base import forms as factor
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as passkey
from django import forms
from django.core.validators import RegexValidator
from django.db import transaction
from django.http import HttpRequest

from apps.alliance.forms import Line
from apps.alliance.signin import events, factors, sessions
from apps.alliance.signin.backends import member_with
from apps.alliance.signin.throttle import Throttled, Try
from apps.core.middleware import client_address
from apps.core.outbox import later

PASSWORD_HELP = "At least 12 characters; several unusual words in a row are good. Patterns are refused."
CODE_ATTRS = {"autocomplete": "one-time-code", "inputmode": "numeric", "autocapitalize": "off", "spellcheck": "false"}


def _dress(form: forms.BaseForm, **labels: str) -> None:
    """Our labels in place of allauth's, and no placeholders, which vanish as soon as one types."""
    for name, label in labels.items():
        form.fields[name].label = label
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)
        if isinstance(field, account.SetPasswordField):
            field.help_text = PASSWORD_HELP
        elif isinstance(field.widget, forms.PasswordInput):
            field.help_text = ""


class SignInForm(account.LoginForm):
    """E-mail address and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self, login="E-mail address", password="Password")
        self.fields["login"].widget.attrs["autocomplete"] = "username"


class ResetAskedForm(account.ResetPasswordForm):
    """Asks for a link; a known and an unknown address cost the same work and get the same answer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self, email="E-mail address")

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"])

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        email = str(self.cleaned_data["email"])
        member = member_with(email)
        active = member if member and member.is_active else None
        with transaction.atomic():
            events.saw_reset_asked(active)
            later("alliance.mail_password_reset", active.pk if active else "")
        return email


class NewPasswordForm(account.ResetPasswordKeyForm):
    """A new password, by a link from a mail."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self, password1="New password", password2="New password again")


class PasswordForm(account.ChangePasswordForm):
    """A new password by the present one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self, oldpassword="Present password", password1="New password", password2="New password again")


class PasswordAgainForm(account.ReauthenticateForm):
    """The password once more."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self, password="Password")


class _CodeForm(factor.BaseAuthenticateForm):
    """A code of the authenticator app or a recovery code; counted, spent, and recorded when it is wrong."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self, code="Code")
        self.fields["code"].widget.attrs.update(CODE_ATTRS)
        self.fields["code"].help_text = "Six digits of your authenticator app, or one of your recovery codes."

    def clean_code(self) -> str:
        request, code = context.request, str(self.cleaned_data["code"])
        address = client_address(request)
        attempt = Try(request, f"factor:{self.user.pk}")
        try:
            attempt.begin(is_known_address=lambda: sessions.came_from_before(self.user, address))
        except Throttled as error:
            events.refused(request, self.user, str(error))
            raise
        authenticator = factors.opened_by(self.user, code)
        if authenticator is None:
            events.refused(request, self.user, "Code not right")
            raise get_factor_adapter().validation_error("incorrect_code")
        attempt.succeeded()
        authenticator.user = self.user
        self.authenticator = authenticator
        return code


class SecondFactorForm(_CodeForm, factor.AuthenticateForm):
    """The second factor at sign-in."""


class FactorAgainForm(_CodeForm, factor.ReauthenticateForm):
    """A factor once more, before something that matters."""


class _PasskeyForm(passkey.AuthenticateWebAuthnForm):
    """A passkey; recorded when it is refused."""

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()
        except forms.ValidationError:
            events.refused(context.request, self.user, "Passkey not right")
            raise


class PasskeySignInForm(_PasskeyForm, passkey.LoginWebAuthnForm):
    """A passkey instead of everything else."""


class PasskeyFactorForm(_PasskeyForm):
    """A passkey after the password."""


class PasskeyAgainForm(_PasskeyForm, passkey.ReauthenticateWebAuthnForm):
    """A passkey once more, before something that matters."""


class AddAppForm(totp.ActivateTOTPForm):
    """The first code of a new authenticator app, which proves that the app has the secret."""

    step = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self, code="Code from the app")
        self.fields["code"].widget.attrs.update(CODE_ATTRS)

    def clean_code(self) -> str:
        code = "".join(str(self.cleaned_data["code"]).split())
        step = factors.step_of(self.secret, code)
        if step is None:
            raise get_factor_adapter().validation_error("incorrect_code")
        self.step = step
        return code


class AddPasskeyForm(passkey.AddWebAuthnForm):
    """A new passkey: always one that signs in by itself, with the device's own lock."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("passwordless", None)
        _dress(self, name="Name of the passkey")
        self.fields["name"].help_text = "So that you can tell your passkeys apart, such as “Work laptop”."
        self.fields["name"].widget.attrs["maxlength"] = "60"

    def clean_name(self) -> str:
        return super().clean_name()[:60]


class RenamePasskeyForm(passkey.EditWebAuthnForm):
    """Another name for a passkey."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self, name="Name of the passkey")
        self.fields["name"] = forms.CharField(
            label="Name of the passkey", max_length=60, initial=self.initial.get("name")
        )


class BecomeForm(forms.Form):
    """Which invented person to become."""

    member = forms.UUIDField()


class ProfileForm(forms.Form):
    """What a member says of themselves."""

    name = Line(max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    position = Line(
        max_length=120, required=False, widget=forms.TextInput(attrs={"autocomplete": "organization-title"})
    )
    orcid = forms.CharField(
        label="ORCID iD",
        max_length=19,
        required=False,
        help_text="Such as 0000-0002-1825-0097.",
        validators=[
            RegexValidator(
                r"^[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}[0-9X]\Z", "Four groups of four digits; the last may be X."
            )
        ],
    )


class JoinForm(forms.Form):
    """Accepting an invitation: one's name as others shall see it, and a password."""

    name = Line(
        label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}),
        help_text="As others in the alliance shall see it.",
    )  # fmt: skip
    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=256,
        help_text=PASSWORD_HELP,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password_again = forms.CharField(
        label="Password again",
        strip=False,
        max_length=256,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("password") and found.get("password_again") and found["password"] != found["password_again"]:
            self.add_error("password_again", "The two passwords differ.")
        return found


class IdentityProviderForm(forms.Form):
    """What a center's identity provider needs to be known by."""

    issuer = forms.URLField(
        label="Issuer address",
        assume_scheme="https",
        help_text="The OpenID Connect issuer of your center, such as https://login.your-center.org/realms/staff.",
    )
    client_id = forms.CharField(
        label="Client ID", max_length=191, help_text="Given by your identity provider to the portal."
    )
    client_secret = forms.CharField(
        label="Client secret",
        max_length=400,
        strip=True,
        help_text="Kept encrypted and never shown again.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
