"""Addresses at the door, under the names that allauth's code asks for. What is not here does not exist."""

from django.urls import path, re_path

from apps.alliance.signin import account_views, factor_views, provider_views, views

urlpatterns = [
    path("sign-in/", views.SignIn.as_view(), name="account_login"),
    path("sign-in/second-factor/", views.SecondFactor.as_view(), name="mfa_authenticate"),
    path("sign-in/passkey/", views.PasskeySignIn.as_view(), name="mfa_login_webauthn"),
    path("sign-in/center/<slug:provider_id>/", provider_views.provider_leave, name="openid_connect_login"),
    path("sign-in/center/<slug:provider_id>/back/", provider_views.provider_back, name="openid_connect_callback"),
    path("sign-out/", views.SignOut.as_view(), name="account_logout"),
    path("sign-up/", views.sign_up, name="account_signup"),
    path("password/forgotten/", views.PasswordForgotten.as_view(), name="account_reset_password"),
    path("password/asked/", views.password_asked, name="account_reset_password_done"),
    re_path(
        r"^password/new/(?P<uidb36>[0-9a-f]{32})-(?P<key>[0-9A-Za-z-]+)/$",
        views.PasswordByLink.as_view(),
        name="account_reset_password_from_key",
    ),
    path("prove/password/", views.PasswordAgain.as_view(), name="account_reauthenticate"),
    path("prove/code/", views.FactorAgain.as_view(), name="mfa_reauthenticate"),
    path("prove/passkey/", views.PasskeyAgain.as_view(), name="mfa_reauthenticate_webauthn"),
    path("account/password/", views.PasswordChange.as_view(), name="account_change_password"),
    path("account/sessions/", account_views.session_list, name="usersessions_list"),
    path("account/factors/", factor_views.factor_list, name="mfa_index"),
    path("account/factors/app/", factor_views.AddApp.as_view(), name="mfa_activate_totp"),
    path("account/factors/app/remove/", factor_views.RemoveApp.as_view(), name="mfa_deactivate_totp"),
    path("account/factors/passkeys/add/", factor_views.AddPasskey.as_view(), name="mfa_add_webauthn"),
    path("account/factors/passkeys/<int:pk>/name/", factor_views.RenamePasskey.as_view(), name="mfa_edit_webauthn"),
    path("account/factors/passkeys/<int:pk>/remove/", factor_views.RemovePasskey.as_view(), name="mfa_remove_webauthn"),
    path("account/factors/codes/", factor_views.RecoveryCodes.as_view(), name="mfa_view_recovery_codes"),
    path("account/factors/codes/new/", factor_views.NewRecoveryCodes.as_view(), name="mfa_generate_recovery_codes"),
]
