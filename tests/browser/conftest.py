"""A template in a real browser, with nothing but this machine to talk to."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from playwright.sync_api import Page, Route

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
