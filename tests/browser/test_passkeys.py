"""Passkeys with a real browser and a virtual authenticator, over the wire."""

import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import Page, expect

from apps.alliance.models import Alliance
from apps.audit.models import Event
from tests.factories import arranged
from tests.signin.ways import PASSWORD, code, forget_codes, person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
HOME = re.compile(r"^http://[^/]+/$")


@pytest.fixture
def device(open_page: Any, live_server: Any) -> Any:
    """A page in a browser whose device has a fingerprint reader; device(verified=False): one whose owner is unknown."""
    Alliance.objects.get_or_create(pk=1, defaults={"name": "The alliance"})

    def build(*, verified: bool = True) -> Page:
        page = open_page(base_url=live_server.url)
        wire = page.context.new_cdp_session(page)
        wire.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": verified,
            "automaticPresenceSimulation": True,
        }
        page.key = wire.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]
        page.wire = wire
        return page

    return build


def come_in(page: Page, member: Any) -> None:
    page.goto("/sign-in/")
    page.get_by_label("E-mail address").fill(member.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    forget_codes(member)
    page.get_by_label("Code").fill(code())
    page.get_by_role("button", name="Go on", exact=True).click()
    expect(page).to_have_url(HOME)


def add_passkey(page: Page, name: str = "Work laptop") -> None:
    page.goto("/account/factors/passkeys/add/")
    page.get_by_label("Name of the passkey").fill(name)
    page.get_by_role("button", name="Make the passkey").click()


def leave(page: Page) -> None:
    page.goto("/sign-out/")
    page.locator("main").get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile(r"/sign-in/$"))


def test_a_passkey_is_added_and_opens_the_portal_by_itself(device):
    member = person()
    page = device()
    come_in(page, member)

    add_passkey(page)
    expect(page.get_by_text("recovery codes").first).to_be_visible()
    row = Authenticator.objects.get(user=member, type="webauthn")
    assert row.wrap().name == "Work laptop"
    assert row.wrap().is_passwordless is True

    leave(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(HOME)
    opened = Event.objects.filter(event="alliance.session.opened").latest("id")
    assert opened.actor_ref == str(member.pk)
    assert opened.auth["method"] == "webauthn"
    assert page.complaints == []


def test_a_passkey_is_the_first_factor_that_somebody_sets_up(device):
    member = person(app=False)
    page = device()
    page.goto("/sign-in/")
    page.get_by_label("E-mail address").fill(member.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name="A passkey").click()
    page.get_by_role("button", name="Make the passkey").click()

    expect(page.get_by_role("heading", name="Keep these recovery codes")).to_be_visible()
    page.get_by_role("link", name="I have kept them").click()
    expect(page).to_have_url(HOME)


def test_a_passkey_is_the_second_factor_after_a_password(device):
    member = person()
    page = device()
    come_in(page, member)
    add_passkey(page)
    expect(page).to_have_url(re.compile(r"/codes/$"))
    leave(page)

    page.get_by_label("E-mail address").fill(member.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Use a passkey instead").click()

    expect(page).to_have_url(HOME)


def test_a_passkey_proves_again_who_one_is(device, settings):
    member = person()
    page = device()
    come_in(page, member)
    add_passkey(page)
    expect(page).to_have_url(re.compile(r"/codes/$"))

    page.goto("/prove/passkey/?next=/account/sessions/")
    page.get_by_role("button", name="Use your passkey").click()

    # The whole address: the page that asks for the proof ends in the same words, after its question mark.
    expect(page).to_have_url(re.compile(r"^[^?]+/account/sessions/$"))
    assert Event.objects.filter(event="alliance.session.proved").count() == 1


def test_a_device_that_does_not_know_its_owner_opens_nothing(device):
    member = person()
    page = device()
    come_in(page, member)
    add_passkey(page)
    expect(page).to_have_url(re.compile(r"/codes/$"))
    leave(page)
    page.wire.send("WebAuthn.setUserVerified", {"authenticatorId": page.key, "isUserVerified": False})

    page.get_by_role("button", name="Use a passkey").click()

    expect(page.locator("[data-passkey-error]")).to_contain_text("did not confirm it")
    assert Event.objects.filter(event="alliance.session.opened").count() == 1


def test_a_passkey_that_was_removed_opens_nothing(device):
    member = person()
    page = device()
    come_in(page, member)
    add_passkey(page)
    expect(page).to_have_url(re.compile(r"/codes/$"))
    leave(page)
    Authenticator.objects.filter(user=member, type="webauthn").delete()

    page.get_by_role("button", name="Use a passkey").click()

    expect(page.get_by_text("did not open an account here")).to_be_visible()
    assert Event.objects.filter(event="alliance.session.refused").count() == 1


def test_a_suspended_member_is_told_so_at_the_passkey(device):
    member = person()
    page = device()
    come_in(page, member)
    add_passkey(page)
    expect(page).to_have_url(re.compile(r"/codes/$"))
    leave(page)
    with arranged():
        type(member).objects.filter(pk=member.pk).update(status="suspended")

    page.get_by_role("button", name="Use a passkey").click()

    expect(page.get_by_text("Your membership is suspended")).to_be_visible()


def test_without_scripts_the_other_ways_stand_there(open_page, live_server):
    Alliance.objects.get_or_create(pk=1, defaults={"name": "The alliance"})
    member = person()
    page = open_page(base_url=live_server.url, java_script_enabled=False)
    page.goto("/sign-in/")
    assert not page.get_by_role("button", name="Use a passkey").is_visible()

    page.get_by_label("E-mail address").fill(member.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Code").fill(code())
    page.get_by_role("button", name="Go on", exact=True).click()

    expect(page).to_have_url(HOME)
