"""E58: somebody else's identifiers: an address of another center answers as one that was never given."""

import re
import uuid

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.alliance.models import Center, Grant
from tests.factories import CenterFactory, MemberFactory, TrainingRecordFactory, TrainingTypeFactory, alliance, give
from tests.house.samples import ARGUMENTS, World, undone
from tests.house.site import routes

# Centers in good standing and trainings are there for everybody to see; the rest of these concern oneself only.
FOR_EVERYBODY = {
    "alliance:center",
    "alliance:training_type",
    "alliance:training_type_retire",
    "alliance:training_submit",
    "agreements:agreement_draft",
    "agreements:terms_accept",
    "agreements:wording",
    "agreements:wording_new",
    "agreements:wording_retire",
    "projects:ask",
}
NOT_BY_ID = {
    "alliance:invitation_accept", "account_reset_password_from_key", "openid_connect_login", "openid_connect_callback",
}  # fmt: skip
ROUTES = {route.name: route for route in routes() if route.has_arguments and route.name not in NOT_BY_ID}
ABOUT_CENTERS = {name for name, route in ROUTES.items() if route.pattern.startswith("centers/")}
ABOUT_DATA = {name for name, route in ROUTES.items() if route.pattern.startswith("datasets/")}  # tests/catalog
ABOUT_PEOPLE = sorted(set(ROUTES) - ABOUT_CENTERS - ABOUT_DATA - FOR_EVERYBODY)


def plain(answer):
    """The page without what differs at each request."""
    body = re.sub(rb"\b[0-9a-f]{32}\b", b"*", answer.content)
    return re.sub(rb'name="csrfmiddlewaretoken" value="[^"]*"', b"*", body)


def said(world, who, path, method):
    with undone():
        answer = world.browser(who).generic(method, path, "reason=Mine.", "application/x-www-form-urlencoded")
    return answer.status_code, len(answer.content), plain(answer)


def never_given(name: str, world: World) -> str:
    """The same address with an identifier that nobody ever had."""
    arguments = ARGUMENTS[name](world) if name in ARGUMENTS else None
    kwargs = arguments or _arguments_of(name)
    random = dict.fromkeys(("pk", "asked", "person", "of"), uuid.uuid4()) | {"slug": "no-such-center"}
    if "passkeys" in ROUTES[name].pattern or name == "alliance:session_end":
        random["pk"] = 999_999_999
    return reverse(name, kwargs={key: random[key] for key in kwargs})


def _arguments_of(name: str) -> list[str]:
    return re.findall(r"<\w+:(\w+)>", ROUTES[name].pattern)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", ABOUT_PEOPLE)
def test_what_belongs_to_another_center_answers_as_if_it_did_not_exist(world, name, method):
    foreign = said(world, "other_manager", ROUTES[name].path(world), method)
    random = said(world, "other_manager", never_given(name, world), method)

    assert foreign == random
    assert foreign[0] in {403, 404, 405}


@pytest.mark.parametrize("name", ["alliance:training_record", "alliance:training_evidence", "alliance:training_accept"])
def test_a_colleague_without_a_role_sees_nobody_elses_proof(world, name):
    method = "POST" if name.endswith("accept") else "GET"

    found = said(world, "researcher", ROUTES[name].path(world), method)

    assert found == said(world, "researcher", never_given(name, world), method)
    assert found[0] == 404


@pytest.mark.parametrize("status", [Center.Status.APPLICANT, Center.Status.LEFT])
@pytest.mark.parametrize("name", sorted(ABOUT_CENTERS - {"alliance:center_appoint"}))
def test_a_center_that_does_not_belong_is_unknown_to_other_centers(world, name, status):
    with undone():
        Center.objects.filter(pk=world.center.pk).update(status=status)
        for method in ("GET", "POST"):
            foreign = said(world, "other_manager", ROUTES[name].path(world), method)
            random = said(world, "other_manager", never_given(name, world), method)

            assert foreign == random
            assert foreign[0] in {403, 404, 405}


def test_a_retired_training_takes_no_proof_as_if_it_did_not_exist(world):
    with undone():
        gone = TrainingTypeFactory(status="retired")

        found = said(world, "researcher", reverse("alliance:training_submit", args=[gone.pk]), "GET")

        assert found == said(world, "researcher", never_given("alliance:training_submit", world), "GET")


def test_a_neighbouring_identifier_finds_nobody(world):
    for step in (-1, 1):
        path = reverse("alliance:person", args=[uuid.UUID(int=world.owner.pk.int + step)])
        assert world.browser("center_manager").get(path).status_code == 404


@pytest.mark.parametrize("pk", ["1", "0", "-1", "me", "00000000-0000-0000-0000-000000000000", "%00", "../1", "null"])
def test_what_is_no_identifier_finds_nobody(world, pk):
    assert world.browser("center_manager").get(f"/people/{pk}/").status_code == 404


# ── other people's rows through one's own forms ─────────────────────────────────────────────────────────────────────
def test_a_role_of_the_alliance_cannot_be_ended_by_its_identifier(world):
    with undone():
        grant = Grant.objects.get(user=world.members["alliance_auditor"])

        answer = world.browser("center_manager").post(
            reverse("alliance:role_end", args=[grant.pk]), {"reason": "Mine."}
        )

        assert answer.status_code == 404
        assert Grant.objects.filter(pk=grant.pk).exists()


def test_a_member_of_another_center_is_not_appointed_through_this_centers_address(world):
    with undone():
        world.center.all_grants.filter(role="center_manager").update(ended_at=timezone.now())
        stranger = MemberFactory(center=CenterFactory())
        path = reverse("alliance:center_appoint", args=[world.center.slug, stranger.pk])

        assert world.browser("alliance_manager").post(path, {"reason": "Mine."}).status_code == 404
        assert not stranger.all_grants.exists()


def test_the_list_filter_names_no_center_that_one_may_not_see(world):
    with undone():
        hidden = CenterFactory(status=Center.Status.APPLICANT, short_name="Hidden")
        person = MemberFactory(center=hidden, name="Hidden Person")

        page = world.browser("researcher").get(f"/people/?center={hidden.slug}").content.decode()

    assert "Hidden" not in page
    assert person.name not in page


def test_a_proof_filter_shows_no_proof_of_another_center(world):
    with undone():
        record = TrainingRecordFactory(type=TrainingTypeFactory(name="Foreign training"))

        page = world.browser("center_manager").get(f"/training/queue/?type={record.type_id}").content.decode()

    assert str(record.pk) not in page


def test_the_email_field_of_the_alliances_roles_is_for_its_managers_only(world):
    """It says whether an address is a member's, so nobody else gets that far."""
    for who in ("center_manager", "alliance_auditor", "researcher"):
        with undone():
            known = world.browser(who).post(
                "/alliance/roles/", {"email": world.owner.email, "role": "auditor", "reason": "x"}
            )
            unknown = world.browser(who).post(
                "/alliance/roles/", {"email": "no@body.org", "role": "auditor", "reason": "x"}
            )
        assert (known.status_code, plain(known)) == (unknown.status_code, plain(unknown))
        assert known.status_code == 403


def test_a_role_given_at_the_alliance_is_not_seen_by_other_centers(world):
    with undone():
        stranger = MemberFactory(center=CenterFactory())
        grant = give(stranger, "auditor", alliance())

        answer = world.browser("center_manager").post(
            reverse("alliance:role_end", args=[grant.pk]), {"reason": "Mine."}
        )

    assert answer.status_code == 404
