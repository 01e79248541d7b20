"""The pages of auditors, who look into the past, and of the public, who read the register."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from apps.alliance.roles import Role
from apps.audit.models import Event
from apps.projects.models import AccessRequest, Project
from apps.projects.services import closing, decisions
from tests.factories import CenterFactory, MemberFactory, alliance, arranged, holder
from tests.projects.world import proposed, published

R = AccessRequest.Status


def at(name, request):
    return reverse(f"access:{name}", args=[request.pk])


def again(row):
    return type(row)._base_manager.get(pk=row.pk)


def words_of(response):
    return " ".join(response.content.decode().split())


# ── the past ────────────────────────────────────────────────────────────────────────────────────────────────────────
def replay(browser, world, moment, person=None, dataset=None):
    query = {"person": (person or world.lead).pk, "dataset": (dataset or world.dataset).pk}
    address = reverse("access:replay", args=[world.project.pk])
    return browser.get(address, query | {"at": f"{moment:%Y-%m-%dT%H:%M:%S}"})


def test_an_auditor_sees_the_decision_as_it_was_and_the_look_is_recorded(world, browse):
    auditor = holder(Role.AUDITOR, alliance())
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False):
        before = timezone.now()
    with time_machine.travel(before + timedelta(hours=1), tick=False):
        decisions.revoke(world.request, by=world.steward, reason="Consent was withdrawn.")
    with time_machine.travel(before + timedelta(hours=2), tick=False):
        then = replay(browse(auditor), world, before)
        now = replay(browse(auditor), world, timezone.now())

    assert then.context["decision"]
    assert [line.key for line in now.context["decision"].missing] == ["approval"]
    assert f"projects.accessrequest {world.request.pk}" in words_of(then)
    looks = Event.objects.filter(event="projects.access.replayed", actor_ref=str(auditor.pk))
    assert [look.details["member"] for look in looks] == [str(world.lead.pk)] * 2


def test_an_auditor_of_the_alliance_finds_the_way_from_the_project_and_nobody_else_is_shown_it(world, browse):
    page, address = (reverse(name, args=[world.project.pk]) for name in ("projects:project", "access:replay"))

    assert address in words_of(browse(holder(Role.AUDITOR, alliance())).get(page))
    assert address not in words_of(browse(world.lead).get(page))


def test_without_a_question_nothing_is_shown_and_nothing_recorded(world, browse):
    page = browse(holder(Role.AUDITOR, alliance())).get(reverse("access:replay", args=[world.project.pk]))

    assert "decision" not in page.context
    assert not Event.objects.filter(event="projects.access.replayed").exists()


def test_nobody_looks_into_the_future(world, browse):
    page = replay(browse(holder(Role.AUDITOR, alliance())), world, timezone.now() + timedelta(days=1))

    assert "at" in page.context["form"].errors


@pytest.mark.parametrize(("whose", "status"), [("home", 200), ("owner", 200), ("other", 404)])
def test_a_centers_auditor_looks_into_what_concerns_the_center(world, browse, whose, status):
    center = CenterFactory() if whose == "other" else getattr(world, whose)

    page = replay(browse(holder(Role.AUDITOR, center)), world, timezone.now() - timedelta(minutes=1))

    assert page.status_code == status


def test_an_owners_auditor_asks_about_the_owners_data_alone(world, browse):
    elsewhere = CenterFactory()
    other = published(elsewhere, holder(Role.DATA_STEWARD, elsewhere))
    with arranged():
        AccessRequest.objects.create(
            project=world.project, version=other, status="waiting", waits_since=timezone.now(),
            edition=world.request.edition, quorum=1,
        )  # fmt: skip
    moment = timezone.now()

    page = replay(browse(holder(Role.AUDITOR, world.owner)), world, moment, dataset=other.dataset)
    own = replay(browse(holder(Role.AUDITOR, world.home)), world, moment, dataset=other.dataset)

    assert "dataset" in page.context["form"].errors
    assert "decision" in own.context


def test_whoever_is_no_auditor_does_not_look(world, browse):
    for person in (world.lead, world.steward, world.manager):
        assert replay(browse(person), world, timezone.now()).status_code == 404


# ── the public ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_anybody_reads_the_register_and_finds_no_person_in_it(world, browse):
    page = browse().get(reverse("access:register"))

    words = words_of(page)
    for shown in (world.project.title, world.project.lay_summary, world.dataset.title, world.home.legal_name):
        assert shown in words
    for hidden in (world.lead.name, world.steward.name, world.project.methods, "IRB-1"):
        assert hidden not in words


def test_the_register_has_what_ran_and_nothing_that_never_did(world, browse):
    waiting = proposed(world.colleague, world.version)
    never = proposed(world.colleague, world.version)
    decisions.refuse(never.requests.get(), by=world.steward, reason="No consent.")
    closing.close(again(never), by=world.colleague, reason="Refused.")
    closing.close(world.project, by=world.manager, reason="Done.")

    rows = browse().get(reverse("access:register")).context["listing"].rows

    assert [row.pk for row in rows] == [world.project.pk]
    assert waiting.status == Project.Status.SUBMITTED


def test_data_whose_owner_said_no_is_not_in_the_register(world, browse):
    other = published(world.owner, world.steward, slug="refused-data")
    with arranged():
        asked = AccessRequest.objects.create(
            project=world.project, version=other, status="waiting", waits_since=timezone.now(),
            edition=world.request.edition, quorum=1,
        )  # fmt: skip
    decisions.refuse(asked, by=world.steward, reason="No.")

    (row,) = browse(MemberFactory()).get(reverse("access:register")).context["listing"].rows

    assert row.data == [world.dataset.title]
