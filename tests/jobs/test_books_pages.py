"""The pages of what computing costs, and the books as CSV."""

import csv
import io
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.alliance.models import Member
from apps.alliance.roles import Role
from apps.alliance.selectors import the_alliance
from apps.audit.models import Event
from apps.jobs import bills
from apps.jobs.books import Month
from apps.jobs.models import Budget
from tests.factories import CenterFactory, MemberFactory, alliance, arranged, holder
from tests.jobs.booked import budgeted, manager_of, used


@pytest.fixture
def books(world, over):
    """Use of two centers in this month."""
    used(over, 3, ended=timezone.now())
    with arranged():
        center = CenterFactory(short_name="Third", slug="third")
        return MemberFactory(center=center)


def seen_by(browse, member, **asked):
    page = browse(member).get(reverse("jobs:usage"), asked)
    assert page.status_code == 200
    return [(one.name, round(one.cpu, 2)) for one in page.context["listing"].rows]


def test_each_sees_their_own_part_of_the_books(browse, world, books):
    home = str(world.home)
    assert seen_by(browse, world.lead) == [(home, 3)]
    assert seen_by(browse, world.lead, by="member") == [(world.lead.name, 3)]
    assert seen_by(browse, manager_of(world.home), by="project")[0][0].endswith(world.project.title)
    assert seen_by(browse, holder(Role.AUDITOR, alliance())) == [(home, 3)]
    for other in (books, world.colleague, world.steward):
        assert seen_by(browse, other) == []
    assert seen_by(browse, world.lead, month=str(Month.of(timezone.now()).before(1))) == []
    assert seen_by(browse, world.lead, month="2026-99", by="everything", center="x") == [(home, 3)], (
        "rubbish is nothing"
    )


def test_the_plots_show_a_year(world, over):
    now = Month.of(timezone.now())
    used(over, 2, ended=now.before(3).start + timedelta(days=2), lasted=timedelta(hours=1))

    [(label, bars)] = bills.history(world.lead, now).items()

    assert (label, len(bars)) == ("Processors", 12)
    assert [one.hours for one in bars if one.hours] == pytest.approx([2])
    assert bars[-4].hours == pytest.approx(2)


def test_the_csv_holds_what_one_sees_is_recorded_and_no_formula(browse, world, over):
    with arranged():
        Member.objects.filter(pk=world.lead.pk).update(name='=HYPERLINK("x")')
        world.lead.refresh_from_db()
    used(over, 3, ended=timezone.now())

    answer = browse(world.lead).get(reverse("jobs:usage_csv"))

    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [(one["center"], one["slot_hours"], one["charged"]) for one in rows] == [(str(world.home), "3.0", "yes")]
    assert rows[0]["person"].startswith("'=")
    assert rows[0]["job"] == over.job.reference
    assert Event.objects.filter(event="jobs.usage.exported", target_ref=str(the_alliance().pk)).count() == 1
    assert browse(world.steward).get(reverse("jobs:usage_csv")).content.decode().count("\n") == 1


def test_a_centers_page_says_how_much_is_used_and_who_can_change_it(browse, world, over, books):
    budgeted(world.home, 4)
    page = reverse("jobs:center", args=[world.home.slug])

    shown = browse(world.lead).get(page)
    assert "3 of 4 hours" in shown.content.decode()
    assert f"Only a center manager of {world.home}" in shown.content.decode()
    budgeted(world.home, 3)
    assert "Nothing new begins" in browse(manager_of(world.home)).get(page).content.decode()
    assert browse(books).get(page).status_code == 404


def test_a_manager_changes_a_budget_by_the_page_and_rubbish_comes_back(browse, world):
    browser, page = browse(manager_of(world.home)), reverse("jobs:budget", args=[world.home.slug])
    assert browser.get(page).status_code == 200
    wrong = browser.post(page, {"resource": "tpu", "hours": "-3", "reason": "More for the trial."})
    assert wrong.status_code == 422
    assert "More for the trial." in wrong.content.decode()

    answer = browser.post(page, {"resource": "gpu", "hours": "40", "reason": "As agreed."})

    assert answer.url == reverse("jobs:center", args=[world.home.slug])
    assert Budget.objects.get(center=world.home).hours == 40
    assert browse(world.lead).post(page, {"resource": "gpu", "hours": "1", "reason": "x"}).status_code == 403


def test_the_alliances_manager_sets_a_share_by_the_page(browse, world):
    manager = holder(Role.ALLIANCE_MANAGER, alliance())
    page = reverse("jobs:share", args=[world.home.slug])

    assert browse(manager).post(page, {"weight": "0", "reason": "x"}).status_code == 422
    assert browse(manager).post(page, {"weight": "2.5", "reason": "As agreed."}).status_code == 302
    assert world.home.share.weight == 2.5
    assert browse(manager_of(world.home)).post(page, {"weight": "9", "reason": "x"}).status_code == 403


def test_a_job_that_is_held_back_says_why_and_the_form_says_it_before(browse, world, host, waiting):
    budgeted(world.home, 0)

    page = browse(world.lead).get(reverse("jobs:job", args=[waiting.pk])).content.decode()
    form = browse(world.lead).get(reverse("jobs:new", args=[world.project.pk])).content.decode()

    for text in (page, form):
        assert "has used up its 0 hours of processors" in text
