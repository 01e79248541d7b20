import pytest
from django.test import override_settings
from django.urls import reverse

from apps.alliance.models import Member
from apps.alliance.signin.demo import give_demo_factor, may_become, people_to_become
from tests.factories import MemberFactory, holder
from tests.signin.ways import PASSWORD, give_password, is_signed_in, person, seen

pytestmark = pytest.mark.django_db


def become(client, member, **more):
    return client.post(reverse("alliance:demo_sign_in"), {"member": str(member.pk), **more})


@pytest.fixture
def invented():
    member = holder("data_steward", name="Ada Osei")
    give_demo_factor(member)
    return member


@override_settings(DEMO=True)
def test_one_click_becomes_an_invented_person(client, invented):
    assert become(client, invented, next="/account/").url == "/account/"

    assert is_signed_in(client)
    (event,) = seen("alliance.session.opened")
    assert event.auth["method"] == "demo"
    assert event.actor_ref == str(invented.pk)


@override_settings(DEMO=True)
def test_the_sign_in_page_lists_them_by_center_with_their_roles(client, invented):
    page = client.get("/sign-in/").content.decode()

    assert f"Become Ada Osei, Data steward, {invented.center}" in page
    assert str(invented.pk) in page


def test_outside_the_demo_there_is_no_such_page(client, invented):
    assert become(client, invented).status_code == 404
    assert not may_become(invented)
    assert not is_signed_in(client)
    assert str(invented.pk) not in client.get("/sign-in/").content.decode()


@override_settings(DEMO=True)
@pytest.mark.parametrize(
    "email", ["ada@example.com", "ada@notexample.org", "ada@example.org.evil.net", "a@fredhutch.org"]
)
def test_a_real_address_can_not_be_become(client, email):
    member = MemberFactory(email=email)

    assert become(client, member).status_code == 404
    assert not is_signed_in(client)
    assert str(member.pk) not in client.get("/sign-in/").content.decode()


@override_settings(DEMO=True)
@pytest.mark.parametrize("status", [Member.Status.INVITED, Member.Status.SUSPENDED, Member.Status.LEFT])
def test_only_active_people_can_be_become(client, status):
    assert become(client, MemberFactory(status=status)).status_code == 404


@override_settings(DEMO=True)
@pytest.mark.parametrize("given", ["", "nobody", "0" * 36, "' or 1=1 --", "x" * 5000])
def test_nonsense_becomes_nobody(client, given):
    assert client.post(reverse("alliance:demo_sign_in"), {"member": given}).status_code == 404


@override_settings(DEMO=True)
def test_a_link_becomes_nobody(client, invented):
    assert client.get(reverse("alliance:demo_sign_in"), {"member": str(invented.pk)}).status_code == 405


@override_settings(DEMO=True)
def test_the_way_around_the_factor_is_only_for_that_click(client, invented):
    become(client, invented)
    client.post("/sign-out/")
    member = person()

    assert give_password(client, member.email).url == "/sign-in/second-factor/"
    assert not is_signed_in(client)


@override_settings(DEMO=True)
def test_one_can_become_somebody_else_at_once(client, invented):
    other = MemberFactory()
    give_demo_factor(other)
    become(client, invented)
    before = client.session.session_key

    become(client, other)

    assert client.session["_auth_user_id"] == str(other.pk)
    assert client.session.session_key != before
    assert [event.actor_ref for event in seen("alliance.session.closed")] == [str(invented.pk)]


@override_settings(DEMO=True)
@pytest.mark.stale_proof
def test_the_demo_shows_the_code_where_a_factor_is_asked(client, invented):
    become(client, invented)
    page = client.get("/prove/code/")

    shown = page.context["demo_code"]

    assert shown in page.content.decode()
    assert client.post("/prove/code/", {"code": shown}).status_code == 302


def test_outside_the_demo_no_code_is_ever_shown(client, invented):
    invented.set_password(PASSWORD)
    invented.save()
    give_password(client, invented.email)

    page = client.get("/sign-in/second-factor/")

    assert page.context["demo_code"] == ""
    assert "Demo: the app shows" not in page.content.decode()


def test_only_invented_people_get_the_secret_that_everybody_knows():
    with pytest.raises(ValueError, match="invented"):
        give_demo_factor(MemberFactory(email="somebody@fredhutch.org"))


@override_settings(DEMO=True)
def test_the_list_costs_the_same_for_few_and_for_many(django_assert_num_queries):
    for _ in range(3):
        holder("data_steward")
    with django_assert_num_queries(2):
        people_to_become()
    for _ in range(20):
        holder("output_checker")
    with django_assert_num_queries(2):
        assert len(people_to_become()) == 23
