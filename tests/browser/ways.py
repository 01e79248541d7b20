"""How the people of a story go about in a real browser: by the sign-in page, each in a browser of their own."""

import time
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from apps.alliance.models import Member
from tests.signin.ways import PASSWORD, code

PERIOD, SPARE = 30, 10  # seconds that a code of the app lasts, and that a step before its end may take


def enter(open_page: Any, address: str, member: Member, *, will_prove: bool = False, **more: Any) -> Page:
    """The home page of somebody who has signed in with password and app.

    A code opens once. `will_prove`: they use the one before, so that the present one is left for `prove_again`.
    """
    page = open_page(base_url=address, **more)
    page.goto("/sign-in/")
    page.get_by_label("E-mail address").fill(member.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    if will_prove and (left := PERIOD - time.time() % PERIOD) < SPARE:
        page.wait_for_timeout(1000 * left)
    page.get_by_label("Code").fill(code(steps_away=-1 if will_prove else 0))
    page.get_by_role("button", name="Go on", exact=True).click()
    page.wait_for_url(f"{address}/")
    return page


def prove_again(page: Page) -> None:
    """Show the factor once more where a step asks for it."""
    page.get_by_label("Code").fill(code())
    page.get_by_role("button", name="Prove it and go on").click()


def findings(page: Page) -> list[str]:
    """What axe finds wrong for people who can't see or use a mouse: rule and element."""
    return [
        f"{found['id']}: {node['html'][:160]}"
        for found in Axe().run(page).response["violations"]
        for node in found["nodes"]
    ]
