import re

import pytest
from django.test import override_settings

from apps.alliance.invitations import link_for
from apps.alliance.signin.demo import give_demo_factor
from tests.factories import InvitationFactory, MemberFactory
from tests.signin.ways import give_password, person, sign_in

pytestmark = pytest.mark.django_db

OUTSIDE = ["/sign-in/", "/sign-up/", "/password/forgotten/", "/password/asked/", "/invitation/none/"]
INSIDE = [
    "/account/",
    "/account/password/",
    "/account/sessions/",
    "/account/factors/",
    "/account/factors/app/remove/",
    "/account/factors/passkeys/add/",
    "/account/factors/codes/new/",
    "/prove/code/",
    "/sign-out/",
]
WITHOUT_FACTOR = [
    "/account/second-factor/",
    "/account/factors/app/",
    "/account/factors/passkeys/add/",
    "/prove/password/",
]


def judge(html: str) -> None:
    """What holds for every page of the portal."""
    assert len(re.findall(r"<h1[ >]", html)) == 1
    title = re.search(r"<title>(.*?)</title>", html, re.DOTALL).group(1)
    assert title.strip()
    assert not title.strip().startswith("·")
    assert "<c-" not in html
    assert "{{" not in html
    assert "{%" not in html
    assert 'href="#main"' in html
    assert not re.search(r"<script(?![^>]*(src=|application/json))", html)
    assert not re.search(r"\son[a-z]+=|\sstyle=|<style", html)
    assert "!" not in re.sub(r"<!doctype html>|<!--.*?-->|<script.*?</script>|<[^>]*>", "", html, flags=re.DOTALL)


@pytest.mark.parametrize("path", OUTSIDE)
def test_pages_before_sign_in_are_whole(client, path):
    judge(client.get(path).content.decode())


@pytest.mark.parametrize("path", INSIDE)
def test_pages_of_the_account_are_whole(client, path):
    sign_in(client, person())

    response = client.get(path)

    assert response.status_code == 200
    judge(response.content.decode())


@pytest.mark.parametrize("path", WITHOUT_FACTOR)
def test_pages_before_the_first_factor_are_whole(client, path):
    give_password(client, person(app=False).email)

    response = client.get(path)

    assert response.status_code == 200
    judge(response.content.decode())


def test_the_page_of_the_second_factor_is_whole(client):
    give_password(client, person().email)

    judge(client.get("/sign-in/second-factor/").content.decode())


def test_the_page_of_an_invitation_is_whole(client):
    invitation = InvitationFactory(member__name="Ines <b>Costa</b>")

    judge(client.get(link_for(invitation)).content.decode())


@override_settings(DEMO=True)
def test_the_sign_in_page_of_the_demo_is_whole(client):
    give_demo_factor(MemberFactory(name="Ada <script>alert(1)</script> Osei"))

    html = client.get("/sign-in/").content.decode()

    judge(html)
    assert "<script>alert(1)" not in html


@pytest.mark.parametrize("path", [*OUTSIDE, "/sign-in/second-factor/"])
def test_nothing_at_the_door_is_kept_by_a_cache(client, path):
    assert client.get(path)["Cache-Control"] == "no-store"


def test_the_secret_of_an_app_is_shown_as_a_picture_and_as_text(client):
    give_password(client, person(app=False).email)

    page = client.get("/account/factors/app/")

    assert 'src="data:image/svg+xml;base64,' in page.content.decode()
    assert page.context["form"].secret in page.content.decode()
    assert "otpauth://totp/" in page.context["totp_url"]
    assert "issuer=CAIA%20portal" in page.context["totp_url"]


def test_reading_a_page_at_the_door_changes_nothing(client):
    from apps.audit.models import Event

    for path in OUTSIDE:
        client.get(path)

    assert not Event.objects.exists()
