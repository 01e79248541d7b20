"""The whole way of somebody who is new, by nothing but pages: from a search to the data, and to an owner's no."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from apps.alliance.models import Center, Member, Vouch
from apps.alliance.roles import Role
from tests.browser.ways import enter, prove_again
from tests.factories import CenterFactory, TrainingRecordFactory, TrainingTypeFactory, arranged, give, holder
from tests.factories_agreements import wording
from tests.projects.world import published
from tests.signin.ways import person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
WHY_NOT = "The question can be answered without our cohort."


def day(away: int) -> str:
    return f"{timezone.now().date() + timedelta(days=away)}"


def appointed(role: Role, center: Center, name: str) -> Member:
    member = person(name=name, center=center)
    give(member, role)
    return member


@pytest.fixture
def home():
    return CenterFactory(short_name="Home")


@pytest.fixture
def owner():
    """The center that will say yes, with a dataset."""
    return CenterFactory(short_name="Kind")


@pytest.fixture
def refuser():
    """The center that will say no, with a dataset."""
    return CenterFactory(short_name="Strict")


@pytest.fixture
def newcomer(home):
    """Vouched for, trained, with an app; nothing else."""
    manager = holder(Role.CENTER_MANAGER, home)
    member = person(name="Noor Haddad", center=home)
    training = TrainingTypeFactory(required_of_all=True)
    TrainingRecordFactory(
        member=member, type=training, status="accepted", decided_at=timezone.now(), decided_by=manager
    )
    with arranged():
        Vouch.objects.create(member=member, center=home, vouched_by=manager, ends_on=timezone.now() + timedelta(200))
    return member


@pytest.fixture
def people(home, owner, refuser, newcomer):
    """Who else has a part in it, by what they do."""
    found = {
        "steward": appointed(Role.DATA_STEWARD, owner, "Stella Yes"),
        "refuser": appointed(Role.DATA_STEWARD, refuser, "Nora No"),
        "provider": appointed(Role.SIGNING_OFFICIAL, owner, "Piet Provider"),
        "receiver": appointed(Role.SIGNING_OFFICIAL, home, "Rita Receiver"),
        "colleague": person(name="Cleo Colleague", center=home),
    }
    published(owner, found["steward"])
    published(refuser, found["refuser"])
    wording()
    return found


def green(page: Page, project: str, title: str) -> int:
    """How many conditions are met for this data, by the access page."""
    page.goto(f"{project}access/")
    decision = page.locator(".decision", has=page.get_by_role("heading", name=title))
    return decision.locator(".decision-line.tone-good").count()


def test_a_newcomer_comes_from_a_search_to_the_data_and_reads_who_said_no(
    open_page, live_server, newcomer, people, owner, settings
):
    site = live_server.url
    lead = enter(open_page, site, newcomer)
    project = _proposes(lead)
    counts = [green(lead, project, "Data of Kind")]
    _writes(lead, project)
    counts.append(green(lead, project, "Data of Kind"))
    _sends(lead, project)

    _approves(enter(open_page, site, people["steward"]))
    counts.append(green(lead, project, "Data of Kind"))
    _refuses(enter(open_page, site, people["refuser"]))
    provider = enter(open_page, site, people["provider"])
    _drafts_and_signs(provider)
    assert green(lead, project, "Data of Kind") == counts[-1], "one signature alone opens nothing"
    _signs_after_a_proof(enter(open_page, site, people["receiver"], will_prove=True), settings)
    counts.append(green(lead, project, "Data of Kind"))

    lead.goto(project)
    lead.get_by_role("button", name="Start the project").click()
    counts.append(green(lead, project, "Data of Kind"))
    lead.goto(project)
    lead.get_by_role("link", name="Read and accept").click()
    lead.get_by_label("I have read these terms").check()
    lead.get_by_role("button", name="Accept the terms").click()
    counts.append(green(lead, project, "Data of Kind"))

    assert counts == sorted(set(counts)), f"each step turns a line green: {counts}"
    answers = lead.locator(".decision")
    expect(answers.filter(has_text="Data of Kind").locator(".decision-line:not(.tone-good)")).to_have_count(0)
    expect(answers.filter(has_text="Data of Kind").locator(".decision-verdict")).to_contain_text("Yes, until")
    refused = answers.filter(has_text="Data of Strict")
    expect(refused.locator(".decision-verdict")).to_contain_text("Not yet")
    expect(refused).to_contain_text("Strict refused it")
    refused.get_by_role("link", name="See what was said").click()
    expect(lead.locator("#data")).to_contain_text(WHY_NOT)
    expect(lead.locator("#turns")).to_contain_text("You may use 1 of 2 datasets now.")
    assert lead.complaints == []


def _proposes(page: Page) -> str:
    """Find one dataset by search, see what it needs, propose, ask for both, gather a team; the project's address."""
    page.get_by_role("searchbox", name="Search").first.fill("Data of Kind")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Data of Kind").click()
    expect(page.locator(".decision")).to_contain_text("What you would need")
    page.get_by_role("link", name="Ask for it in a project").click()
    page.get_by_role("link", name="Propose a new project").click()
    page.get_by_label("Title").fill("Who lives longer, and why")
    page.get_by_role("button", name="Begin the proposal").click()
    page.get_by_label("Why the project needs it").fill("It holds survival.")
    page.get_by_role("button", name="Add it").click()
    page.get_by_role("searchbox", name="Search the catalog").fill("Strict")
    page.keyboard.press("Enter")
    page.get_by_text("Ask for it", exact=True).click()
    page.get_by_label("Why the project needs it").fill("For comparison.")
    page.get_by_role("button", name="Add it").click()
    page.get_by_role("link", name="Choose the team").click()
    page.get_by_role("searchbox", name="Search people").fill("Cleo")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Add Cleo Colleague").click()
    expect(page.get_by_text("Cleo Colleague is on the team.")).to_be_visible()
    return page.url.removesuffix("team/")


def _writes(page: Page, project: str) -> None:
    """Write every part, save none by hand: what was typed is kept after a pause, and survives a reload."""
    page.goto(f"{project}write/")
    purpose, risks = page.locator("#purpose"), page.locator("#risks")
    purpose.get_by_label("Health, medical or biomedical research").check()
    for question in purpose.get_by_role("group").filter(has=page.get_by_label("No", exact=True)).all():
        question.get_by_label("No", exact=True).check()
    for question in risks.get_by_role("group").all():
        calm = "Yes" if "least data" in question.inner_text() or "withdrawal" in question.inner_text() else "No"
        question.get_by_label(calm, exact=True).check()
    for label, words in {
        "Summary for the public": "We ask who lives longer.",
        "Benefit for the public": "Hope.",
        "Methods": "Cox models.",
        "Outputs that shall leave": "Tables of counts.",
        "Its reference": "IRB-7",
        "Valid until": day(300),
        "Last day": day(200),
    }.items():
        page.get_by_label(label, exact=True).fill(words)

    for part in page.locator("form[data-keeps] [data-kept]").all():
        expect(part).to_have_text("Kept.", timeout=15_000)
    page.reload()

    expect(page.get_by_label("Methods", exact=True)).to_have_value("Cox models.")
    expect(page.locator("#missing")).to_contain_text("Nothing is missing")


def _sends(page: Page, project: str) -> None:
    page.goto(project)
    page.get_by_role("link", name="Read it through and send it").first.click()
    page.get_by_role("button", name="Send it to the owners").click()
    turns = page.locator("#turns")
    expect(turns).to_contain_text("Kind’s decision")
    expect(turns).to_contain_text("Strict’s decision")


def _approves(page: Page) -> None:
    page.get_by_role("link", name="Look through").click()
    page.get_by_role("link", name="Who lives longer, and why").click()
    page.get_by_role("link", name="Approve").click()
    page.get_by_role("button", name="Approve it for my center").click()
    expect(page.get_by_text("Your yes to Who lives longer, and why is recorded.")).to_be_visible()


def _refuses(page: Page) -> None:
    page.get_by_role("link", name="Look through").click()
    page.get_by_role("link", name="Who lives longer, and why").click()
    page.get_by_text("Refuse", exact=True).click()
    page.get_by_label("Why", exact=True).fill(WHY_NOT)
    page.get_by_role("button", name="Refuse it").click()
    expect(page.get_by_text("The team reads your no and why.")).to_be_visible()


def _drafts_and_signs(page: Page) -> None:
    page.get_by_role("link", name="Agreements").first.click()
    page.get_by_role("link", name="Draft an agreement").click()
    page.get_by_role("link", name="Use these words").click()
    page.get_by_label("Title").fill("Use of our data")
    page.get_by_label("With which center").select_option(label="Home")
    page.get_by_label("First day").fill(day(0))
    page.get_by_label("Last day").fill(day(360))
    page.get_by_label("Data of Kind").check()
    page.get_by_label("Purpose").fill("research")
    page.get_by_role("button", name="Save the draft").click()
    page.get_by_role("button", name="Send for signature").click()
    _signs(page)
    expect(page.get_by_text("Piet Provider, signing official of Kind")).to_be_visible()


def _signs(page: Page) -> None:
    page.get_by_role("link", name="Read and sign").click()
    page.get_by_label("I have read it to the end").check()
    page.get_by_role("button", name="Sign it").click()


def _signs_after_a_proof(page: Page, settings: Any) -> None:
    """Five minutes after the sign-in the portal asks once more who it is, and then goes on with the signature."""
    shown_within, settings.FRESH_FACTOR = settings.FRESH_FACTOR, timedelta(seconds=-1)
    _signs(page)
    expect(page.get_by_role("heading", name="Is it still you?")).to_be_visible()
    settings.FRESH_FACTOR = shown_within
    prove_again(page)
    expect(page.get_by_text("Rita Receiver, signing official of Home")).to_be_visible()
