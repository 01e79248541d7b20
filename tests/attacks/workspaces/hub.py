"""The Hub as a member's own browser may ask it: every address of its API, with the forgery token that it gave out."""

import re
from collections.abc import Iterator
from typing import Any

import requests
from jupyterhub.apihandlers import default_handlers
from tornado.web import RequestHandler

from tests.live.lab import Lab
from tests.live.site import Person

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_PART = re.compile(r"\(\[\^/\][+*]\)")


def names_of(lab: Lab) -> tuple[str, str]:
    """The Hub's names of its owner and of the server."""
    _, _, name, server, _ = lab.base.removeprefix(lab.origin).split("/")
    return name, server


def addresses(name: str, server: str) -> Iterator[tuple[str, str]]:
    """Each method of each address that the Hub's API really has, about this person and server."""
    for pattern, handler in default_handlers:
        parts = iter((name, server, "rest"))
        path = _PART.sub(lambda _: next(parts), pattern.replace("(?:/([^/]+))?", "/([^/]+)").replace("/?", "/"))
        for method in METHODS:
            if getattr(handler, method.lower()) is not getattr(RequestHandler, method.lower()):
                yield method, f"/hub{path}"


def ask(person: Person, method: str, path: str, **more: Any) -> requests.Response:
    """As a script of the Hub's own page would."""
    origin = person.site.workspaces_url
    headers = {"Origin": origin, "Referer": f"{origin}/hub/home", "Sec-Fetch-Site": "same-origin",
               "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Accept": "application/json",
               "X-XSRFToken": forgery_token(person)} | more.pop("headers", {})  # fmt: skip
    body = {} if method == "GET" else {"json": more.pop("facts", {})}
    return person.browser.request(
        method, f"{origin}{path}", headers=headers, timeout=30, allow_redirects=False, **body, **more
    )


def forgery_token(person: Person) -> str:
    """What the Hub gave this browser for its own pages; nothing where it gave none."""
    return next((str(one.value) for one in person.browser.cookies if one.name == "_xsrf" and one.path == "/hub/"), "")
