import pytest
from django.test import Client

from apps.alliance.models import Center, Member
from tests.signin.ways import PASSWORD, code, give_password, is_signed_in, person, seen, sign_in

pytestmark = pytest.mark.django_db

ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "https://evil.example",
    "https:evil.example",
    "https:/evil.example",
    "http:///evil.example",
    "HTTPS://evil.example/",
    "\\\\evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "/\\/evil.example",
    "https://localhost@evil.example",
    "https://localhost:pw@evil.example",
    "https://evil.example#localhost",
    "https://evil.example?localhost",
    "https://localhost.evil.example",
    "https://evil.example\\@localhost",
    " //evil.example",
    "\t//evil.example",
    "\n//evil.example",
    "\x01https://evil.example",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "https://ev\u0456l.example",
    "//%65vil.example",
    "https://[::1].evil.example",
    "ftp://localhost/",
]


def test_password_and_code_open_a_session(client):
    member = person()

    first = give_password(client, member.email)
    assert first.status_code == 302
    assert first.url == "/sign-in/second-factor/"
    assert not is_signed_in(client)

    second = client.post("/sign-in/second-factor/", {"code": code()})
    assert second.status_code == 302
    assert second.url == "/"
    assert is_signed_in(client)


def test_the_address_may_be_typed_in_any_case(client):
    member = person()

    assert give_password(client, member.email.upper()).url == "/sign-in/second-factor/"


def test_a_session_that_opened_is_on_the_record_with_its_factors(client):
    member = person()

    sign_in(client, member)

    (event,) = seen("alliance.session.opened")
    assert event.actor_ref == event.target_ref == str(member.pk)
    assert event.auth["method"] == "password"
    assert event.auth["factors"] == ["password", "totp"]
    assert event.ip == "127.0.0.1"
    assert event.session
    assert event.session not in client.session.session_key


def test_the_session_gets_a_new_id_at_sign_in_and_the_old_one_dies(client):
    member = person()
    give_password(client, member.email)
    before = client.session.session_key

    client.post("/sign-in/second-factor/", {"code": code()})

    assert client.session.session_key != before
    stale = Client(SERVER_NAME="localhost")
    stale.cookies["caia_session"] = before
    assert not is_signed_in(stale)
    assert stale.get("/sign-in/second-factor/").url == "/sign-in/"


def test_session_ids_are_long_and_never_repeat():
    from django.contrib.sessions.backends.db import SessionStore

    keys = {SessionStore()._get_new_session_key() for _ in range(300)}

    assert len(keys) == 300
    assert all(len(key) >= 26 for key in keys)


def test_signing_out_kills_the_cookie(client):
    member = person()
    sign_in(client, member)
    key = client.session.session_key

    assert client.post("/sign-out/").url == "/sign-in/"

    stale = Client(SERVER_NAME="localhost")
    stale.cookies["caia_session"] = key
    assert not is_signed_in(stale)
    assert seen("alliance.session.closed")[0].details["why"] == "signed out"


def test_a_link_can_not_sign_anybody_out(client):
    sign_in(client, person())

    assert client.get("/sign-out/").status_code == 200
    assert is_signed_in(client)


def test_a_wrong_password_is_refused_and_recorded(client):
    member = person()

    response = give_password(client, member.email, "not the password")

    assert response.status_code == 200
    assert "don&#x27;t open an account" in response.content.decode()
    (event,) = seen("alliance.session.refused")
    assert (event.target_ref, event.actor_type, event.outcome) == (str(member.pk), "anonymous", "refused")


def test_an_unknown_address_leaves_nothing_of_what_was_typed(client):
    give_password(client, "nobody-knows-me@center.example.org", "a-password-of-mine")

    (event,) = seen("alliance.session.refused")
    assert (event.target_type, event.target_ref) == ("alliance.alliance", "1")
    kept = " ".join(str(value) for value in vars(event).values())
    assert "nobody-knows-me" not in kept
    assert "a-password-of-mine" not in kept


def test_known_and_unknown_addresses_get_the_same_answer(client, other_client):
    member = person()
    known = give_password(client, member.email, "not the password")
    unknown = give_password(other_client, "x" * (len(member.email) - 8) + "@none.eu", "not the password")

    assert known.status_code == unknown.status_code
    assert _without_tokens(known).replace(member.email, "") == _without_tokens(unknown).replace(
        "x" * (len(member.email) - 8) + "@none.eu", ""
    )
    assert len(known.content) == len(unknown.content)
    assert dict(known.headers).keys() == dict(unknown.headers).keys()


def _without_tokens(response):
    import re

    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", response.content.decode())
    return re.sub(r"[0-9a-f]{32}", "", text)


@pytest.mark.parametrize("status", [Member.Status.INVITED, Member.Status.SUSPENDED, Member.Status.LEFT])
def test_only_active_members_get_in(client, status):
    member = person(status=status)

    assert give_password(client, member.email).status_code == 200
    assert not is_signed_in(client)


def test_people_of_a_suspended_center_do_not_get_in(client):
    member = person()
    Center.objects.filter(pk=member.center_id).update(status=Center.Status.SUSPENDED)

    assert give_password(client, member.email).status_code == 200


def test_a_member_suspended_between_password_and_code_does_not_get_in(client):
    member = person()
    give_password(client, member.email)
    Member.objects.filter(pk=member.pk).update(status=Member.Status.SUSPENDED)

    response = client.post("/sign-in/second-factor/", {"code": code()})

    assert response.status_code == 403
    assert "suspended" in response.content.decode()
    assert not is_signed_in(client)


def test_nobody_signs_up_alone(client):
    response = client.get("/sign-up/")

    assert response.status_code == 200
    assert "invited by their own center" in response.content.decode()
    assert client.post("/sign-up/", {"email": "a@b.example", "password1": PASSWORD}).status_code == 405
    assert Member.objects.count() == 0


def test_the_page_one_came_for_opens_after_signing_in(client):
    member = person()
    give_password(client, member.email, next="/account/sessions/")

    assert client.post("/sign-in/second-factor/", {"code": code()}).url == "/account/sessions/"


@pytest.mark.parametrize("target", ELSEWHERE)
def test_next_never_leads_elsewhere(client, target):
    member = person()
    page = client.get("/sign-in/", {"next": target})
    assert "evil" not in page.content.decode()
    assert "alert(1)" not in page.content.decode()
    give_password(client, member.email, next=target)

    assert client.post("/sign-in/second-factor/", {"code": code()}).url == "/"
    assert client.post("/sign-out/", {"next": target}).url == "/sign-in/"


def test_a_signed_in_person_is_led_on_from_the_sign_in_page(client):
    sign_in(client, person())

    assert client.get("/sign-in/").url == "/"


def test_every_form_at_the_door_wants_its_token():
    strict = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    for path in ["/sign-in/", "/sign-in/passkey/", "/sign-out/", "/password/forgotten/", "/sign-in/second-factor/"]:
        assert strict.post(path, {}).status_code == 403, path


def test_what_allauth_offers_beyond_our_needs_does_not_exist():
    from django.urls import NoReverseMatch, reverse

    absent = [
        "account_email",
        "account_set_password",
        "account_request_login_code",
        "account_confirm_email",
        "account_inactive",
        "account_change_phone",
        "socialaccount_connections",
        "socialaccount_signup",
        "mfa_trust",
        "mfa_signup_webauthn",
        "mfa_download_recovery_codes",
    ]
    for name in absent:
        with pytest.raises(NoReverseMatch):
            reverse(name)
