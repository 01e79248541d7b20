"""A real browser: Debian's Chromium, driven by Playwright, with nothing but this machine to talk to."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from playwright.sync_api import Browser, Page, Route, sync_playwright

# Playwright keeps an event loop in this thread, which makes Django refuse plain database calls that are fine in a test.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

CHROMIUM = os.environ.get("CHROMIUM_PATH", "/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
SIZES = {"desk": (1440, 900), "phone": (390, 844)}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'"
)
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FRAME = {
    "nav": [
        {"label": "Home", "url": "/", "icon": "home", "current": True, "count": 3},
        {"label": "People", "url": "/people", "icon": "users", "current": False, "count": None},
    ],
    "me": {"name": "Amara Okafor", "role_words": "Researcher, Fred Hutch", "center": "Fred Hutch", "initials": "AO"},
    "notices": 4,
    "demo": True,
    "theme": "auto",
    "search": "",
}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for all tests of a worker."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"No Chromium at {CHROMIUM}; install it or set CHROMIUM_PATH.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Any]:
    """open_page(size="desk", theme="light", **context): a fresh page; what it complains about is in page.complaints."""
    contexts = []

    def build(size: str = "desk", theme: str = "light", **more: Any) -> Page:
        width, height = SIZES[size]
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=theme, **more)
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        page.on(
            "console", lambda said: page.complaints.append(said.text) if said.type in {"error", "warning"} else None
        )
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        return page

    yield build
    for context in contexts:
        context.close()


@pytest.fixture
def show(open_page: Any, settings: Any) -> Any:
    """show(template, context, size=…, theme=…): a template in the browser under a strict policy, with no server."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }

    def build(template: str, context: dict[str, Any] | None = None, **more: Any) -> Page:
        html = render_to_string(template, {"frame": FRAME, **(context or {})})
        page = open_page(**more)

        def answer(route: Route) -> None:
            path = urlsplit(route.request.url).path
            if path.startswith(settings.STATIC_URL if settings.STATIC_URL.startswith("/") else "/static/"):
                found = finders.find(path.split("static/", 1)[1])
                if not found:
                    return route.fulfill(status=404, body="")
                kind = KINDS.get(Path(found).suffix, "application/octet-stream")
                return route.fulfill(status=200, body=Path(found).read_bytes(), content_type=kind)
            return route.fulfill(
                status=200,
                body=html,
                content_type="text/html; charset=utf-8",
                headers={"Content-Security-Policy": POLICY, "Content-Type": "text/html; charset=utf-8"},
            )

        page.route("**/*", answer)
        page.goto("http://portal.test/")
        page.wait_for_load_state("networkidle")
        return page

    return build


@pytest.fixture
def picture() -> Any:
    """picture(page, name): a screenshot under $CAIA_PICTURES, or nowhere when that is not set."""
    folder = os.environ.get("CAIA_PICTURES")

    def take(page: Page, name: str, **more: Any) -> None:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(folder) / f"{name}.png", **more)

    return take
