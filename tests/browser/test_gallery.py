"""The gallery in a real browser: accessible in both themes, whole at both sizes, usable without mouse or scripts."""

import pytest

from tests.browser.ways import findings

pytestmark = pytest.mark.slow
PAGES = ["home/gallery.html", "home/home.html", "errors/404.html", "account/signup_closed.html"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desk", "phone"])
@pytest.mark.parametrize("template", PAGES)
def test_axe_finds_nothing(show, picture, template, size, theme):
    page = show(template, {"home": {}}, size=size, theme=theme)
    picture(page, f"{template.replace('/', '-')}-{size}-{theme}", full_page=True)
    assert findings(page) == []


@pytest.mark.parametrize("template", PAGES)
def test_nothing_is_wider_than_a_phone(show, template):
    page = show(template, {"home": {}}, size="phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("template", PAGES)
def test_the_policy_and_the_console_have_nothing_to_say(show, template):
    page = show(template, {"home": {}})
    assert page.complaints == []


def test_folded_parts_are_accessible_too(show):
    page = show("home/gallery.html")
    page.evaluate("document.querySelectorAll('details').forEach((fold) => (fold.open = true))")
    assert findings(page) == []


def test_the_theme_follows_the_device(show):
    page = show("home/gallery.html", theme="dark")
    assert page.get_attribute("html", "data-bs-theme") == "dark"
    page.emulate_media(color_scheme="light")
    page.wait_for_selector("html[data-bs-theme=light]", timeout=15000)


def test_without_scripts_the_page_is_light_and_whole(show):
    page = show("home/gallery.html", theme="dark", java_script_enabled=False)
    assert page.locator("h1").inner_text() == "Component gallery"
    page.click("text=Suspend this person")
    assert page.locator(".confirm-panel").is_visible()


def test_the_menu_opens_on_phones_without_scripts(show):
    page = show("home/home.html", {"home": {}}, size="phone", java_script_enabled=False)
    assert not page.locator("#rail").is_visible()
    page.click("button[aria-label=Menu]")
    assert page.locator("#rail").is_visible()


def test_slash_goes_to_search(show):
    page = show("home/gallery.html")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"


def test_j_and_k_walk_through_the_rows(show):
    page = show("home/gallery.html")
    rows = page.locator("[data-row]")
    at = "document.activeElement.closest('[data-row]')?.innerText ?? ''"
    page.keyboard.press("j")
    first = page.evaluate(at)
    page.keyboard.press("j")
    second = page.evaluate(at)
    page.keyboard.press("k")
    assert first == rows.nth(0).inner_text()
    assert second == rows.nth(1).inner_text()
    assert page.evaluate(at) == first


def test_escape_closes_what_is_unfolded(show):
    page = show("home/gallery.html")
    page.click("text=Suspend this person")
    page.keyboard.press("Escape")
    assert not page.locator(".confirm-panel").is_visible()


def test_the_skip_link_comes_first(show):
    page = show("home/gallery.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_sorting_replaces_only_the_listing_and_says_what_came(show):
    page = show("home/gallery.html")
    page.evaluate("window.stayed = true")
    page.click("#listing >> text=Role >> nth=0")
    page.wait_for_url("**/?sort=role")
    page.wait_for_function("document.getElementById('said').textContent !== ''")
    assert page.evaluate("window.stayed")
    assert page.locator("#said").inner_text() == "1–5 of 1,204 members"
    assert page.complaints == []


def test_an_answer_without_the_listing_is_opened_as_a_page(show):
    page = show("home/gallery.html")
    page.route(
        "**/?sort=role", lambda route: route.fulfill(status=200, content_type="text/html", body="<h1>Sign in</h1>")
    )
    page.click("#listing >> text=Role >> nth=0")
    page.wait_for_selector("h1:text-is('Sign in')")


def test_sorting_works_without_scripts(show):
    page = show("home/gallery.html", java_script_enabled=False)
    page.click("#listing >> text=Role >> nth=0")
    assert page.url.endswith("/?sort=role")


def test_search_opens_on_phones(show):
    page = show("home/home.html", {"home": {}}, size="phone")
    page.click("summary[aria-label=Search]")
    assert page.locator("#search-small").is_visible()
    assert findings(page) == []
