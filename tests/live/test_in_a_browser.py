"""A researcher's way through a workspace in a real browser: start, a cell with a plot, a download refused, stop."""

import pytest
from playwright.sync_api import Page, expect

from tests.live.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1"])]
DATA = "ehr-alliance-gbsg2"
CODE = f"""import pandas as pd
import matplotlib.pyplot as plt
table = pd.read_csv("/data/{DATA}/gbsg2.csv")
plt.hist(table["age"]); plt.title(f"{{len(table)}} women"); plt.show()"""


def become(page: Page, site: Site, name: str) -> None:
    page.goto(f"{site.url}/sign-in/")
    for more in page.locator("details").all():
        more.evaluate("one => one.open = true")
    page.locator(f'button[aria-label^="Become {name},"]').click()
    page.wait_for_url(f"{site.url}/")


def run_cell(lab: Page, code: str) -> None:
    """A new notebook with this as its first cell."""
    lab.locator('.jp-LauncherCard[data-category="Notebook"]').first.click()
    cell = lab.locator(".jp-Notebook .jp-Cell .cm-content").first
    expect(lab.locator("#jp-main-statusbar")).to_contain_text("| Idle", timeout=30_000)
    cell.click()
    lab.keyboard.insert_text(code)
    expect(cell).to_contain_text(code.splitlines()[-1])
    lab.keyboard.press("Shift+Enter")


def test_from_start_to_stop(site, open_page, picture):
    project = site.project("Rosa Jimenez", DATA)
    page = open_page()
    become(page, site, "Rosa Jimenez")

    page.goto(f"{site.url}/projects/{project}/workspace/")
    page.get_by_role("button", name="Start", exact=True).click()
    door = page.get_by_role("link", name="Open", exact=True)
    expect(door).to_be_visible(timeout=60_000)
    picture(page, "workspace-running", full_page=True)
    door.click()
    page.locator(".jp-Launcher").wait_for(timeout=60_000)
    lab = page.url

    run_cell(page, CODE)
    plot = page.locator(".jp-OutputArea-output img")
    expect(plot).to_be_visible(timeout=60_000)
    picture(page, "workspace-plot")

    answer = page.goto(f"{lab.partition('/lab')[0]}/files/Untitled.ipynb?download=1")
    assert answer.status == 403
    expect(page.locator("main")).to_contain_text("release")
    picture(page, "workspace-refused")

    page.goto(f"{site.url}/projects/{project}/workspace/")
    page.get_by_role("link", name="The code of the last start").click()
    expect(page.locator("main")).to_contain_text('plt.hist(table["age"])')
    page.go_back()
    page.locator("#workspace-stop summary").click()
    page.locator("#workspace-stop textarea").fill("Enough for today.")
    page.locator("#workspace-stop").get_by_role("button", name="Stop it").click()
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible(timeout=30_000)
    expect(page.locator("main")).to_contain_text("Enough for today.")
    picture(page, "workspace-stopped", full_page=True)
