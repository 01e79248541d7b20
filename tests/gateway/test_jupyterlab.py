"""The environment's own JupyterLab behind the gateway, in a real browser: what one does in it, and what is closed."""

import asyncio
import contextlib
import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from playwright.async_api import async_playwright

from tests.chromium import CHROMIUM, FLAGS
from tests.gateway.standin import Front
from tests.gateway.world import PREFIX, World

FILES = {
    "a.csv": "a,b\n1,2\n",
    "n.txt": "hello",
    "r.md": "# Title",
    "v.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
}
STEAL = "<img src=x onerror='window.stolen=1'><script>window.stolen=1</script>"


class JupyterLab:
    """A plain jupyter-lab on a socket, as the sandbox starts it."""

    def __init__(self, folder, home):
        self._environment, self._home = folder, home

    async def start(self, path):
        words = [self._environment / "bin/python3", "-m", "jupyter", "lab", "--allow-root", "--no-browser"]
        words += [f"--ServerApp.sock={path}", f"--ServerApp.base_url={PREFIX}", "--IdentityProvider.token="]
        words += [f"--ServerApp.root_dir={self._home}"]
        around = {"PATH": os.defpath, "HOME": str(self._home), "PYTHONDONTWRITEBYTECODE": "1"}
        self._program = subprocess.Popen(words, env=around, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(900):
            if path.exists():
                return
            await asyncio.sleep(0.1)
        raise AssertionError("jupyter-lab did not start within 90 seconds")

    async def stop(self):
        self._program.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._program.wait, 10)
        self._program.kill()


@contextlib.asynccontextmanager
async def lab(environment):
    """A page with JupyterLab's launcher open, signed in by way of the Hub, and the world around it."""
    async with contextlib.AsyncExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory(prefix="gw-home-")))
        for name, text in FILES.items():
            (home / name).write_text(text)
        front = Front()
        await front.start()
        stack.push_async_callback(front.stop)
        origin = f"http://mx.workspaces.localhost:{front.port}"
        server = JupyterLab(environment, home)
        world = await stack.enter_async_context(World(server, origin=origin, environment=str(environment)))
        front.socket = world.settings.listen
        chromium = await stack.enter_async_context(async_playwright())
        browser = await chromium.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        stack.push_async_callback(browser.close)
        page = await browser.new_page(viewport={"width": 1300, "height": 900})
        page.set_default_timeout(60_000)
        await page.goto(f"{origin}{PREFIX}lab")
        await page.wait_for_selector(".jp-Launcher", timeout=90_000)
        yield page, world, home


async def sockets(world, number):
    return (await world.host("GET", "figures"))["open_sockets"] == number


async def run_cell(page, code, shown):
    await page.keyboard.type(code)
    await page.keyboard.press("Shift+Enter")
    await page.wait_for_selector(shown)


@pytest.mark.slow
async def test_a_researcher_works_in_it(environment):
    async with lab(environment) as (page, world, home):
        refused, complaints = [], []
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on(
            "response", lambda answer: refused.append((answer.status, answer.url)) if answer.status >= 400 else None
        )
        await page.click('.jp-LauncherCard[data-category="Notebook"]')
        await page.click(".jp-Notebook .cm-content")
        plot = "import matplotlib.pyplot as p; p.plot([1, 2]); p.show()"
        await run_cell(page, plot, ".jp-OutputArea img[src^='data:image/png']")
        await run_cell(page, "import ipywidgets as w; w.IntSlider()", ".widget-slider")
        await page.keyboard.press("Control+s")
        await page.wait_for_selector(".jp-Dialog")  # it asks for a name
        await page.keyboard.press("Enter")
        await world.until(lambda: "matplotlib" in (home / "Untitled.ipynb").read_text())
        for name, shown in (("a.csv", ".jp-CSVViewer"), ("n.txt", ".jp-FileEditor"), ("v.svg", ".jp-ImageViewer img")):
            await page.dblclick(f".jp-DirListing-item >> text={name}")
            await page.wait_for_selector(shown)
        await page.reload()
        await page.wait_for_selector(".jp-NotebookPanel", state="attached", timeout=90_000)
        figures = await world.host("GET", "figures")

        assert "matplotlib" in (home / "Untitled.ipynb").read_text()
        assert (refused, complaints) == ([], [])
        assert [one["code"] for one in world.events("cell")][:2] == [plot, "import ipywidgets as w; w.IntSlider()"]
        assert world.events("denied") == []
        assert 10_000 < figures["bytes_out"] < 5_000_000, "JupyterLab's own 10 MB are not counted"


@pytest.mark.slow
async def test_what_is_closed_is_closed_in_a_browser(environment):
    async with lab(environment) as (page, world, _):
        here = world.settings.origin + world.settings.prefix
        downloads = []
        page.on("download", lambda one: downloads.append(one.url))
        await page.click(".jp-DirListing-item >> text=n.txt", button="right")
        await page.click(".lm-Menu-item >> text=Download >> nth=0")
        told = page.get_by_role("dialog", name="No download")
        said = await told.inner_text()
        if folder := os.environ.get("CAIA_PICTURES"):
            await page.screenshot(path=f"{folder}/gateway-download.png")
        await told.get_by_role("button", name="Close").click()
        await page.click(".jp-DirListing-item >> text=n.txt")
        await world.until(lambda: world.events("denied"))
        await page.click('.jp-LauncherCard[data-category="Notebook"]')
        await page.click(".jp-Notebook .cm-content")
        await run_cell(page, f"from IPython.display import *; display(HTML({STEAL!r}))", ".jp-OutputArea img")
        await asyncio.sleep(1)
        tried = {
            "another site": f"fetch('http://127.0.0.1:{world.hub.port}/').then(() => 'open', () => 'closed')",
            "another workspace": "fetch('/user/mx/other/api').then(() => 'open', () => 'closed')",
            "a window": "String(window.open('/user/mx/px/lab') === null ? 'closed' : 'open')",
            "a file": f"fetch('{here}files/n.txt').then(one => one.status == 403 ? 'closed' : 'open')",
            "a worker": f"navigator.serviceWorker.register('{here}static/lab/x.js').then(() => 'open', () => 'closed')",
            "the cookie": "document.cookie.includes('__Host') ? 'open' : 'closed'",
        }
        found = {name: await page.evaluate(code) for name, code in tried.items()}
        stolen = await page.evaluate("window.stolen")
        await page.goto(f"{here}files/n.txt")
        words = await page.inner_text("main")
        denied = [(one["method"], one["path"]) for one in world.events("denied")]

    assert found == dict.fromkeys(tried, "closed")
    assert (stolen, downloads) == (None, [])
    assert "by release alone" in said
    assert "by release alone" in words
    assert denied[0] == ("GET", "files/n.txt"), "what was tried is on the record"


@pytest.mark.slow
async def test_a_revoked_sign_in_ends_the_open_page_within_five_seconds(environment):
    async with lab(environment) as (_, world, _):
        await world.until(lambda: sockets(world, 1))
        world.hub.tokens.clear()
        await world.until(lambda: sockets(world, 0), 5)
