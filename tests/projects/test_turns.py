"""What a project's page says is missing, whose turn it is and since when; and another's conditions told as theirs."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from apps.alliance.models import TrainingRecord
from apps.alliance.roles import Role
from apps.projects.access import Line, decided, may_use, spoken_of
from apps.projects.explained import answers_for
from apps.projects.facts import Asked, Facts, facts_of
from apps.projects.models import Project
from apps.projects.selectors import requests_of, threaded, unanswered
from apps.projects.services import amendments, decisions, proposals
from apps.projects.timelines import timeline_of
from tests.factories import CenterFactory, MemberFactory, arranged, holder
from tests.projects.world import approve, in_days, proposed, published

pytestmark = pytest.mark.django_db


def turns(browse, member, project: Project) -> list[tuple[str, str]]:
    """What the page says is missing, and whose turn that is."""
    return [(one.what, one.whose) for one in browse(member).get(f"/projects/{project.pk}/").context["turns"]]


@pytest.fixture
def second(world):
    """A dataset of another owner, in a new project of the lead that asks for both and was sent."""
    steward = holder(Role.DATA_STEWARD, CenterFactory(short_name="Second"))
    other = published(steward.center, steward)
    project = proposed(world.lead, world.version, submit=False)
    proposals.ask_for(project, by=world.lead, version=other, reason="For comparison.")
    proposals.submit(project, by=world.lead)
    project.refresh_from_db()
    return project


# ── whose turn it is ────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_lead_who_has_everything_reads_that_nothing_is_missing(world, browse):
    page = browse(world.lead).get(f"/projects/{world.project.pk}/")

    assert page.context["turns"] == []
    assert "You may use 1 of 1 dataset now." in page.content.decode()


def test_a_draft_says_how_many_answers_are_missing_and_that_the_lead_writes_them(world, browse):
    draft = proposals.propose(world.lead.center, by=world.lead, title="A question")
    proposals.add_to_team(draft, by=world.lead, member=world.colleague)

    (own, whose), *_ = turns(browse, world.lead, draft)
    (_, told), *_ = turns(browse, world.colleague, draft)

    assert re.fullmatch(r"\d+ answers are missing before it can be sent", own)
    assert (whose, told) == ("you", str(world.lead))


def test_each_owner_who_has_not_decided_is_named_with_the_median_of_its_own(world, browse, second):
    with time_machine.travel(timezone.now() + timedelta(days=3), tick=False):
        before = proposed(world.lead, published(world.owner, world.steward, slug="earlier"))
    with time_machine.travel(timezone.now() + timedelta(days=10), tick=False):
        decisions.refuse(before.requests.get(), by=world.steward, reason="No.")
        found = browse(world.lead).get(f"/projects/{second.pk}/").context["turns"]

    usual = {one.what: (one.whose, one.usually) for one in found if "decision" in one.what}
    assert usual == {
        "Owner’s decision": ("the data stewards of Owner", "7 days"),
        "Second’s decision": ("the data stewards of Second", ""),
    }


def test_who_has_taken_a_request_is_named(world, browse, second):
    mine = second.requests.get(version=world.version)
    decisions.take(mine, by=world.steward)

    assert ("Owner’s decision", f"{world.steward} of Owner") in turns(browse, world.lead, second)


def test_a_question_is_the_teams_turn_until_somebody_answers_it(world, browse, second):
    asked = proposals.remark(second, by=world.steward, text="Why all years?")
    assert (f"An answer to {world.steward} of Owner", "the team") in turns(browse, world.lead, second)

    proposals.remark(second, by=world.lead, text="For the trend.", answers=asked)

    assert unanswered(second) == []
    assert not [what for what, _ in turns(browse, world.lead, second) if what.startswith("An answer")]


def test_what_only_oneself_can_mend_has_its_button_and_says_you(world, browse):
    proposals_of = proposed(world.lead, published(world.home, holder(Role.DATA_STEWARD, world.home), slug="own"))
    steward = proposals_of.requests.get().version.published_by
    approve(proposals_of.requests.get(), by=steward, ends_on=in_days(100))
    proposals_of.refresh_from_db()

    page = browse(world.lead).get(f"/projects/{proposals_of.pk}/")

    found = {one.what: (one.whose, one.button) for one in page.context["turns"]}
    assert found["Your acceptance of the terms"] == ("you", "Read and accept")
    assert found["Its start"] == ("you", "")


def test_proof_that_was_sent_is_a_managers_turn(world, browse):
    with arranged():
        TrainingRecord.objects.filter(member=world.lead).update(
            status="submitted", decided_at=None, decided_by=None, status_at=timezone.now()
        )

    assert turns(browse, world.lead, world.project) == [("Your training", "a center manager of Home")]
    words = browse(world.lead).get(f"/projects/{world.project.pk}/access/").content.decode()
    assert "the proof is sent" in words
    assert "See your proof" in words


def test_whoever_is_not_on_the_team_reads_the_stage_and_none_of_its_own_conditions(world, browse, second):
    assert turns(browse, world.steward, second) == [
        ("Owner’s decision", "the data stewards of Owner"),
        ("Second’s decision", "the data stewards of Second"),
    ]


def test_an_approval_that_no_owner_gave_leads_to_a_new_proposal(world, browse):
    project = proposed(world.lead, published(world.owner, world.steward, slug="another"))
    decisions.refuse(project.requests.get(), by=world.steward, reason="No.")

    assert turns(browse, world.lead, project) == [("A new proposal, since no owner approved its data", "you")]


# ── its life ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_each_standing_has_the_moment_and_the_person_it_came_from(world):
    manager = holder(Role.CENTER_MANAGER, world.home)
    later = timezone.now() + timedelta(days=2)
    with time_machine.travel(later, tick=False):
        decisions.suspend(world.project, by=manager, reason="Look first.")
        decisions.reinstate(world.project, by=manager, reason="All is well.")
    world.project.refresh_from_db()

    passed = [one for one in timeline_of(world.project, requests_of(world.project)) if one.state == "done"]

    assert [(one.name, one.who) for one in passed] == [
        ("Begun", str(world.lead)),
        ("Submitted", str(world.lead)),
        ("Decided", "each owner"),
        ("Started", str(world.lead)),
        ("Suspended", str(manager)),
        ("Goes on", str(manager)),
    ]
    moments = [one.at for one in passed]
    assert moments == sorted(moments)
    assert moments[-1] == later


# ── another's conditions ────────────────────────────────────────────────────────────────────────────────────────────
ADDRESSED = re.compile(r"\byour?s?\b", re.IGNORECASE)


def told_worst_and_best(world) -> list[Line]:
    """All lines as they are when nothing is met, and as they are when all is."""
    (best,) = facts_of([Asked(world.lead.pk, world.project.pk, world.dataset.pk)], timezone.now())
    numbers = dict.fromkeys(Facts._fields)
    worst = Facts(**{**numbers, "home": "Home", "home_slug": "home", "owner": "Owner", "dataset": "Data",
                     "is_own_data": False, "ethics_reference": "", "purpose": {}})  # fmt: skip
    own = best._replace(is_own_data=True, member_status="suspended")
    return [line for facts in (best, worst, own) for line in decided(facts, timezone.now()).lines]


def test_no_line_about_another_person_addresses_the_reader(world):
    lines = told_worst_and_best(world)
    assert any(ADDRESSED.search(f"{one.words} {one.mender} {one.detail}") for one in lines)

    told = [spoken_of("Grace Liu", one) for one in lines]

    assert [one for one in told if ADDRESSED.search(f"{one.words} {one.mender} {one.detail}")] == []


def test_what_an_owner_wrote_is_not_reworded(world):
    line = Line("approval", "Owner approves it", True, "You have to name us, you, by letter.")

    assert spoken_of("Grace Liu", line).detail == line.detail


def test_a_lead_reads_of_another_what_is_up_to_them_without_a_way_that_leads_to_the_leads_own_pages(world):
    with arranged():
        TrainingRecord.objects.filter(member=world.colleague).update(valid_until=in_days(-1))
    (answer,) = answers_for(world.colleague, world.project, requests_of(world.project), looks=world.lead)

    by_words = {line.words: line for line in answer.lines}
    training = by_words[f"{world.colleague.name}’s training is valid"]

    assert training.mend == f"Up to {world.colleague.name}, by sending proof"
    assert training.mend_url == ""


def test_the_owner_who_said_no_is_named_and_why_is_not(world):
    decisions.revoke(world.request, by=world.steward, reason="Consent was withdrawn.")

    (answer,) = answers_for(world.lead, world.project, requests_of(world.project))
    (line,) = [one for one in answer.lines if one.words == "Owner approves it"]

    assert line.detail == "Owner took its approval back"
    assert not may_use(world.lead, world.dataset, world.project)


def test_a_no_to_a_change_does_not_read_as_a_no_to_what_was_approved(world, browse):
    change = amendments.begin(world.project, by=world.lead)
    amendments.write(change, by=world.lead, methods="Cox models, and trees.")
    amendments.submit(change, by=world.lead)
    asked = world.project.requests.get(status="waiting")
    decisions.refuse(asked, by=world.steward, reason="Not for trees.")

    (answer,) = answers_for(world.lead, world.project, requests_of(world.project))

    assert answer.decision
    assert "Owner refused it" not in [line.detail for line in answer.lines]


# ── threads ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_answers_stand_under_their_question_in_the_order_in_which_they_were_said(world, browse):
    first = proposals.remark(world.project, by=world.steward, text="First question?")
    second = proposals.remark(world.project, by=world.steward, text="Second question?")
    answer = proposals.remark(world.project, by=world.lead, text="To the first.", answers=first)
    proposals.remark(world.project, by=world.steward, text="And more.", answers=answer)

    page = browse(world.lead).get(f"/projects/{world.project.pk}/")

    assert [one.text for one in page.context["remarks"].rows] == [second.text, first.text]
    assert [one.text for one in threaded([first])[0].thread] == ["To the first.", "And more."]
    assert threaded([second])[0].thread == []


# ── auditors ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_centers_auditor_finds_the_projects_that_concern_the_center_and_the_way_to_each(world, browse):
    elsewhere = proposed(MemberFactory(), published(CenterFactory(), MemberFactory(), slug="elsewhere"))
    auditor = holder(Role.AUDITOR, world.owner)

    assert "/audited/" in browse(auditor).get("/projects/").content.decode()
    listed = browse(auditor).get("/audited/").content.decode()

    assert f"/projects/{world.project.pk}/access/replay/" in listed
    assert str(elsewhere.pk) not in listed


def test_a_draft_is_not_listed_for_auditors_before_it_is_sent(world, browse):
    draft = proposals.propose(world.home, by=world.lead, title="Not yet for others")

    listed = browse(holder(Role.AUDITOR, world.home)).get("/audited/").content.decode()

    assert str(draft.pk) not in listed
    assert str(world.project.pk) in listed


def test_whoever_is_no_auditor_finds_no_such_list(world, browse):
    assert browse(world.lead).get("/audited/").status_code == 404
