"""The Hub's real configuration, loaded as the Hub loads it, says what security.md 4.1 asks."""

import os
import subprocess
import sys

import pytest
from jupyterhub.app import JupyterHub
from jupyterhub.crypto import CryptKeeper

from door.home import REPO
from hub.authenticator import PortalAuthenticator
from hub.configuration import PERSON
from hub.spawner import HostSpawner
from hub.told import Told, Untold

ENVIRONMENT = {
    "CAIA_BASE_URL": "http://localhost:8000",
    "CAIA_WORKSPACES_URL": "http://workspaces.localhost:8001",
    "CAIA_HUB_API_URL": "http://127.0.0.1:8002/hub/api",
    "CAIA_PROXY_API_URL": "http://127.0.0.1:8003",
    "CAIA_HUB_DATABASE_URL": "postgresql://caia_hub:x@127.0.0.1:5432/caia_hub",
    "CAIA_HOST_SOCKET": "/run/caia/host.sock",
    "CAIA_HUB_TOKEN": "a" * 64,
    "CAIA_HUB_CLIENT_SECRET": "b" * 64,
    "CAIA_PROXY_TOKEN": "c" * 64,
    "CAIA_HUB_COOKIE_SECRET": "d" * 64,
    "CAIA_HUB_CRYPT_KEY": "e" * 64,
}


def loaded(monkeypatch, **changes):
    for name, value in (ENVIRONMENT | changes).items():
        monkeypatch.setenv(name, value)
    app = JupyterHub()
    app.load_config_file(str(REPO / "hub/jupyterhub_config.py"))
    return app


@pytest.fixture
def app(monkeypatch):
    return loaded(monkeypatch)


@pytest.fixture
def sign_in(app):
    return PortalAuthenticator(config=app.config)


def test_each_person_has_an_origin_apart_from_the_portal(app):
    assert app.subdomain_host == "http://workspaces.localhost:8001"
    assert (
        app.subdomain_hook("m" + "0" * 20, "workspaces.localhost", kind="user") == f"m{'0' * 20}.workspaces.localhost"
    )


def test_cookies_and_tokens_end(app):
    assert app.cookie_max_age_days <= 0.5
    assert app.oauth_token_expires_in <= 3600
    assert 0 < app.token_expires_in_max_seconds <= 86_400


def test_a_stripped_verifier_is_refused(app, sign_in):
    assert app.oauth_require_pkce is True
    assert sign_in.enable_pkce is True


def test_who_signs_out_or_is_no_longer_welcome_loses_the_way_in(app, sign_in):
    assert app.shutdown_on_logout is True
    assert sign_in.refresh_pre_spawn is True
    assert 0 < sign_in.auth_refresh_age <= 60
    assert sign_in.enable_auth_state is True
    assert CryptKeeper(config=app.config).keys, "what is kept of a sign-in is kept encrypted"


def test_only_the_portal_lets_people_in_and_only_those_it_entered(app, sign_in):
    assert app.authenticator_class is PortalAuthenticator
    assert sign_in.allow_all is False
    assert sign_in.allow_existing_users is True
    assert sign_in.admin_users == set()
    assert sign_in.userdata_url == "http://localhost:8000/oidc/userinfo/"
    assert sign_in.username_claim == "sub"
    assert sign_in.validate_username("m" + "0123456789" * 2)
    for name in ("admin", "m1", "M" + "0" * 20, "m" + "0" * 21, "m" + "g" * 20, "m" + "0" * 20 + "\n"):
        assert not sign_in.validate_username(name), name


def test_a_person_may_neither_make_tokens_nor_share_nor_start(app):
    roles = {role["name"]: role for role in app.load_roles}

    assert roles["user"]["scopes"] == PERSON
    words = " ".join(PERSON)
    assert not any(word in words for word in ("token", "share", "self", "inherit", "admin"))
    assert not any(scope.split("!")[0] in {"servers", "admin:servers", "read:servers"} for scope in PERSON)
    assert "admin" not in roles
    assert roles["portal"]["services"] == ["portal"]
    assert set(roles["portal"]["scopes"]) == {"admin:users", "servers"}


def test_the_gateways_token_opens_nothing_at_the_hub(app):
    spawner = HostSpawner(config=app.config)

    assert spawner.server_token_scopes == []
    assert spawner.oauth_client_allowed_scopes == []
    assert spawner.disable_user_config is True


def test_the_proxy_is_a_part_of_its_own_behind_a_token_on_loopback(app):
    proxy = app.config.ConfigurableHTTPProxy

    assert proxy.should_start is False
    assert proxy.api_url.startswith("http://127.0.0.1:")
    assert proxy.auth_token == ENVIRONMENT["CAIA_PROXY_TOKEN"]
    assert app.hub_bind_url == "http://127.0.0.1:8002"


def test_a_hub_that_ends_ends_no_workspace(app):
    assert app.cleanup_servers is False
    assert app.cleanup_proxy is False


def test_the_database_is_postgresql(app):
    assert app.db_url == "postgresql+psycopg://caia_hub:x@127.0.0.1:5432/caia_hub"


def test_pages_are_framed_by_nobody_and_say_no_version(app):
    headers = app.tornado_settings["headers"]

    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Server"] == "caia"
    assert "Strict-Transport-Security" not in headers


def test_the_cookie_of_a_sign_in_is_bound_to_the_hubs_own_host(app):
    assert app.cookie_host_prefix_enabled is True


def test_behind_https_browsers_come_by_https_alone(monkeypatch):
    app = loaded(
        monkeypatch, CAIA_WORKSPACES_URL="https://workspaces.example.org", CAIA_BASE_URL="https://caia.example.org"
    )

    assert "max-age=31536000" in app.tornado_settings["headers"]["Strict-Transport-Security"]


@pytest.mark.parametrize("name", sorted(ENVIRONMENT))
def test_what_is_missing_is_named(name):
    with pytest.raises(Untold, match=name):
        Told.read({key: value for key, value in ENVIRONMENT.items() if key != name})


@pytest.mark.parametrize("portal", ["http://workspaces.localhost:8000", "http://portal.workspaces.localhost:8000"])
def test_the_portal_never_shares_a_host_with_workspaces(portal):
    with pytest.raises(Untold, match="host name of its own"):
        Told.read(ENVIRONMENT | {"CAIA_BASE_URL": portal})


def test_no_secret_is_shown_where_its_settings_are():
    said = repr(Told.read(ENVIRONMENT))

    assert not any(letter * 64 in said for letter in "abcde")
    assert ":x@" not in said


def test_the_hub_needs_no_django():
    code = "import sys; sys.path.insert(0, sys.argv[1]); import hub.spawner, hub.configuration; print(*sys.modules)"
    words = [sys.executable, "-c", code, str(REPO)]
    answer = subprocess.run(words, capture_output=True, text=True, check=True, env={"PATH": os.defpath}, cwd="/")

    assert not {"django", "apps", "host", "sandbox"} & {name.split(".")[0] for name in answer.stdout.split()}
