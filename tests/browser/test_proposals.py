"""A proposal in a real browser, over the wire, under the portal's own policy."""

from typing import Any

import pytest
from playwright.sync_api import expect

from apps.alliance.roles import Role
from apps.projects.services import proposals
from tests.factories import CenterFactory, MemberFactory, holder
from tests.projects.world import proposed, published

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def lead():
    return MemberFactory(name="Grace Liu")


@pytest.fixture
def signed_in(open_page: Any, live_server: Any, browse: Any, lead: Any) -> Any:
    """signed_in(size=…): a page in which the lead is signed in."""

    def build(**more: Any) -> Any:
        page = open_page(base_url=live_server.url, **more)
        cookies = browse(lead).cookies.values()
        page.context.add_cookies([{"name": one.key, "value": one.value, "url": live_server.url} for one in cookies])
        return page

    return build


def test_what_is_typed_is_kept_after_a_pause_and_what_is_missing_is_brought_up_to_date(signed_in, lead):
    project = proposals.propose(lead.center, by=lead, title="A question")
    page = signed_in()
    page.goto(f"/projects/{project.pk}/write/")
    expect(page.locator("#missing")).to_contain_text("the methods")

    page.get_by_role("textbox", name="Methods").fill("Cox models.")

    expect(page.locator("#methods [data-kept]")).to_have_text("Kept.", timeout=10_000)
    expect(page.locator("#missing")).not_to_contain_text("the methods")
    project.refresh_from_db()
    assert project.methods == "Cox models."
    assert page.complaints == []


def test_where_it_does_not_arrive_the_form_says_so_and_keeps_the_words(signed_in, lead):
    project = proposals.propose(lead.center, by=lead, title="A question")
    page = signed_in()
    page.goto(f"/projects/{project.pk}/write/")
    page.context.clear_cookies()

    page.get_by_role("textbox", name="Methods").fill("Cox models.")

    expect(page.locator("#methods [data-kept]")).to_contain_text("Not kept yet", timeout=10_000)
    expect(page.get_by_role("textbox", name="Methods")).to_have_value("Cox models.")
    expect(page.locator("#missing")).to_be_visible()


def test_the_pages_of_a_project_complain_of_nothing(signed_in, lead, picture):
    steward = holder(Role.DATA_STEWARD, CenterFactory(short_name="Owner"))
    data = published(steward.center, steward)
    sent, draft = proposed(lead, data), proposed(lead, data, submit=False)
    proposals.remark(sent, by=steward, text="Why all years?")
    pages = {
        "project": f"/projects/{sent.pk}/",
        "access": f"/projects/{sent.pk}/access/",
        "write": f"/projects/{draft.pk}/write/",
        "datasets": f"/projects/{draft.pk}/datasets/",
        "submit": f"/projects/{draft.pk}/submit/",
        "projects": "/projects/",
    }
    for size in ("desk", "phone"):
        page = signed_in(size=size)
        for name, address in pages.items():
            page.goto(address)
            expect(page.locator("h1")).to_be_visible()
            picture(page, f"{name}-{size}", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
        assert page.complaints == []
