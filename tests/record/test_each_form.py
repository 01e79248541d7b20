"""Every form of the portal sent once for real, to the COMMIT: none breaks, and afterwards the record holds.

The sample alliance is made anew for each form, since what is committed stays.
"""

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.urls import reverse
from requests.adapters import HTTPAdapter

from apps.audit.verification import verify
from tests.attacks.posts import FOR_MACHINES, SENT, Post
from tests.factories import arranged
from tests.house import tables
from tests.house.samples import ISSUER, PASSWORD, World, _provider_answers, make_world
from tests.house.site import routes

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

NEW = "a quite different passphrase"
ROUTES = {route.name: route for route in routes()}


# The forms at the door and of the account, as SENT has those of the alliance.
AT_THE_DOOR = {
    "account_login": Post("anonymous", lambda world: {"login": world.owner.email, "password": PASSWORD}),
    "account_logout": Post("owner"),
    "account_reset_password": Post("anonymous", lambda world: {"email": world.owner.email}),
    "account_change_password": Post(
        "owner", lambda world: {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    ),
    "usersessions_list": Post("owner"),
    "mfa_generate_recovery_codes": Post("owner"),
    "mfa_edit_webauthn": Post("owner", lambda world: {"name": "Another laptop"}),
    "mfa_remove_webauthn": Post("owner"),
    "mfa_deactivate_totp": Post("owner"),
    "alliance:session_end": Post("owner"),
    "alliance:person_factors_reset": Post("center_manager", lambda world: {"reason": "Lost the phone."}),
    "alliance:identity_provider": Post(
        "center_manager", lambda world: {"issuer": ISSUER, "client_id": "portal", "client_secret": "s3cret"}
    ),
    "alliance:identity_provider_end": Post("center_manager"),
    "alliance:invitation_accept": Post(
        "anonymous", lambda world: {"name": "New Person", "password": NEW, "password_again": NEW}
    ),
}
ALL = {**SENT, **AT_THE_DOOR}
TAKE_POSTS = [
    row["address"]
    for row in tables.read(tables.ACCESS)
    if row["method"] == "POST" and row["anonymous"] != "405" and row["owner"] != "405"
]


@pytest.fixture
def world(at_hand, monkeypatch):
    monkeypatch.setattr(HTTPAdapter, "send", _provider_answers)
    with arranged():
        made = make_world()
    yield made
    at_hand.step()
    assert verify().wrong == []


def send(world: World, name: str, who: str, typed: dict[str, object], path: str = "") -> HttpResponse:
    cache.clear()
    return world.browser(who).post(path or ROUTES[name].path(world), typed, HTTP_ACCEPT="text/html")


@pytest.mark.parametrize("name", sorted(ALL))
def test_each_form_is_taken_and_committed(world, name):
    form = ALL[name]
    with arranged():
        form.ready(world)
        path = reverse(name, kwargs=form.arguments(world)) if form.arguments else ""
        typed = form.typed(world)

    answer = send(world, name, form.by, typed, path)

    assert answer.status_code == 302, answer.content.decode()[:2000]


def test_what_is_sent_empty_breaks_nothing(world):
    broken = []
    for name in TAKE_POSTS:
        for who in ("anonymous", "owner", "center_manager", "alliance_manager"):
            answer = send(world, name, who, {})
            if answer.status_code >= 500:
                broken.append(f"{name} by {who}: {answer.status_code}")

    assert broken == []


def test_each_address_that_takes_a_form_is_sent_one():
    elsewhere = {  # with what only a browser or a mail gives: tests/record/test_each_way.py, tests/signin
        "account_reauthenticate", "account_reset_password_from_key", "alliance:demo_sign_in", "mfa_activate_totp",
        "mfa_add_webauthn", "mfa_authenticate", "mfa_login_webauthn", "mfa_reauthenticate",
        "mfa_reauthenticate_webauthn", "openid_connect_login",
    }  # fmt: skip
    assert set(TAKE_POSTS) - elsewhere - FOR_MACHINES == set(ALL)
