"""What ends when: for the team, for those who steward the data, on a page and as a calendar file."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apps.alliance.roles import Role
from apps.core import listing
from apps.projects import endings
from apps.projects.endings import Ending, endings_for
from apps.projects.icalendar import file_of, folded
from apps.projects.models import TeamMember
from apps.projects.services import closing, decisions
from tests.factories import CenterFactory, MemberFactory, arranged, holder
from tests.projects.world import in_days, running

pytestmark = pytest.mark.usefixtures("begun_at_noon")

MADE = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


def kinds(member):
    return {one.key.split(":")[0]: one.on for one in endings_for(member)}


def test_the_lead_sees_all_that_their_access_rests_on_soonest_first(world):
    found = endings_for(world.lead)

    assert kinds(world.lead) == {
        "training": in_days(355), "vouch": in_days(200), "project": in_days(365), "ethics": in_days(250),
        "approval": in_days(300), "agreement": in_days(400),
    }  # fmt: skip
    assert [one.on for one in found] == sorted(one.on for one in found)


def test_a_steward_sees_the_approvals_and_agreements_on_the_centers_data(world):
    assert kinds(world.steward) == {"approval": in_days(300), "agreement": in_days(400), "vouch": in_days(200)}


def test_somebody_elsewhere_sees_nothing_of_it(world):
    assert set(kinds(MemberFactory())) == {"vouch"}
    assert set(kinds(holder(Role.DATA_STEWARD, CenterFactory()))) == {"vouch"}


def test_a_revoked_approval_and_a_team_that_one_left_are_no_longer_in_it(world):
    decisions.revoke(world.request, by=world.steward, reason="Consent was withdrawn.")
    assert "approval" not in kinds(world.lead)

    with arranged():
        TeamMember.objects.filter(member=world.lead).update(until=timezone.now(), removed_by=world.manager)
    assert set(kinds(world.lead)) == {"training", "vouch"}


def of_project(visitor, project):
    page = visitor.get(reverse("access:calendar"), {"project": project})
    return (
        {one.key.split(":")[0] for one in page.context["listing"].rows} if page.status_code == 200 else page.status_code
    )


def test_one_project_has_a_calendar_of_its_own_on_a_page_and_as_a_file(world, browse):
    other = running(world)
    lead, only = browse(world.lead), {"project": world.project.pk}
    page = lead.get(reverse("access:calendar"), only)
    file = lead.get(reverse("access:calendar_file"), only)
    keys = [one.key for one in page.context["listing"].rows]

    assert {key.split(":")[0] for key in keys} == {"training", "vouch", "project", "ethics", "approval", "agreement"}
    assert f"project:{world.project.pk}" in keys
    assert f"project:{other.pk}" not in keys
    assert re.findall(r"UID:(.*)@caia.portal", file.content.decode().replace("\r\n ", "")) == keys
    assert world.project.reference in file["Content-Disposition"]
    assert f"{reverse('access:calendar_file')}?project={world.project.pk}" in page.content.decode()
    ways = lead.get(reverse("projects:project", args=[world.project.pk])).content.decode()
    assert f"{reverse('access:calendar')}?project={world.project.pk}" in ways


def test_whoever_sees_the_project_sees_what_ends_in_it_and_nobody_else_does(world, browse):
    assert of_project(browse(world.steward), world.project.pk) == {"project", "ethics", "approval", "agreement"}
    assert of_project(browse(world.manager), world.project.pk) == {"project", "ethics", "approval", "agreement"}
    assert of_project(browse(MemberFactory()), world.project.pk) == 404
    assert of_project(browse(world.lead), "no-id") == 404
    assert (
        browse(MemberFactory()).get(reverse("access:calendar_file"), {"project": world.project.pk}).status_code == 404
    )


def test_of_a_closed_project_only_ones_own_standing_is_left(world, browse):
    closing.close(world.project, by=world.manager, reason="Done.")

    assert of_project(browse(world.lead), world.project.pk) <= {"training", "vouch", "agreement", "approval"}


def test_what_is_over_is_not_in_it(world, time_machine):
    time_machine.move_to(timezone.now() + timedelta(days=260), tick=False)

    assert not {"vouch", "ethics"} & set(kinds(world.lead))


def test_the_page_is_paged_forth_and_back_without_losing_a_row(world, browse, monkeypatch):
    monkeypatch.setattr(listing, "PAGE", 4)
    address, lead = reverse("access:calendar"), browse(world.lead)

    first = lead.get(address).context["listing"]
    second = lead.get(address + first.next_url).context["listing"]
    back = lead.get(address + second.previous_url).context["listing"]

    assert first.rows + second.rows == endings_for(world.lead)
    assert (first.previous_url, second.next_url) == (None, None)
    assert back.rows == first.rows


def test_the_number_of_queries_does_not_grow_with_what_ends(world, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        assert endings_for(world.lead)


def test_no_kind_floods_the_list(world, monkeypatch):
    monkeypatch.setattr(endings, "MOST", 0)

    assert not {"approval", "agreement", "project"} & set(kinds(world.lead))


# ── the file ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_file_is_taken_by_somebody_who_is_signed_in(world, browse):
    answer = browse(world.lead).get(reverse("access:calendar_file"))
    text = answer.content.decode()

    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert re.search(r'filename="caia-endings-\d{4}-\d\d-\d\d\.ics"', answer["Content-Disposition"])
    assert text.count("BEGIN:VEVENT") == len(endings_for(world.lead)) == 6
    assert browse().get(reverse("access:calendar_file")).status_code == 302


def test_an_ending_is_one_whole_day_under_a_name_that_stays():
    text = file_of([Ending(date(2027, 12, 31), "ethics:7", "Ethics approval", "LUAD", "the lead")], at=MADE, name="All")

    assert text == (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//CAIA//portal//EN\r\nX-WR-CALNAME:All\r\n"
        "BEGIN:VEVENT\r\nUID:ethics:7@caia.portal\r\nDTSTAMP:20261123T200000Z\r\n"
        "DTSTART;VALUE=DATE:20271231\r\nDTEND;VALUE=DATE:20280101\r\nSUMMARY:Ends: Ethics approval\r\n"
        "DESCRIPTION:LUAD. Can be renewed by the lead\r\nTRANSP:TRANSPARENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )


def test_what_means_something_in_the_format_is_marked():
    text = file_of([Ending(date(2027, 1, 1), "a:1", "Semi; comma, back\\slash\nBEGIN:VEVENT\x00")], at=MADE, name="A")

    assert "SUMMARY:Ends: Semi\\; comma\\, back\\\\slash\\nBEGIN:VEVENT\r\n" in text
    assert text.count("\r\nBEGIN:VEVENT\r\n") == 1


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=400))
def test_a_folded_line_is_short_and_unfolds_to_itself(line):
    pieces = folded(line).split("\r\n")

    assert all(len(piece.encode()) <= 75 for piece in pieces)
    assert all(piece.startswith(" ") for piece in pieces[1:])
    assert folded(line).replace("\r\n ", "") == line


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\x0b", "\x85", "\u2028"])
def test_no_line_break_of_any_kind_begins_a_line_of_its_own(end):
    text = file_of([Ending(date(2027, 1, 1), "a:1", f"One{end}UID:two")], at=MADE, name="A")

    assert "SUMMARY:Ends: One\\nUID:two\r\n" in text
