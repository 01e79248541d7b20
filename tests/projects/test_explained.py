"""The decision as a page shows it: the version that it is about, and on which record each line rests."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.catalog.models import DatasetVersion
from apps.projects.access import may_use
from apps.projects.explained import answers_for
from apps.projects.selectors import requests_of
from apps.projects.services import amendments, decisions, proposals
from tests.factories import arranged
from tests.projects.world import GRU, accepted, again, agrees, joins, proposed, published


def answer_of(world):
    (answer,) = answers_for(world.lead, world.project, requests_of(world.project))
    return answer


# ── which version it is about ───────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def clock():
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=False) as clock:
        yield clock


def second_version(world):
    """Version 2 of the world's data is published, and the project begins a change that asks for it."""
    with arranged():
        version = DatasetVersion.objects.create(dataset=world.dataset, number=2, licence="CC0-1.0", terms=GRU)
        version.status, version.published_at, version.published_by = "published", timezone.now(), world.steward
        version.status_at = version.published_at
        version.save()
    change = amendments.begin(again(world.project), by=world.lead)
    return change, proposals.ask_for(again(world.project), by=world.lead, version=version, reason="Longer follow-up.")


def written(world, clock):
    second_version(world)
    return "Version 2 is in a change that was not sent yet"


def sent(world, clock):
    change, _ = second_version(world)
    clock.shift(timedelta(seconds=1))
    amendments.submit(change, by=world.lead)
    return "Version 2 waits for the data stewards of Owner"


def refused(world, clock):
    sent(world, clock)
    clock.shift(timedelta(seconds=1))
    asked = world.project.requests.get(version__number=2)
    decisions.refuse(asked, by=world.steward, reason="The first one will do.")
    return "Owner refused version 2"


@pytest.mark.parametrize("asked", [written, sent, refused], ids=lambda act: act.__name__)
def test_beside_a_newer_version_without_a_yes_the_page_is_about_the_one_that_is_approved(world, browse, clock, asked):
    words = asked(world, clock)
    answer = answer_of(world)
    page = browse(world.lead).get(reverse("projects:access", args=[world.project.pk])).content.decode()

    assert answer.decision
    assert (answer.decision.version, answer.number, answer.request) == (world.version.pk, 1, world.request)
    assert answer.newer.startswith(words)
    assert "version 1?" in page
    assert "version 2?" not in page
    assert words in page


def test_once_the_newer_version_is_approved_the_page_is_about_that_one(world, clock):
    sent(world, clock)
    clock.shift(timedelta(seconds=1))
    approved = world.project.requests.get(version__number=2)
    decisions.approve(
        approved, by=world.steward, edition=approved.edition.number, ends_on=timezone.now().date() + timedelta(days=90)
    )

    answer = answer_of(world)

    assert (answer.number, answer.newer) == (2, "")
    assert [line.key for line in answer.decision.missing] == ["terms"]


def test_what_was_taken_back_does_not_hide_what_the_owner_said_before(world, clock):
    _, newer = second_version(world)
    clock.shift(timedelta(seconds=1))
    proposals.drop(newer, by=world.lead)
    clock.shift(timedelta(seconds=1))
    decisions.revoke(world.request, by=world.steward, reason="Consent was withdrawn.")

    answer = answer_of(world)

    assert (answer.number, answer.newer) == (1, "")
    assert "Owner took its approval back" in [line.detail for line in answer.lines]


# ── the record behind each line ─────────────────────────────────────────────────────────────────────────────────────
def test_each_line_that_is_met_rests_on_a_record(world):
    rests = {line.key: line.rests_on for line in may_use(world.lead, world.dataset, world.project).lines}
    edition = world.request.edition

    assert [key for key, record in rests.items() if not record] == []
    assert rests["center"] == f"alliance.center:{world.home.pk}"
    assert rests["project"] == f"projects.project:{world.project.pk}"
    assert {rests[key] for key in ("purpose", "ethics", "budget")} == {f"projects.edition:{edition.pk}"}


def test_before_anything_was_sent_the_projects_own_text_is_what_counts(world):
    project = proposed(world.lead, world.version, submit=False)

    rests = {line.key: line.rests_on for line in may_use(world.lead, world.dataset, project).lines}

    assert {rests[key] for key in ("purpose", "ethics", "budget")} == {f"projects.project:{project.pk}"}


def test_whoever_may_use_the_data_is_led_to_each_record_and_every_link_opens(world, browse):
    pages = [line.url for line in answer_of(world).lines]
    visitor = browse(world.lead)

    assert all(pages)
    assert {page: visitor.get(page).status_code for page in pages} == dict.fromkeys(pages, 200)


def test_the_page_has_the_links_and_each_has_words(world, browse):
    page = browse(world.lead).get(reverse("projects:access", args=[world.project.pk])).content.decode()
    links = re.findall(r'<span class="decision-detail">.*?<a href="([^"]+)">([^<]*)</a>', page)

    assert {address for address, _ in links} == {line.url for line in answer_of(world).lines}
    assert all(words.strip() for _, words in links)


def test_a_lead_is_not_led_to_what_is_anothers_alone_and_what_they_are_led_to_opens(world, browse):
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=False) as clock:
        joins(world, world.colleague, clock)
        agrees(world)
        accepted(world.colleague, world.version)
        (answer,) = answers_for(world.colleague, world.project, requests_of(world.project), looks=world.lead)
        visitor = browse(world.lead)
        pages = {line.url for line in answer.lines if line.url}
        without = {of.key for of, line in zip(answer.decision.lines, answer.lines, strict=True) if not line.url}

        assert without == {"training", "factor", "terms"}
        assert {page: visitor.get(page).status_code for page in pages} == dict.fromkeys(pages, 200)


def test_a_steward_is_led_to_what_they_may_see_of_a_stranger_and_every_link_opens(world, browse):
    visitor = browse(world.steward)
    page = visitor.get(reverse("access:request", args=[world.request.pk]))
    ((opened, lines),) = page.context["opened"]
    pages = {line["url"] for line in lines if line["url"]}
    without = {of.key for of, line in zip(opened.decision.lines, lines, strict=True) if not line["url"]}

    assert without == {"membership", "training", "factor", "terms"}
    assert {page: visitor.get(page).status_code for page in pages} == dict.fromkeys(pages, 200)


def test_links_cost_one_query_however_many_data_and_lines_there_are(world):
    def queries():
        requests = requests_of(world.project)
        with CaptureQueriesContext(connection) as seen:
            assert answers_for(again(world.lead), world.project, requests)
        return len(seen)

    before = queries()
    other = published(world.owner, world.steward, slug="other-data")
    amendments.begin(again(world.project), by=world.lead)
    proposals.ask_for(again(world.project), by=world.lead, version=other, reason="More.")

    assert len(answers_for(world.lead, world.project, requests_of(world.project))) == 2
    assert queries() == before
