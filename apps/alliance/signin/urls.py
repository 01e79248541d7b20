"""Addresses of the account, below the alliance's own names."""

from django.urls import path

from apps.alliance.signin import account_views, factor_views, provider_views, views

urlpatterns = [
    path("account/", account_views.account, name="account"),
    path("account/second-factor/", factor_views.factor_setup, name="factor_setup"),
    path("account/sessions/<int:pk>/end/", account_views.session_end, name="session_end"),
    path("people/<uuid:pk>/reset-factors/", account_views.person_factors_reset, name="person_factors_reset"),
    path("invitation/<str:token>/", account_views.invitation_accept, name="invitation_accept"),
    path("demo/sign-in/", views.demo_sign_in, name="demo_sign_in"),
    path("centers/<slug:slug>/sign-in/", provider_views.identity_provider, name="identity_provider"),
    path("centers/<slug:slug>/sign-in/end/", provider_views.identity_provider_end, name="identity_provider_end"),
]
