"""The stewards' queue in a real browser: by keyboard alone, in few steps and in far less than a minute."""

import time
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from apps.alliance.roles import Role
from apps.projects.models import AccessRequest
from tests.browser.ways import enter, findings
from tests.factories import CenterFactory, MemberFactory, give
from tests.projects.world import proposed, published
from tests.signin.ways import person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
R = AccessRequest.Status


@pytest.fixture
def steward():
    member = person(name="Stella Yes", center=CenterFactory(short_name="Owner"))
    give(member, Role.DATA_STEWARD)
    return member


@pytest.fixture
def asked(steward):
    """Two projects that ask for the same data, the one that waits longest first."""
    data = published(steward.center, steward)
    return [proposed(MemberFactory(), data).requests.get() for _ in range(2)]


def state_of(request: AccessRequest) -> str:
    request.refresh_from_db()
    return request.status


def test_a_steward_approves_from_the_queue_by_keyboard_in_under_a_minute(open_page, live_server, steward, asked):
    page = enter(open_page, live_server.url, steward)
    page.goto("/requests/")
    began = time.monotonic()

    keys = ["j", "j", "Enter", "a"]
    for key in keys[:3]:
        page.keyboard.press(key)
    expect(page.get_by_role("heading", name="What would your yes open?")).to_be_visible()
    page.wait_for_load_state()  # before that, the scripts that know the keys are not there
    page.keyboard.press(keys[3])
    page.get_by_role("button", name="Approve it for my center").click()
    expect(page.get_by_text("is recorded.")).to_be_visible()

    took = time.monotonic() - began
    print(f"\na steward's yes from the queue: {len(keys)} keys and a click, {took:.1f} s")
    assert took < 60
    assert [state_of(one) for one in asked] == [R.WAITING, R.APPROVED]
    assert page.complaints == []


def test_a_request_opens_beside_the_list_which_stays(open_page, live_server, steward, asked):
    page = enter(open_page, live_server.url, steward)
    page.goto("/requests/")
    beside = page.get_by_role("region", name="The request that is open")
    rows = page.locator("[data-row]")

    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(beside.get_by_role("heading", name=asked[0].project.title)).to_be_visible()
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_have_attribute("aria-current", "true")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(beside.get_by_role("heading", name=asked[1].project.title)).to_be_visible()
    expect(beside.get_by_text("Nobody has said anything yet.")).to_be_visible()
    assert findings(page) == []
    page.reload()
    expect(beside.get_by_role("heading", name=asked[1].project.title)).to_be_visible()
    page.keyboard.press("Escape")

    expect(beside).to_be_hidden()
    expect(rows.nth(1).get_by_role("link").first).to_be_focused()
    assert urlsplit(page.url)[2:] == ("/requests/", "", "")
    assert page.complaints == []


def test_what_is_open_beside_the_list_is_refused_by_its_key(open_page, live_server, steward, asked):
    page = enter(open_page, live_server.url, steward)
    page.goto(f"/requests/#request-{asked[0].pk}")
    expect(page.get_by_role("button", name="I look at it")).to_be_visible()
    page.keyboard.press("n")
    expect(page.get_by_label("Why", exact=True)).to_be_focused()
    page.keyboard.press("Escape")  # of the question, not of the request
    expect(page.get_by_role("region", name="The request that is open")).to_be_visible()
    page.keyboard.press("n")
    page.keyboard.type("Not with our data.")
    page.get_by_role("button", name="Refuse it").click()

    expect(page.get_by_text("The team reads your no and why.")).to_be_visible()
    assert [state_of(one) for one in asked] == [R.REFUSED, R.WAITING]


@pytest.mark.parametrize("how", ["phone", "gone", "signed out"])
def test_what_cannot_be_shown_beside_is_opened_as_its_page(open_page, live_server, steward, asked, how):
    page = enter(open_page, live_server.url, steward, size="phone" if how == "phone" else "desk")
    page.goto("/requests/")
    if how == "gone":
        page.route(f"**/requests/{asked[0].pk}/", lambda route: route.abort(), times=1)
    if how == "signed out":
        page.context.clear_cookies()
    page.locator("[data-row]").nth(0).get_by_role("link").first.click()

    page.wait_for_url("**/sign-in/**" if how == "signed out" else f"**/requests/{asked[0].pk}/")
    expect(page.locator("#beside")).to_have_count(0)


def test_a_steward_refuses_by_keyboard_and_the_key_asks_for_the_reason_first(open_page, live_server, steward, asked):
    page = enter(open_page, live_server.url, steward)
    page.goto(f"/requests/{asked[0].pk}/")

    page.keyboard.press("n")
    expect(page.get_by_label("Why", exact=True)).to_be_focused()
    page.keyboard.type("Not with our data, n and a.")
    page.get_by_role("button", name="Refuse it").click()

    expect(page.get_by_text("The team reads your no and why.")).to_be_visible()
    assert state_of(asked[0]) == R.REFUSED


def test_a_question_mark_shows_the_keys_of_the_page_and_escape_hides_them(open_page, live_server, steward, asked):
    page = enter(open_page, live_server.url, steward)
    page.goto(f"/requests/{asked[0].pk}/")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_be_hidden()

    page.keyboard.press("?")
    expect(keys).to_contain_text("approve")
    page.keyboard.press("a")
    expect(keys).to_be_visible()
    page.keyboard.press("Escape")

    expect(keys).to_be_hidden()
    page.get_by_label("Your question").fill("a n ?")
    expect(keys).to_be_hidden()


def test_without_scripts_the_queue_and_the_decision_work_as_before(open_page, live_server, steward, asked):
    page = enter(open_page, live_server.url, steward, java_script_enabled=False)
    page.goto("/requests/")

    page.get_by_role("link", name=asked[0].project.title).first.click()
    page.get_by_role("link", name="Approve").click()
    page.get_by_role("button", name="Approve it for my center").click()

    assert sorted(state_of(one) for one in asked) == [R.APPROVED, R.WAITING]
