"""The look's own house rules: components explain themselves and stand in the gallery, styles keep their budget."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Template
from django.template.loader import get_template, render_to_string

ROOT = Path(settings.BASE_DIR)
COMPONENTS = sorted((ROOT / "templates/components").glob("*.html"))


def tag(path: Path) -> str:
    return path.stem.replace("_", "-")


def test_there_are_few_components():
    assert len(COMPONENTS) <= 25


@pytest.mark.parametrize("path", COMPONENTS, ids=tag)
def test_a_component_opens_by_naming_its_attributes(path):
    text = path.read_text()
    words = re.match(r"(?:\{% load [\w ]+ %\})?((?:\{#.*?#\}\s*)+)", text)
    assert words, "the first line is a comment"
    declared = re.search(r"<c-vars\s(.*?)/>", text, re.DOTALL)
    for name in re.findall(r":?([\w-]+)=", declared.group(1)) if declared else ():
        assert re.search(rf"\b{name.replace('_', '[-_]')}\b", words.group(1)), f"{name} is not explained"


@pytest.mark.parametrize("path", COMPONENTS, ids=tag)
def test_a_component_stands_in_the_gallery(path):
    shown = "".join(
        (ROOT / "templates" / name).read_text()
        for name in ("home/gallery.html", "home/_gallery_row.html", "base.html", "layouts/_top.html")
    )
    indirect = {"filters": "listing", "paging": "listing", "empty": "listing"}
    assert f"<c-{indirect.get(tag(path), tag(path))}" in shown


def test_no_component_tag_is_left_in_the_gallery():
    page = render_to_string("home/gallery.html", {})
    assert "<c-" not in page
    assert page.count("<h1>") == 1


@pytest.mark.parametrize("code", [400, 403, 404, 405, 409, 422, 429, 500, 503])
def test_an_error_page_needs_no_context(code):
    page = render_to_string(f"errors/{code}.html", {})
    assert "<c-" not in page
    assert page.count("<h1>") == 1
    assert 'href="/"' in page


def test_an_error_page_says_the_reason_escaped():
    page = render_to_string("errors/403.html", {"reason": "Only <MSK> may sign", "request_id": "8f2c"})
    assert "Only &lt;MSK&gt; may sign" in page
    assert "8f2c" in page


@pytest.mark.parametrize("component", ['<c-moment :at="at" day />', '<c-status state="active" />', "<c-kbd>j</c-kbd>"])
def test_inline_components_leave_no_space_around_them(component):
    from django_cotton.compiler_regex import CottonCompiler

    source = CottonCompiler().process(f"({component}),")
    html = Template(source).render(Context({"at": "2027-05-04"}))
    assert re.match(r"\(<.*>\),$", html, re.DOTALL), html


def test_every_template_compiles():
    for path in sorted((ROOT / "templates").rglob("*.html")):
        get_template(str(path.relative_to(ROOT / "templates")))


def test_nothing_is_inline():
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"<[^>]*\s(style|on\w+)=", text), path
        assert not re.search(r"<script(?![^>]*\ssrc=)", text), path
        assert "<style" not in text, path


def test_every_icon_named_is_in_the_list():
    known = set((ROOT / "static/icons.txt").read_text().split())
    named = re.compile(r'<c-(?:icon name|(?:button|empty|confirm)[^>]*? icon|listing[^>]*? empty-icon)="([a-z0-9-]+)"')
    for path in (ROOT / "templates").rglob("*.html"):
        for name in named.findall(path.read_text()):
            assert name in known, f"{name} in {path}"


def test_the_styles_keep_their_budget():
    lines = sum(len((ROOT / "static/css" / name).read_text().splitlines()) for name in ("tokens.css", "app.css"))
    assert lines <= 900
