"""Takes the pictures of docs/images from the demo: `.venv/bin/python -m tests.browser.pictures` while `./caia up` runs.

Each is a page as one of the demo's people sees it, so take them from a demo in which nobody has decided anything yet.
The last one starts a workspace and leaves it running.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from door.chromium import found

IMAGES = Path(__file__).parents[2] / "docs/images"
WIDE = 1440
START_MS = 180_000  # a first start also makes a home and fetches its data
LOOK_MS = 30_000  # so that what it uses is a line and not a point


def home(page: Page) -> None:
    """What waits for a signing official."""
    page.goto("/")


def decision(page: Page) -> None:
    """Each condition of one dataset, met and missing."""
    page.goto("/projects/")
    page.get_by_role("link", name=re.compile("Which lung adenocarcinomas")).click()
    page.get_by_role("link", name=re.compile("May I use it")).click()
    page.get_by_text("conditions are met").first.click()


def request(page: Page) -> None:
    """A request with its question and answer, as a steward reads it."""
    page.goto("/requests/")
    page.get_by_role("link", name=re.compile("Do slides foretell")).click()


def workspace(page: Page) -> None:
    """A workspace that runs, with the figures of somebody who looked into it."""
    page.goto("/projects/")
    page.get_by_role("link", name=re.compile("Genes that are silent")).click()
    page.get_by_role("button", name="Start", exact=True).click()
    opens = page.get_by_role("link", name="Open", exact=True)
    opens.wait_for(timeout=START_MS)
    inside = page.context.new_page()
    inside.goto(opens.get_attribute("href") or "")
    inside.locator(".jp-Launcher").wait_for(timeout=START_MS)
    page.wait_for_timeout(LOOK_MS)
    page.get_by_text("Memory in use, last hour").wait_for(timeout=START_MS)
    page.goto(page.url)  # without the message that it starts


PICTURES: dict[str, tuple[str, Callable[[Page], None], int]] = {
    "home": ("Xavier Roy", home, 900),
    "access": ("Grace Liu", decision, 1100),
    "request": ("Victor Stein", request, 1100),
    "workspace": ("Julia Santos", workspace, 1000),
}


@contextmanager
def signed_in(browser: Browser, address: str, name: str, high: int) -> Iterator[Page]:
    """A page of somebody of the demo's people, by the one click of the sign-in page."""
    with browser.new_context(base_url=address, viewport={"width": WIDE, "height": high}) as context:
        page = context.new_page()
        page.goto("/sign-in/")
        page.locator("details", has_text=name).evaluate("details => { details.open = true }")
        page.get_by_role("button", name=re.compile(f"Become {name}")).click()
        page.wait_for_url(f"{address}/")
        yield page


def main(address: str, wanted: list[str]) -> None:
    """Take these pictures, or all."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=found() or None, args=["--no-sandbox"])
        for picture in wanted or PICTURES:
            name, show, high = PICTURES[picture]
            with signed_in(browser, address, name, high) as page:
                show(page)
                page.wait_for_load_state("networkidle")
                page.screenshot(path=IMAGES / f"{picture}.png")
                print(IMAGES / f"{picture}.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
