"""The Hub's settings, each for a reason: security.md 4.1. `jupyterhub_config.py` and the cluster's file apply them."""

from __future__ import annotations

import os
from typing import Any

from hub.authenticator import PortalAuthenticator
from hub.told import Told

HOUR = 3600
NAMES = r"^m[0-9a-f]{20}$"

# What somebody who signed in may do at the Hub: know their own name, enter their own servers. Not: start or stop one
# (the portal does), make tokens, share.
PERSON = ["read:users:name!user", "read:users:groups!user", "access:servers!user"]  # a sign-in token tells groups, too
# What the portal's worker may do with its token.
PORTAL = ["admin:users", "servers"]


def configure(c: Any, told: Told) -> None:
    """Set everything but the spawner, which differs between one machine and a cluster."""
    _place(c, told)
    _sign_in(c, told)
    _rights(c, told)


def _place(c: Any, told: Told) -> None:
    hub = c.JupyterHub
    hub.bind_url = told.public  # the proxy's; it is a part of its own
    hub.hub_bind_url = told.api.removesuffix("/hub/api")
    hub.subdomain_host = told.public  # each person's servers on an origin of their own
    hub.db_url = told.driver_url
    hub.upgrade_db = True
    hub.cookie_secret = bytes.fromhex(told.cookie_secret)
    hub.cleanup_servers = False  # a Hub that is restarted or killed ends no workspace
    hub.cleanup_proxy = False
    hub.allow_named_servers = True
    hub.default_url = told.portal
    hub.redirect_to_server = False
    hub.init_spawners_timeout = 10
    hub.last_activity_interval = 15  # also the pace at which a proxy that was restarted gets its routes again
    # So long the portal's worker waits for a start or an end: a refusal comes at once, the rest is told by the host.
    hub.tornado_settings = {"headers": _headers(told), "slow_spawn_timeout": 1, "slow_stop_timeout": 1}
    c.ConfigurableHTTPProxy.should_start = False
    c.ConfigurableHTTPProxy.api_url = told.proxy
    c.ConfigurableHTTPProxy.auth_token = told.proxy_token
    c.ConfigurableHTTPProxy.check_running_interval = 5


def _headers(told: Told) -> dict[str, str]:
    headers = {
        "Content-Security-Policy": "frame-ancestors 'none'; object-src 'none'; base-uri 'none'; form-action 'self'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Server": "caia",
    }
    if told.is_https:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return headers


def _sign_in(c: Any, told: Told) -> None:
    c.JupyterHub.authenticator_class = PortalAuthenticator
    c.JupyterHub.cookie_max_age_days = 0.5
    # Else a page of a workspace could set one of its name for the host above it. Browsers know it on localhost, too.
    c.JupyterHub.cookie_host_prefix_enabled = True
    c.JupyterHub.oauth_token_expires_in = HOUR
    c.JupyterHub.token_expires_in_max_seconds = 24 * HOUR
    c.JupyterHub.oauth_require_pkce = True
    c.JupyterHub.shutdown_on_logout = True
    c.CryptKeeper.keys = [told.crypt_key]
    sign_in = c.PortalAuthenticator
    sign_in.login_service = "the portal"
    sign_in.client_id = "hub"
    sign_in.client_secret = told.client_secret
    sign_in.authorize_url = f"{told.portal}/oidc/authorize/"
    sign_in.token_url = f"{told.portal}/oidc/token/"
    sign_in.userdata_url = f"{told.portal}/oidc/userinfo/"
    sign_in.oauth_callback_url = f"{told.public}/hub/oauth_callback"
    sign_in.scope = ["openid"]
    sign_in.username_claim = "sub"
    sign_in.username_pattern = NAMES
    sign_in.basic_auth = True
    sign_in.enable_pkce = True
    sign_in.auto_login = True
    sign_in.allow_all = False
    sign_in.allow_existing_users = True  # those whom the portal has entered here, because they have a workspace
    sign_in.enable_auth_state = True  # with it the portal is asked again whether somebody is still welcome
    sign_in.auth_refresh_age = 60
    sign_in.refresh_pre_spawn = True
    sign_in.logout_redirect_url = told.portal


def _rights(c: Any, told: Told) -> None:
    c.JupyterHub.services = [{"name": "portal", "api_token": told.portal_token, "oauth_no_confirm": False}]
    c.JupyterHub.load_roles = [
        {"name": "user", "description": "Enter one's own workspaces", "scopes": PERSON},
        {"name": "portal", "description": "Enter people, start and stop", "scopes": PORTAL, "services": ["portal"]},
    ]
    c.Spawner.oauth_client_allowed_scopes = []
    c.Spawner.server_token_scopes = []  # the Hub's default: one's own name and activity; it is the gateway's secret
    c.Spawner.disable_user_config = True
    c.Spawner.start_timeout = HOUR  # a large dataset comes in once
    c.Spawner.http_timeout = 60
    c.Spawner.poll_interval = 5


def told_here(*, has_host: bool = True) -> Told:
    """What this process is told; `has_host`: beside a host, on a single machine."""
    return Told.read(os.environ, has_host=has_host)
