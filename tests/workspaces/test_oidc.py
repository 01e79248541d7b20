"""Signing in at the Hub, asked as a Hub asks: who gets a code, what it is good for, and what is switched off."""

import base64
import hashlib
import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from jwcrypto import jwk, jwt
from oauth2_provider.models import AccessToken, Application, Grant, RefreshToken

from apps.audit.models import Event
from apps.workspaces.keys import made
from apps.workspaces.models import Workspace, hub_name_of
from apps.workspaces.tasks import forget_tokens
from tests.factories import MemberFactory, arranged
from tests.workspaces.ends import WAYS

pytestmark = pytest.mark.django_db
BACK = f"{settings.WORKSPACES_URL}/hub/oauth_callback"
VERIFIER = "v" * 64


def challenge(verifier=VERIFIER):
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


ASKED = {
    "client_id": "hub", "response_type": "code", "redirect_uri": BACK, "scope": "openid", "state": "s1", "nonce": "n1",
    "code_challenge": challenge(), "code_challenge_method": "S256",
}  # fmt: skip


@pytest.fixture
def hub(db, tmp_path, settings):
    settings.OIDC_KEY = tmp_path / "oidc" / "key.pem"
    call_command("register_hub", verbosity=0)
    return Client(SERVER_NAME="localhost")


@pytest.fixture
def browser(browse, world, place):
    return browse(world.lead)


def asks(browser, **changes):
    given = {name: value for name, value in (ASKED | changes).items() if value is not None}
    return browser.get("/oidc/authorize/", given)


def code_of(answer):
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"{BACK}?")
    return parse_qs(urlsplit(answer["Location"]).query)["code"][0]


def exchanges(hub, code, *, secret=None, **changes):
    given = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
    shown = base64.b64encode(f"hub:{secret or settings.HUB_CLIENT_SECRET}".encode()).decode()
    return hub.post("/oidc/token/", given | changes, HTTP_AUTHORIZATION=f"Basic {shown}")


def told(hub, token):
    return hub.get("/oidc/userinfo/", HTTP_AUTHORIZATION=f"Bearer {token}")


def test_the_hub_learns_a_name_that_tells_nothing(world, hub, browser):
    given = exchanges(hub, code_of(asks(browser))).json()

    assert told(hub, given["access_token"]).json() == {"sub": hub_name_of(world.lead.pk)}
    (key,) = hub.get("/oidc/.well-known/jwks.json").json()["keys"]
    said = json.loads(jwt.JWT(jwt=given["id_token"], key=jwk.JWK(**key), algs=["RS256"]).claims)
    assert (said["sub"], said["iss"], said["aud"]) == (hub_name_of(world.lead.pk), f"{settings.BASE_URL}/oidc", "hub")
    assert said["nonce"] == "n1"
    assert not {"name", "email", "preferred_username"} & set(said)
    assert "refresh_token" not in given
    assert not RefreshToken.objects.exists()


def test_no_token_lies_in_the_database_or_in_an_address(hub, browser):
    answer = asks(browser)
    given = exchanges(hub, code_of(answer)).json()

    assert parse_qs(urlsplit(answer["Location"]).query)["iss"] == [settings.OAUTH2_PROVIDER["OIDC_ISS_ENDPOINT"]]
    assert given["access_token"] not in str(AccessToken.objects.values())
    assert hub.get("/oidc/userinfo/", {"access_token": given["access_token"]}).status_code == 401


def test_what_is_published_is_what_there_is(hub):
    said = hub.get("/oidc/.well-known/openid-configuration").json()

    assert said["issuer"] == settings.OAUTH2_PROVIDER["OIDC_ISS_ENDPOINT"]
    assert (said["response_types_supported"], said["code_challenge_methods_supported"]) == (["code"], ["S256"])
    for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"):
        assert said[name].startswith(f"{settings.BASE_URL}/oidc/")


def test_going_there_is_on_the_record(world, hub, browser):
    code_of(asks(browser))

    (event,) = Event.objects.filter(event="workspaces.hub.entered")
    assert (event.outcome, event.actor_ref) == ("success", str(world.lead.pk))


def test_nobody_without_a_workspace_goes_there(world, hub, browse):
    answer = asks(browse(world.colleague))

    assert answer.status_code == 403
    assert "You have no workspace yet" in answer.content.decode()
    assert Event.objects.get(event="workspaces.hub.entered").outcome == "refused"
    assert not Grant.objects.exists()


def test_nobody_with_only_a_sealed_one_goes_there(world, hub, browser, place):
    with arranged():
        Workspace.objects.filter(pk=place.pk).update(
            status="sealed", sealed_at=place.created_at, delete_on=place.created_at.date()
        )

    assert asks(browser).status_code == 403


def test_a_stranger_signs_in_at_the_portal_first(hub, browse):
    answer = asks(browse())

    assert (answer.status_code, answer["Location"].startswith("/sign-in/")) == (302, True)


ODD = {
    "no challenge": {"code_challenge": None, "code_challenge_method": None},
    "a plain challenge": {"code_challenge": VERIFIER, "code_challenge_method": "plain"},
    "a challenge whose kind is not said": {"code_challenge_method": None},
    "an implicit grant": {"response_type": "token"},
    "an implicit token of who it is": {"response_type": "id_token"},
    "a hybrid": {"response_type": "code token"},
}


@pytest.mark.parametrize("changes", ODD.values(), ids=ODD)
def test_the_hub_must_ask_as_it_should(hub, browser, changes):
    answer = asks(browser, **changes)

    assert not Grant.objects.exists()
    assert not AccessToken.objects.exists()
    assert answer.status_code == 400 or "error=" in answer["Location"]


@pytest.mark.parametrize("changes", [
    {"redirect_uri": "http://evil.example.org/hub/oauth_callback"}, {"redirect_uri": f"{BACK}/../x"},
    {"redirect_uri": f"{BACK}?x=1"}, {"client_id": "other"}, {"client_id": None},
])  # fmt: skip
def test_nobody_is_sent_elsewhere(hub, browser, changes):
    answer = asks(browser, **changes)

    assert answer.status_code == 400
    assert "Location" not in answer
    assert not Grant.objects.exists()


GRANTS = ["password", "client_credentials", "refresh_token", "implicit", "urn:ietf:params:oauth:grant-type:device_code"]


@pytest.mark.parametrize("grant", GRANTS)
def test_no_other_grant_is_given(hub, browser, grant):
    code = code_of(asks(browser))
    answer = exchanges(hub, code, grant_type=grant, username="a", password="b", refresh_token=code, device_code=code)

    assert answer.status_code == 400
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize("changes", [
    {"secret": "wrong"}, {"code_verifier": "w" * 64}, {"code_verifier": ""}, {"redirect_uri": "http://x.example.org/"},
])  # fmt: skip
def test_a_code_is_good_for_the_hub_alone(hub, browser, changes):
    assert exchanges(hub, code_of(asks(browser)), **changes).status_code in {400, 401}
    assert not AccessToken.objects.exists()


def test_a_code_is_good_once(hub, browser):
    code = code_of(asks(browser))
    assert exchanges(hub, code).status_code == 200

    assert exchanges(hub, code).status_code == 400


def test_a_made_up_token_is_nobodys(hub):
    assert told(hub, "none").status_code == 401


@pytest.mark.parametrize("way", ["member_suspended", "center_suspended"])
def test_who_may_act_no_more_is_nobody_to_the_hub_at_once(world, hub, browser, way):
    waits = code_of(asks(browser))
    given = exchanges(hub, code_of(asks(browser))).json()
    WAYS[way](world)

    assert told(hub, given["access_token"]).status_code == 401
    assert exchanges(hub, waits).status_code == 400


def test_one_whose_workspaces_are_sealed_is_nobody_to_the_hub(world, hub, browser, place):
    given = exchanges(hub, code_of(asks(browser))).json()
    with arranged():
        Workspace.objects.filter(pk=place.pk).update(
            status="sealed", sealed_at=place.created_at, delete_on=place.created_at.date()
        )

    assert told(hub, given["access_token"]).status_code == 401


def test_without_workspaces_there_is_no_provider(hub, browse, settings):
    settings.HAS_WORKSPACES = False
    browser = browse(MemberFactory())

    for path in (".well-known/openid-configuration", ".well-known/jwks.json", "authorize/", "userinfo/"):
        assert browser.get(f"/oidc/{path}").status_code == 404
    assert hub.post("/oidc/token/").status_code == 404


def test_the_hub_is_registered_once_and_anew_where_something_differs(hub, settings, capsys):
    call_command("register_hub")
    assert "registered already" in capsys.readouterr().out
    settings.HUB_CLIENT_SECRET = "another secret that a hub shows the portal"
    call_command("register_hub")

    assert Application.objects.get().client_id == "hub"
    assert settings.HUB_CLIENT_SECRET not in Application.objects.get().client_secret
    assert Event.objects.filter(event="workspaces.hub.registered").count() == 2


def test_without_workspaces_no_hub_is_registered(db, settings, tmp_path, capsys):
    settings.HAS_WORKSPACES, settings.OIDC_KEY = False, tmp_path / "key.pem"
    call_command("register_hub")

    assert "not set up" in capsys.readouterr().out
    assert not Application.objects.exists()
    assert not settings.OIDC_KEY.exists()


def test_the_key_is_made_once_for_the_portals_account_alone(tmp_path):
    place = tmp_path / "oidc" / "key.pem"

    assert made(place)
    kept = place.read_bytes()
    assert not made(place)
    assert (place.read_bytes(), place.stat().st_mode & 0o777) == (kept, 0o600)
    assert [one.name for one in place.parent.iterdir()] == ["key.pem"]


def test_tokens_that_hold_no_more_are_erased(hub, browser):
    exchanges(hub, code_of(asks(browser)))
    forget_tokens()
    assert AccessToken.objects.count() == 1
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        forget_tokens()

    assert not AccessToken.objects.exists()
