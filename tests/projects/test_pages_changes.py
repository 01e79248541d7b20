"""The pages of a project that was decided: change, renew, hand over, close, and what its owners see of it."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from apps.alliance.roles import Role
from apps.projects.differences import differences
from apps.projects.models import Amendment, Project
from apps.projects.services import amendments, closing, decisions, proposals
from tests.factories import CenterFactory, holder
from tests.projects.world import PURPOSE, again, changed, in_days, joins, published


def at(name, *args):
    return reverse(name, args=args)


def words_of(response):
    return " ".join(response.content.decode().split())


def marked(pieces):
    return "".join(piece.words for piece in pieces if piece.differs)


def test_a_change_is_begun_written_sent_and_waits_where_everybody_sees_whose_turn_it_is(world, browse):
    lead = browse(world.lead)
    lead.post(at("projects:change_begin", world.project.pk))
    written = {"section": "methods", "methods": "Random forests.", "outputs": "Tables."}
    lead.post(at("projects:change", world.project.pk), written)

    read_through = words_of(lead.get(at("projects:change_submit", world.project.pk)))
    assert "<del>Cox models.</del>" in read_through
    assert "1 steward of Owner, anew" in read_through
    lead.post(at("projects:change_submit", world.project.pk))

    shown = words_of(browse(world.steward).get(at("projects:project", world.project.pk)))
    assert "A change waits for the owners" in shown
    assert "with the stewards of Owner" in shown
    assert again(world.project).methods == "Cox models."


def test_the_owner_reads_old_and_new_side_by_side_and_the_new_purpose_against_its_terms(world, browse):
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False) as clock:
        changed(world, submit=False, purpose=PURPOSE | {"is_genetic": True}, ends_on=in_days(200))
        amendment = Amendment.objects.get()
        clock.shift(timedelta(minutes=1))
        amendments.submit(amendment, by=world.lead)
        waiting = world.project.requests.get(status="waiting")
        page = browse(world.steward).get(at("access:request", waiting.pk))

    assert {one.label for one in page.context["differences"]} == {"Last day", "Is it a genetic study?"}
    assert page.context["before"] == world.request
    assert page.context["text"].purpose["is_genetic"] is True
    assert page.context["open_to"]["return"]
    assert world.request not in page.context["others"]


def test_who_joins_is_named_to_the_owner(world, browse):
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False) as clock:
        joins(world, world.colleague, clock)
        page = browse(world.steward).get(at("access:request", world.project.requests.get(status="waiting").pk))

    assert page.context["people"].added == [world.colleague]
    assert "Joins the team" in words_of(page)


def test_the_owner_gives_the_change_back_by_its_page(world, browse):
    amendment = changed(world, methods="Random forests.")
    waiting = world.project.requests.get(status="waiting")

    browse(world.steward).post(at("access:request_return", waiting.pk), {"reason": "Say which."})

    assert (again(amendment).status, again(amendment).reason) == ("returned", "Say which.")
    assert "Say which." in words_of(browse(world.lead).get(at("projects:change", world.project.pk)))


def test_a_draft_of_a_change_is_shown_to_its_lead_alone(world, browse):
    changed(world, submit=False, methods="Random forests.")

    assert "Random" in words_of(browse(world.lead).get(at("projects:project", world.project.pk)))
    assert "Random" not in words_of(browse(world.steward).get(at("projects:project", world.project.pk)))


def test_data_that_a_change_does_not_ask_for_yet_is_shown_to_the_team_alone(world, browse):
    elsewhere = CenterFactory(short_name="Elsewhere")
    other = published(elsewhere, holder(Role.DATA_STEWARD, elsewhere))
    changed(world, submit=False, methods="Random forests.")
    proposals.ask_for(again(world.project), by=world.lead, version=other, reason="To compare.")
    steward = browse(world.steward)

    assert other.dataset.title in words_of(browse(world.lead).get(at("projects:project", world.project.pk)))
    for page in (at("projects:project", world.project.pk), at("access:request", world.request.pk)):
        assert other.dataset.title not in words_of(steward.get(page))


def test_what_is_written_anew_in_a_change_that_came_back_is_shown_to_its_lead_alone(world, browse):
    amendment = changed(world, methods="Random forests.")
    decisions.return_amendment(amendment, by=world.steward, reason="Say which.")
    amendments.write(again(amendment), by=world.lead, methods="Gradient boosting.")

    assert "boosting" in words_of(browse(world.lead).get(at("projects:project", world.project.pk)))
    assert "boosting" not in words_of(browse(world.steward).get(at("projects:project", world.project.pk)))


def test_more_time_is_asked_for_by_one_click_here_and_on_the_calendar(world, browse):
    lead, address = browse(world.lead), at("projects:renew", world.project.pk, world.request.pk)
    for page in (at("projects:project", world.project.pk), at("access:calendar")):
        assert address in words_of(lead.get(page))
    assert address not in words_of(browse(world.steward).get(at("access:calendar")))

    lead.post(address)

    assert world.project.requests.get(status="waiting").is_renewal
    assert address not in words_of(lead.get(at("projects:project", world.project.pk)))


def test_a_change_is_taken_back_with_or_without_a_reason(world, browse):
    lead = browse(world.lead)
    for typed in ({}, {"reason": "Not needed."}):
        amendment = changed(world, methods="Random forests.")
        lead.post(at("projects:change_withdraw", world.project.pk), typed)
        assert (again(amendment).status, again(amendment).reason) == ("withdrawn", typed.get("reason", ""))


def test_where_no_change_is_open_there_is_no_page_of_it(world, browse):
    for name in ("change", "change_submit"):
        assert browse(world.lead).get(at(f"projects:{name}", world.project.pk)).status_code == 404


def test_a_lead_confirms_every_point_before_the_project_closes(world, browse):
    lead, address = browse(world.lead), at("projects:close", world.project.pk)
    some = {"confirmed": ["outputs"], "learned": "It works.", "publications": "", "reason": ""}
    refused = lead.post(address, some)
    assert refused.status_code == 422
    assert "No copies of the data are anywhere else." in words_of(refused)
    lead.post(address, some | {"confirmed": ["outputs", "copies", "publications"]})

    assert again(world.project).status == "closed"
    assert "It works." in words_of(lead.get(at("projects:project", world.project.pk)))
    assert "It works." in words_of(browse(None).get(at("access:register")))


def test_a_manager_closes_it_with_a_reason_alone(world, browse):
    browse(world.manager).post(at("projects:close", world.project.pk), {"reason": "The lead left."})

    assert (again(world.project).status, again(world.project).reason) == ("closed", "The lead left.")


def test_only_those_of_the_team_who_can_lead_are_offered(world, browse):
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=False) as clock:
        joins(world, world.colleague, clock)
        form = browse(world.lead).get(at("projects:hand_over", world.project.pk)).context["form"]
        assert list(form.fields["to"].queryset) == [world.colleague]
        browse(world.lead).post(
            at("projects:hand_over", world.project.pk), {"to": world.colleague.pk, "reason": "I go on leave."}
        )

    assert again(world.project).lead == world.colleague


def test_closing_says_what_is_still_open(world, browse):
    changed(world, methods="Random forests.")
    page = browse(world.lead).get(at("projects:close", world.project.pk))

    assert [point.done for point in page.context["points"]] == [False, False]
    closing.close(world.project, by=world.manager, reason="Over.")
    assert Project.objects.get().status == "closed"


@pytest.mark.parametrize(
    ("old", "new", "gone", "added"),
    [
        ("Cox models.", "Cox models with strata.", "models.", "models with strata."),
        ("", "Trees.", "–", "Trees."),
        ("One two three.", "One three.", "two ", ""),
    ],
)
def test_the_words_that_differ_are_marked_and_no_other(old, new, gone, added):
    (one,) = differences(Project(methods=old), Project(methods=new))

    assert (one.label, marked(one.old), marked(one.new)) == ("Methods", gone, added)
