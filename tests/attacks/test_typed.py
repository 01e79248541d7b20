"""Every field of every form, filled with what nobody should type: put back, or taken as text."""

import pytest

from apps.alliance.invitations import link_for
from apps.alliance.models import Center, Member
from tests.attacks.posts import SENT
from tests.attacks.test_mass_assignment import path_of
from tests.house.samples import undone

NASTY = {
    "nothing": "",
    "spaces": "   ",
    "as long as a line": "x" * 121,
    "longer than a column": "x" * 300,
    "very long": "x" * 100_000,
    "nul": "a\x00b",
    "lines": "a\r\nBcc: thief@evil.org\n\nb",
    "bidi": "\u202egpj.exe\u2066",
    "emoji": "\U0001f9ec" * 60,
    "lone surrogate": "a\\ud800b",
    "quote": "x'; drop table alliance_member; --",
    "script": "<script>alert(1)</script>",
    "template": "{{ 7*7 }}{% debug %}",
    "formula": "=cmd|' /C calc'!A0",
    "minus": "-1",
    "zero": "0",
    "huge number": "9" * 40,
    "float": "1e400",
    "last day": "9999-12-31",
    "first day": "0001-01-01",
    "list": "[1]",
    "long address": "x" * 290 + "@sample.example.org",
    "longest address": "x" * 240 + "@sample.example.org",
    "address of two": "a@evil.org@sample.example.org",
    "address with quote": '"a b"@sample.example.org',
    "address with lines": "a@sample.example.org\r\nBcc: b@evil.org",
    "long domain": "a" * 64 + ".example.org",
    "many domains": ",".join(f"d{n}.example.org" for n in range(28)),
    "role of nobody": "superuser",
}


def fields_of(world, name):
    return [field for field, value in SENT[name].typed(world).items() if isinstance(value, str | list)]


WORST = ["longer than a column", "nul", "lines", "huge number", "last day", "long address", "lone surrogate"]


@pytest.mark.slow
@pytest.mark.parametrize("tried", [WORST, pytest.param(list(NASTY), marks=pytest.mark.long)], ids=["worst", "all"])
@pytest.mark.parametrize("name", sorted(SENT))
def test_nothing_typed_into_a_form_is_a_mistake_of_ours(world, name, tried):
    for field in fields_of(world, name):
        for words in tried:
            with undone():
                SENT[name].ready(world)
                path = path_of(world, name)
                answer = world.browser(SENT[name].by).post(path, {**SENT[name].typed(world), field: NASTY[words]})

                assert answer.status_code in {302, 422}, (field, words, answer.status_code)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SENT))
def test_a_field_left_out_is_no_mistake_of_ours(world, name):
    for field in fields_of(world, name):
        with undone():
            SENT[name].ready(world)
            path = path_of(world, name)
            typed = {key: value for key, value in SENT[name].typed(world).items() if key != field}

            assert world.browser(SENT[name].by).post(path, typed).status_code in {302, 422}, field


# Pages with a button alone.
ASKS_NOTHING = {"projects:submit", "projects:change_submit"}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SENT))
def test_an_empty_form_is_put_back_as_one_that_was_sent(world, name):
    """Not shown anew as if nobody had sent anything: a button alone is a step, and a missing reason is said."""
    with undone():
        SENT[name].ready(world)
        path, browser = path_of(world, name), world.browser(SENT[name].by)
        is_page = browser.get(path).status_code == 200

        answer = browser.post(path, {})

        expected = {302, 409, 422} if not is_page or name in ASKS_NOTHING else {422}
        assert answer.status_code in expected


def test_what_was_typed_wrongly_is_still_there(world):
    with undone():
        answer = world.browser("center_manager").post(
            "/centers/sample/invite/", {"name": "New Person", "email": "new.person@elsewhere.org", "position": "MD"}
        )

    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="New Person"' in page
    assert 'value="new.person@elsewhere.org"' in page


@pytest.mark.parametrize("name", ["New\nPerson", "New\r\nBcc: thief@evil.org", "New\u2028Person", "New \t Person"])
def test_a_name_is_one_line(world, name):
    with undone():
        world.browser("center_manager").post(
            "/centers/sample/invite/", {"name": name, "email": "new.person@sample.example.org", "position": ""}
        )

        assert Member.objects.get(email="new.person@sample.example.org").name == " ".join(name.split())


@pytest.mark.parametrize("name", ["Dr \u202egpj.exe", "New\u200bPerson", "New\x08Person", "\u2066x", "\ufeffNew"])
def test_a_name_hides_nothing(world, name):
    with undone():
        answer = world.browser("center_manager").post(
            "/centers/sample/invite/", {"name": name, "email": "new.person@sample.example.org", "position": ""}
        )

    assert answer.status_code == 422


@pytest.mark.parametrize("field", ["name", "position"])
@pytest.mark.parametrize("words", ["Dr \u202egpj.exe", "New\u200bPerson", "New\x08Person", "\u2066x"])
def test_what_people_say_of_themselves_hides_nothing(world, field, words):
    with undone():
        answer = world.browser("owner").post("/account/", {"name": "N", "position": "", "orcid": "", field: words})

    assert answer.status_code == 422


@pytest.mark.parametrize("words", ["Dr \u202egpj.exe", "New\x08Person"])
def test_whoever_joins_hides_nothing_in_their_name(client, world, words):
    with undone():
        answer = client.post(
            link_for(world.invitation),
            {"name": words, "password": "an unlikely pair of words", "password_again": "an unlikely pair of words"},
            SERVER_NAME="localhost",
        )

        assert answer.status_code == 422
        assert Member.objects.get(pk=world.invitation.member_id).status == "invited"


def test_a_name_of_ones_own_is_one_line(world):
    with undone():
        world.browser("owner").post("/account/", {"name": "New\r\nBcc: a@b.org", "position": "", "orcid": ""})

        assert Member.objects.get(pk=world.owner.pk).name == "New Bcc: a@b.org"


@pytest.mark.parametrize(
    "name", ["Zoë Ångström", "O’Brien-Smith", "李小龍", "محمد رضا‌زاده", "Nguyễn Thị Minh Khai", "Đorđe"]
)
def test_names_of_the_world_are_taken(world, name):
    with undone():
        world.browser("center_manager").post(
            "/centers/sample/invite/", {"name": name, "email": "new.person@sample.example.org", "position": ""}
        )

        assert Member.objects.get(email="new.person@sample.example.org").name == name


def test_a_ror_id_can_be_pasted_as_an_address(world):
    with undone():
        typed = {**SENT["alliance:center_edit"].typed(world), "ror_id": "https://ror.org/007ps6h72"}
        world.browser("center_manager").post("/centers/sample/edit/", typed)

        assert Center.objects.get(slug="sample").ror_id == "007ps6h72"
