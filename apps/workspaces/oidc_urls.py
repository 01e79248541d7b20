from django.urls import path

from apps.workspaces.views import oidc

app_name = "oauth2_provider"  # the name under which django-oauth-toolkit looks for its addresses
urlpatterns = [
    path(".well-known/openid-configuration", oidc.configuration, name="oidc-connect-discovery-info"),
    path(".well-known/jwks.json", oidc.keys, name="jwks-info"),
    path("authorize/", oidc.authorize, name="authorize"),
    path("token/", oidc.token, name="token"),
    path("userinfo/", oidc.userinfo, name="user-info"),
]
