"""Addresses at the door, under the names that allauth's code asks for. What is not here does not exist."""

from collections.abc import Callable

from django.http import HttpResponseBase
from django.urls import path, re_path
from django.views import View
from django.views.decorators.http import require_http_methods

from apps.alliance.signin import account_views, factor_views, provider_views, views


def _page(view: type[View]) -> Callable[..., HttpResponseBase]:
    """A page at the door: looked at or sent, whatever more its base class knows of PUT and DELETE."""
    return require_http_methods(["GET", "HEAD", "POST"])(view.as_view())


urlpatterns = [
    path("sign-in/", _page(views.SignIn), name="account_login"),
    path("sign-in/second-factor/", _page(views.SecondFactor), name="mfa_authenticate"),
    path("sign-in/passkey/", _page(views.PasskeySignIn), name="mfa_login_webauthn"),
    path("sign-in/center/<slug:provider_id>/", provider_views.provider_leave, name="openid_connect_login"),
    path("sign-in/center/<slug:provider_id>/back/", provider_views.provider_back, name="openid_connect_callback"),
    path("sign-out/", _page(views.SignOut), name="account_logout"),
    path("sign-up/", views.sign_up, name="account_signup"),
    path("password/forgotten/", _page(views.PasswordForgotten), name="account_reset_password"),
    path("password/asked/", views.password_asked, name="account_reset_password_done"),
    re_path(
        r"^password/new/(?P<uidb36>[0-9a-f]{32})-(?P<key>[0-9A-Za-z-]+)/$",
        _page(views.PasswordByLink),
        name="account_reset_password_from_key",
    ),
    path("prove/password/", _page(views.PasswordAgain), name="account_reauthenticate"),
    path("prove/code/", _page(views.FactorAgain), name="mfa_reauthenticate"),
    path("prove/passkey/", _page(views.PasskeyAgain), name="mfa_reauthenticate_webauthn"),
    path("account/password/", _page(views.PasswordChange), name="account_change_password"),
    path("account/sessions/", account_views.session_list, name="usersessions_list"),
    path("account/factors/", factor_views.factor_list, name="mfa_index"),
    path("account/factors/app/", _page(factor_views.AddApp), name="mfa_activate_totp"),
    path("account/factors/app/remove/", _page(factor_views.RemoveApp), name="mfa_deactivate_totp"),
    path("account/factors/passkeys/add/", _page(factor_views.AddPasskey), name="mfa_add_webauthn"),
    path("account/factors/passkeys/<int:pk>/name/", _page(factor_views.RenamePasskey), name="mfa_edit_webauthn"),
    path("account/factors/passkeys/<int:pk>/remove/", _page(factor_views.RemovePasskey), name="mfa_remove_webauthn"),
    path("account/factors/codes/", _page(factor_views.RecoveryCodes), name="mfa_view_recovery_codes"),
    path("account/factors/codes/new/", _page(factor_views.NewRecoveryCodes), name="mfa_generate_recovery_codes"),
]
