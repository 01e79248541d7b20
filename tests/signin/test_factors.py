from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.utils import timezone

from apps.alliance.roles import Role
from apps.alliance.signin.factors import opened_by
from apps.alliance.signin.services import reset_factors
from apps.alliance.signin.vault import unseal
from apps.core.errors import NotAllowed
from apps.core.models import Notice
from tests.factories import holder
from tests.signin.ways import (
    SECRET,
    code,
    forget_codes,
    give_app,
    give_password,
    is_signed_in,
    person,
    seen,
    sign_in,
)

pytestmark = pytest.mark.django_db

SETUP = "/account/second-factor/"


def test_without_a_factor_every_page_leads_to_setting_one_up(client):
    give_password(client, person(app=False).email)

    for path in [
        "/",
        "/account/",
        "/account/sessions/",
        "/people/",
        "/centers/",
        "/search/?q=x",
        "/record/",
        "/nowhere/",
    ]:
        assert client.get(path).url == SETUP, path
        assert client.post(path).url == SETUP, path
    assert client.get(SETUP).status_code == 200


def test_without_a_factor_one_can_still_sign_out(client):
    give_password(client, person(app=False).email)

    assert client.post("/sign-out/").url == "/sign-in/"


def test_setting_up_an_app_opens_the_portal_and_shows_recovery_codes_once(client):
    member = person(app=False)
    give_password(client, member.email)
    secret = client.get("/account/factors/app/").context["form"].secret

    response = client.post("/account/factors/app/", {"code": code(secret)})

    assert response.url == "/account/factors/codes/"
    page = client.get(response.url)
    assert len(page.context["unused_codes"]) == 10
    assert page.context["can_view_codes"]
    again = client.get(response.url)
    assert set(again.context["unused_codes"]) == {"****"}
    assert page.context["unused_codes"][0][:5] not in again.content.decode()
    assert client.get("/account/").status_code == 200
    (added,) = seen("alliance.factor.added")
    assert (added.actor_ref, added.details["kind"]) == (str(member.pk), "totp")


def test_a_wrong_first_code_sets_nothing_up(client):
    member = person(app=False)
    give_password(client, member.email)
    client.get("/account/factors/app/")

    response = client.post("/account/factors/app/", {"code": "000000"})

    assert "That code is not right" in response.content.decode()
    assert not Authenticator.objects.filter(user=member).exists()


def test_the_code_that_set_the_app_up_does_not_open_a_second_door(client, other_client):
    member = person(app=False)
    give_password(client, member.email)
    secret = client.get("/account/factors/app/").context["form"].secret
    used = code(secret)
    client.post("/account/factors/app/", {"code": used})

    give_password(other_client, member.email)

    assert other_client.post("/sign-in/second-factor/", {"code": used}).status_code == 200
    assert not is_signed_in(other_client)


def test_the_first_factor_ends_the_sessions_that_opened_without_one(client, other_client):
    member = person(app=False)
    give_password(client, member.email)
    give_password(other_client, member.email)
    secret = client.get("/account/factors/app/").context["form"].secret

    client.post("/account/factors/app/", {"code": code(secret)})

    assert is_signed_in(client)
    assert other_client.get(SETUP).url.startswith("/sign-in/")


def test_a_code_opens_only_once(client, other_client):
    member = person()
    give_password(client, member.email)
    give_password(other_client, member.email)
    used = code()
    assert client.post("/sign-in/second-factor/", {"code": used}).status_code == 302

    assert other_client.post("/sign-in/second-factor/", {"code": used}).status_code == 200
    assert not is_signed_in(other_client)


def test_a_used_code_stays_used_when_redis_forgets(client, other_client):
    member = person()
    give_password(client, member.email)
    give_password(other_client, member.email)
    used = code()
    client.post("/sign-in/second-factor/", {"code": used})
    cache.clear()

    assert other_client.post("/sign-in/second-factor/", {"code": used}).status_code == 200


def test_an_earlier_code_does_not_open_after_a_later_one(client, other_client):
    member = person()
    give_password(client, member.email)
    give_password(other_client, member.email)
    earlier = code(steps_away=-1)
    client.post("/sign-in/second-factor/", {"code": code()})

    assert other_client.post("/sign-in/second-factor/", {"code": earlier}).status_code == 200


@pytest.mark.parametrize(("steps", "opens"), [(-2, False), (-1, True), (0, True), (1, False), (2, False)])
def test_only_the_present_code_and_the_one_before_open(client, steps, opens):
    member = person()
    give_password(client, member.email)
    with time_machine.travel(timezone.now().replace(second=45, microsecond=0), tick=False):
        given = code(steps_away=steps)
        assert (client.post("/sign-in/second-factor/", {"code": given}).status_code == 302) is opens


def test_a_code_may_be_typed_with_a_space(client):
    member = person()
    give_password(client, member.email)
    now = code()

    assert client.post("/sign-in/second-factor/", {"code": f"{now[:3]} {now[3:]}"}).status_code == 302


def test_a_wrong_code_is_on_the_record(client):
    member = person()
    give_password(client, member.email)

    client.post("/sign-in/second-factor/", {"code": "000000"})

    (event,) = seen("alliance.session.refused")
    assert (event.target_ref, event.reason) == (str(member.pk), "Code not right")


def test_somebody_elses_code_does_not_open(client):
    member, other = person(), person(app=False)
    give_app(other, "MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK")
    give_password(client, other.email)

    assert client.post("/sign-in/second-factor/", {"code": code(SECRET)}).status_code == 200
    assert member != other


def test_a_recovery_code_opens_once(client, other_client):
    member = person()
    sign_in(client, member)
    client.post("/account/factors/codes/new/")
    first = client.get("/account/factors/codes/").context["unused_codes"][0]

    give_password(other_client, member.email)
    assert other_client.post("/sign-in/second-factor/", {"code": f"{first[:5]} {first[5:]}"}).status_code == 302
    third = type(client)(SERVER_NAME="localhost")
    give_password(third, member.email)
    assert third.post("/sign-in/second-factor/", {"code": first}).status_code == 200


def test_new_recovery_codes_replace_the_old(client, other_client):
    member = person()
    sign_in(client, member)
    client.post("/account/factors/codes/new/")
    old = client.get("/account/factors/codes/").context["unused_codes"][0]
    client.post("/account/factors/codes/new/")

    give_password(other_client, member.email)

    assert other_client.post("/sign-in/second-factor/", {"code": old}).status_code == 200
    assert len(seen("alliance.recovery_codes.renewed")) == 2


def test_secrets_lie_encrypted_in_the_database(client):
    member = person(app=False)
    give_password(client, member.email)
    secret = client.get("/account/factors/app/").context["form"].secret
    client.post("/account/factors/app/", {"code": code(secret)})

    rows = {row.type: row.data for row in Authenticator.objects.filter(user=member)}

    assert secret not in str(rows)
    assert unseal(rows["totp"]["secret"]) == secret
    assert rows["recovery_codes"]["seed"].startswith("gAAAA")


def test_nobody_removes_their_last_factor(client):
    member = person()
    sign_in(client, member)

    page = client.get("/account/factors/app/remove/").content.decode()
    client.post("/account/factors/app/remove/")

    assert "your only second factor" in page
    assert Authenticator.objects.filter(user=member, type="totp").exists()


def test_an_app_is_removed_when_a_passkey_stays(client):
    member = person()
    Authenticator.objects.create(user=member, type="webauthn", data={"name": "Laptop", "credential": {}})
    sign_in(client, member)

    assert client.post("/account/factors/app/remove/").status_code == 302

    assert not Authenticator.objects.filter(user=member, type="totp").exists()
    assert seen("alliance.factor.removed")[0].details["kind"] == "totp"


def test_the_last_passkey_stays(client):
    member = person()
    passkey = Authenticator.objects.create(user=member, type="webauthn", data={"name": "Laptop", "credential": {}})
    sign_in(client, member)
    Authenticator.objects.filter(user=member, type="totp").delete()

    client.post(f"/account/factors/passkeys/{passkey.pk}/remove/")

    assert Authenticator.objects.filter(pk=passkey.pk).exists()


def test_a_passkey_is_renamed_by_its_owner_only(client, other_client):
    member = person()
    passkey = Authenticator.objects.create(user=member, type="webauthn", data={"name": "Laptop", "credential": {}})
    sign_in(client, member)
    sign_in(other_client, person())

    assert other_client.post(f"/account/factors/passkeys/{passkey.pk}/name/", {"name": "Mine"}).status_code == 404
    assert other_client.post(f"/account/factors/passkeys/{passkey.pk}/remove/").status_code == 404
    assert client.post(f"/account/factors/passkeys/{passkey.pk}/name/", {"name": "Work laptop"}).status_code == 302
    passkey.refresh_from_db()
    assert passkey.data["name"] == "Work laptop"


def test_changing_factors_asks_for_a_fresh_proof(client):
    member = person()
    sign_in(client, member)

    with time_machine.travel(timezone.now() + timedelta(minutes=6), tick=False):
        for path in ["app/remove/", "codes/new/", "passkeys/add/"]:
            assert client.get(f"/account/factors/{path}").url.startswith("/prove/code/"), path
        assert client.post("/account/factors/codes/new/").url.startswith("/prove/code/")
    assert not Authenticator.objects.filter(user=member, type="recovery_codes").exists()


def test_the_member_is_told_of_a_new_factor(client, django_capture_on_commit_callbacks):
    member = person(app=False)
    give_password(client, member.email)
    secret = client.get("/account/factors/app/").context["form"].secret
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/account/factors/app/", {"code": code(secret)})

    assert Notice.objects.get(to=member).subject == "An authenticator app was added"


def test_a_factor_that_is_taken_away_by_a_manager_ends_what_it_opened(client):
    member = person()
    sign_in(client, member)

    reset_factors(member, by=holder(Role.CENTER_MANAGER, member.center), reason="Lost the phone")

    assert not is_signed_in(client)
    give_password(client, member.email)
    assert client.get("/account/").url == SETUP
    assert seen("alliance.factor.reset")[0].details["sessions_ended"] == 1


def test_a_member_can_not_reset_factors_themselves(client):
    member = person()

    with pytest.raises(NotAllowed):
        reset_factors(member, by=member, reason="I want to")


def test_codes_used_at_the_same_moment_open_only_one_door():
    member = person()
    now = code()

    assert opened_by(member, now) is not None
    assert opened_by(member, now) is None
    forget_codes(member)
    assert opened_by(member, now) is not None


def test_a_manager_resets_a_lost_factor_on_the_page_of_the_person(browse):
    member = person()
    manager = holder(Role.CENTER_MANAGER, member.center)
    path = f"/people/{member.pk}/reset-factors/"

    assert browse(manager).post(path, {"reason": "Lost the phone"}).url == f"/people/{member.pk}/"

    assert not Authenticator.objects.filter(user=member).exists()
    assert browse(holder(Role.CENTER_MANAGER)).post(path, {"reason": "Curious"}).status_code in {403, 404}
    assert browse(person(center=member.center)).post(path, {"reason": "Curious"}).status_code == 403
