"""Requests that a page of somebody else makes: without our token they change nothing, and no form leads away."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from apps.audit.models import Event
from tests.attacks.posts import FOR_MACHINES, SENT
from tests.attacks.test_mass_assignment import path_of
from tests.house.samples import undone
from tests.house.site import routes
from tests.house.snapshot import snapshot

ROUTES = {route.name: route for route in routes()}
KEPT_APART = ("django_session", "usersessions_usersession")  # a session's last use


def strict(world, who):
    """A browser of this person whose requests are really checked."""
    browser = Client(SERVER_NAME="localhost", enforce_csrf_checks=True, raise_request_exception=False)
    browser.cookies = world.browser(who).cookies
    return browser


def token_of(browser):
    """The token that a page of ours gives this browser."""
    return browser.get("/account/").context["csrf_token"]


# ── the token ───────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("name", sorted(set(ROUTES) - FOR_MACHINES))
def test_no_address_takes_a_post_without_the_token(world, name):
    who = SENT[name].by if name in SENT else "owner"
    with undone():
        before = snapshot(but=KEPT_APART)
        answer = strict(world, who).post(ROUTES[name].path(world), {"reason": "Forged.", "theme": "dark"})

        assert answer.status_code == 403
        assert snapshot(but=KEPT_APART) == before


@pytest.mark.parametrize("name", sorted(FOR_MACHINES))
def test_what_machines_ask_takes_nothing_on_the_word_of_a_cookie(world, name):
    with undone():
        before = snapshot(but=KEPT_APART)
        signed_in, nobody = (
            strict(world, who).post(ROUTES[name].path(world), {"reason": "Forged."}) for who in ("owner", "anonymous")
        )

        assert signed_in.status_code == nobody.status_code
        assert signed_in.status_code in {400, 404}
        assert snapshot(but=KEPT_APART) == before


@pytest.mark.parametrize("name", sorted(SENT))
def test_the_same_form_goes_through_with_the_token(world, name):
    """Otherwise the refusals above could have another reason."""
    with undone():
        SENT[name].ready(world)
        path = path_of(world, name)
        browser = strict(world, SENT[name].by)
        typed = {**SENT[name].typed(world), "csrfmiddlewaretoken": str(token_of(browser))}

        assert browser.post(path, typed).status_code == 302


def test_the_token_of_somebody_else_does_not_help(world):
    theirs = str(token_of(strict(world, "researcher")))
    with undone():
        answer = strict(world, "center_manager").post(
            reverse("alliance:person_suspend", args=[world.owner.pk]),
            {"reason": "Forged.", "csrfmiddlewaretoken": theirs},
        )

    assert answer.status_code == 403


@pytest.mark.parametrize(
    "origin", ["https://evil.example.com", "null", "http://localhost.evil.com", "http://localhost:1", "file://"]
)
def test_a_request_from_elsewhere_is_refused_even_with_the_token(world, origin):
    browser = strict(world, "center_manager")
    with undone():
        answer = browser.post(
            reverse("alliance:person_suspend", args=[world.owner.pk]),
            {"reason": "Forged.", "csrfmiddlewaretoken": str(token_of(browser))},
            HTTP_ORIGIN=origin,
        )

    assert answer.status_code == 403
    assert "Open the page again" in answer.content.decode()


def test_a_refused_forgery_is_no_event_of_the_person(world):
    with undone():
        strict(world, "center_manager").post(
            reverse("alliance:person_suspend", args=[world.owner.pk]), {"reason": "Forged."}
        )

        assert not Event.objects.filter(actor_ref=str(world.members["center_manager"].pk)).exists()


def test_the_cookies_do_not_travel_with_foreign_posts():
    assert settings.SESSION_COOKIE_SAMESITE in {"Lax", "Strict"}
    assert settings.CSRF_COOKIE_SAMESITE in {"Lax", "Strict"}
    assert settings.SESSION_COOKIE_HTTPONLY


# ── looking changes nothing ─────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.slow
@pytest.mark.parametrize(
    ("who", "method"),
    [
        ("center_manager", "get"),
        ("alliance_manager", "get"),
        ("alliance_auditor", "head"),
        pytest.param("alliance_manager", "options", marks=pytest.mark.long),
    ],
)
def test_looking_changes_nothing_but_the_record(world, who, method):
    for name in sorted(ROUTES):
        if name in {"account_logout", "openid_connect_login", "openid_connect_callback"} or name.startswith("mfa_"):
            continue
        with undone():
            before = snapshot(but=KEPT_APART)
            getattr(world.browser(who), method)(ROUTES[name].path(world))

            assert snapshot(but=KEPT_APART) == before, name


# ── where a form leads ──────────────────────────────────────────────────────────────────────────────────────────────
AWAY = [
    "https://evil.example.com",
    "//evil.example.com",
    "///evil.example.com",
    "////evil.example.com",
    "/\\evil.example.com",
    "\\\\evil.example.com",
    "\\/evil.example.com",
    "/\t/evil.example.com",
    "/\n/evil.example.com",
    "\t//evil.example.com",
    " //evil.example.com",
    "http:evil.example.com",
    "http:/evil.example.com",
    "http:///evil.example.com",
    "https:\\\\evil.example.com",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "//localhost@evil.example.com",
    "http://localhost:8000@evil.example.com",
    "//evil.example.com/localhost",
    "http://localhost.evil.example.com",
    "//[::1]",
    "//evil。example。com",
    "/%09/evil.example.com",
    "/%2f%2fevil.example.com",
    "/%5cevil.example.com",
    "evil.example.com",
    "account_login",
    "home:theme",
    "?next=//evil",
    "#top",
    "../..",
    "\x00//evil.example.com",
    "\u202e/",
    "/" + "a" * 5000,
    "//",
    "/" * 300,
    "http://[",
    "//[bad",
]


def leads_to(world, path, who, typed, away):
    with undone():
        answer = world.browser(who).post(path, {**typed, "next": away})
    assert answer.status_code == 302, (away, answer.status_code)
    return answer["Location"]


def is_ours(location):
    return (
        location.startswith("/") and location[1:2] not in {"/", "\\"} and not {"\t", "\r", "\n", "\\"} & set(location)
    )


@pytest.mark.parametrize("away", AWAY, ids=range(len(AWAY)))
def test_choosing_the_theme_leads_nowhere_else(world, away):
    for who in ("anonymous", "researcher"):
        assert is_ours(leads_to(world, "/theme/", who, {"theme": "dark"}, away))


@pytest.mark.parametrize("away", AWAY, ids=range(len(AWAY)))
def test_a_form_leads_nowhere_else(world, away):
    typed = SENT["alliance:account"].typed(world)

    assert is_ours(leads_to(world, "/account/", "owner", typed, away))


@pytest.mark.parametrize("name", sorted(SENT))
def test_no_form_of_the_portal_leads_to_another_host(world, name):
    with undone():
        SENT[name].ready(world)
        path = path_of(world, name)
        answer = world.browser(SENT[name].by).post(path, {**SENT[name].typed(world), "next": "//evil.example.com/"})

    assert answer.status_code == 302
    assert is_ours(answer["Location"])


def test_a_form_goes_back_to_the_page_that_it_named(world):
    typed = SENT["alliance:account"].typed(world)

    assert leads_to(world, "/account/", "owner", typed, "/people/?status=active#top") == "/people/?status=active#top"
    assert leads_to(world, "/theme/", "owner", {"theme": "dark"}, "/help/") == "/help/"
