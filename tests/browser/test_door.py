"""The pages at the door in a real browser: accessible in both themes, whole on a phone, a silent console."""

import pytest

from apps.alliance.invitations import link_for
from apps.alliance.models import Alliance
from apps.alliance.signin.demo import give_demo_factor
from tests.browser.ways import findings
from tests.factories import InvitationFactory, MemberFactory
from tests.signin.ways import PASSWORD, person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
OUTSIDE = ["/sign-in/", "/password/forgotten/", "/password/asked/", "/sign-up/"]
INSIDE = ["/account/", "/account/factors/", "/account/sessions/", "/account/factors/passkeys/add/", "/prove/code/"]


def judge(page, path):
    page.goto(path)
    page.wait_for_load_state("networkidle")
    assert findings(page) == [], path
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], path


@pytest.fixture(autouse=True)
def _alliance():
    Alliance.objects.get_or_create(pk=1, defaults={"name": "The alliance"})


@pytest.mark.parametrize(("size", "theme"), [("desk", "light"), ("phone", "dark")])
def test_axe_finds_nothing_before_sign_in(open_page, live_server, size, theme, settings):
    settings.DEMO = True
    give_demo_factor(MemberFactory())
    page = open_page(size, theme, base_url=live_server.url)
    for path in [*OUTSIDE, link_for(InvitationFactory())]:
        judge(page, path)
    assert page.complaints == []


@pytest.mark.parametrize(("size", "theme"), [("desk", "dark"), ("phone", "light")])
def test_axe_finds_nothing_in_the_account(open_page, live_server, size, theme, settings):
    settings.DEMO = True
    member = MemberFactory()
    give_demo_factor(member)
    page = open_page(size, theme, base_url=live_server.url)
    page.goto("/sign-in/")
    page.get_by_role("button", name=f"Become {member.name}").click()
    page.wait_for_url(f"{live_server.url}/")
    for path in INSIDE:
        judge(page, path)
    assert page.complaints == []


@pytest.mark.parametrize(("size", "theme"), [("desk", "light"), ("phone", "dark")])
def test_axe_finds_nothing_while_a_factor_is_set_up(open_page, live_server, size, theme):
    member = person(app=False)
    page = open_page(size, theme, base_url=live_server.url)
    page.goto("/sign-in/")
    page.get_by_label("E-mail address").fill(member.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/account/second-factor/")
    for path in ["/account/second-factor/", "/account/factors/app/", "/account/factors/passkeys/add/"]:
        judge(page, path)
    assert page.complaints == []
