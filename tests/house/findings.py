"""What can be wrong with an answer: its headers, and the page that it holds. Each finding is a sentence."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

from django.http import HttpResponse

from tests.house.samples import ISSUER
from tests.house.site import Answer

ON_EVERY_ANSWER = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Permissions-Policy": "camera=()",
    "X-Request-ID": "",
}
URL_ATTRIBUTES = {"href", "src", "action", "formaction", "poster", "srcset", "data", "xlink:href", "hx-get", "hx-post"}
SPEAKS_FOR_ITSELF = {"hidden", "submit", "button", "reset", "image"}


def in_headers(response: HttpResponse) -> list[str]:
    """Security headers that are missing or weak on this answer, whatever its status."""
    found = [
        f"header {name} is {response.headers.get(name)!r}"
        for name, needed in ON_EVERY_ANSWER.items()
        if needed not in response.headers.get(name, "absent")
    ]
    policy = response.headers.get("Content-Security-Policy", "")
    if "frame-ancestors 'none'" not in policy or "default-src 'none'" not in policy:
        found.append(f"the Content-Security-Policy is {policy!r}")
    found += [
        f"the Content-Security-Policy allows {word}" for word in ("unsafe-inline", "unsafe-eval") if word in policy
    ]
    kind = response.headers.get("Content-Type", "")
    if kind.startswith("text/") and "charset=" not in kind:
        found.append(f"{kind} names no charset")
    return found


def in_page(answer: Answer) -> list[str]:
    """What is wrong with a page, whatever its status."""
    page = Page()
    page.feed(answer.body)
    found = list(page.complaints)
    if len(page.texts.get("h1", [])) != 1 or not page.texts["h1"][0].strip():
        found.append(f"{len(page.texts.get('h1', []))} <h1> instead of one with words")
    if not "".join(page.texts.get("title", [])).strip().removesuffix("· CAIA").strip():
        found.append("no <title>")
    if not page.links or page.links[0] != "#main" or "main" not in page.ids:
        found.append("the first link does not skip to #main")
    if "<c-" in answer.body:
        found.append("a component tag <c-… was not rendered")
    made_by_us = re.sub(r"(?s)<textarea.*?</textarea>", "", answer.body)  # people may write braces
    if "{{" in made_by_us or "{%" in made_by_us:
        found.append("a template tag was not rendered")
    repeated = sorted({name for name in page.ids if page.ids.count(name) > 1})
    found += [f"the id {name} stands twice" for name in repeated]
    found += [f"the field {name} has no label" for name in page.unlabelled()]
    return found


@dataclass
class Control:
    """A form control: its id, its name for people, and whether it names itself."""

    id: str
    name: str
    is_labelled: bool


@dataclass
class Page(HTMLParser):
    """Collects what the rules ask about."""

    complaints: list[str] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)
    controls: list[Control] = field(default_factory=list)
    inside: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def unlabelled(self) -> list[str]:
        return [one.name or one.id or "?" for one in self.controls if not one.is_labelled and one.id not in self.labels]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._attributes(tag, given)
        if tag in {"h1", "title", "label"}:
            self.inside.append(tag)
        if tag in {"h1", "title"} and "svg" not in self.inside:
            self.texts.setdefault(tag, []).append("")
        if tag == "a":
            self.links.append(given.get("href", ""))
        if tag == "label":
            self.labels.add(given.get("for", ""))
        if tag == "style":
            self.complaints.append("an inline <style>")
        if tag == "script" and "src" not in given and given.get("type") != "application/json":
            self.complaints.append("an inline <script>")
        if tag in {"input", "select", "textarea"} and given.get("type", "text") not in SPEAKS_FOR_ITSELF:
            named = bool(given.get("aria-label") or given.get("aria-labelledby")) or "label" in self.inside
            self.controls.append(Control(given.get("id", ""), given.get("name", ""), named))

    def handle_endtag(self, tag: str) -> None:
        if tag in self.inside:
            self.inside.reverse()
            self.inside.remove(tag)
            self.inside.reverse()

    def handle_data(self, data: str) -> None:
        if self.inside and self.inside[-1] in self.texts:
            self.texts[self.inside[-1]][-1] += data

    def _attributes(self, tag: str, given: dict[str, str]) -> None:
        if given.get("id"):
            self.ids.append(given["id"])
        for name, value in given.items():
            if name == "style":
                self.complaints.append(f"a style attribute on <{tag}>")
            if re.fullmatch(r"on[a-z]+", name) or name.startswith("hx-on"):
                self.complaints.append(f"{name} on <{tag}>")
            if name in URL_ATTRIBUTES and _leads_away(value):
                self.complaints.append(f"{name} of <{tag}> leads to another host: {value}")


def _leads_away(value: str) -> bool:
    if value.startswith(ISSUER):  # signing in at the center's own provider is meant to
        return False
    parts = urlsplit(value)
    if (parts.hostname or "").endswith(".workspaces.localhost"):  # one's workspace has a host name of its own
        return False
    return (bool(parts.netloc) and parts.hostname != "localhost") or parts.scheme in {"javascript", "data"}
