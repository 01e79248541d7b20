"""The page on which a proposal, or a change of one, is written section by section."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

from apps.alliance.requests import MemberRequest
from apps.core.errors import Invalid
from apps.core.views import form_page
from apps.projects.forms import SECTIONS
from apps.projects.models import Written


def section_page(
    request: MemberRequest,
    written: Written,
    write: Callable[[dict[str, Any]], Any],
    *,
    address: str,
    template: str,
    **context: Any,
) -> HttpResponse:
    """Show every section; keep the one that was sent, complete or not. `write` takes what was typed in it."""
    sections = {kind.key: kind(initial=kind.told_by(written)) for kind in SECTIONS}
    key = request.POST.get("section", SECTIONS[0].key)
    if key not in sections:
        raise Invalid("A proposal has no such section.")
    if request.method == "POST":
        sections[key] = type(sections[key])(request.POST, initial=sections[key].initial)
    chosen = sections[key]
    return form_page(
        request,
        chosen,
        # Nothing that did not change stands in the record as written.
        lambda _: write(chosen.parts()) if chosen.has_changed() else None,
        template=template,
        then=f"{address}#{key}",
        said=f"“{chosen.title_words}” is kept.",
        sections=list(sections.values()),
        address=address,
        **context,
    )
