"""The data-use terms of a version: asked for, and in the ontology's words on a page."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from apps.catalog.duo import MODIFIER, PERMISSION, Term, parse
from apps.catalog.ontology import concepts, diseases, is_a
from apps.core.errors import Invalid


@dataclass(frozen=True)
class TermWords:
    """One term as a page says it; `values` are what belongs to it, such as the names of diseases."""

    code: str
    short: str
    label: str
    definition: str
    values: str


def demand_terms(terms: Any) -> None:
    """Raise Invalid unless these are terms that a version can carry."""
    if not terms:
        raise Invalid(fields={"terms": "Name the terms of its use."})
    try:
        parse(terms)
    except Invalid as error:
        raise Invalid(fields={"terms": str(error)}) from error


def in_words(terms: list[dict[str, Any]]) -> list[TermWords]:
    """The terms of a version as its page says them."""
    return [_words(term) for term in parse(terms)] if terms else []


def permissions() -> list[tuple[str, str]]:
    """What one of must be chosen: code and words."""
    return _choices(PERMISSION)


def modifiers() -> list[tuple[str, str]]:
    """What may be asked for beside it: code and words."""
    return _choices(MODIFIER)


def _choices(kind: str) -> list[tuple[str, str]]:
    found = [concept for code, concept in concepts().items() if code != kind and is_a(code, [kind])]
    return [(concept.code, f"{concept.label} ({concept.shorthand})") for concept in found if concept.shorthand]


def _words(term: Term) -> TermWords:
    concept = concepts()[term.code]
    return TermWords(term.code, concept.shorthand, concept.label, concept.definition, "; ".join(_values(term)))


def _values(term: Term) -> Iterable[str]:
    for code in term.diseases:
        yield diseases()[code].label if code in diseases() else code
    for code in term.research:
        yield concepts()[code].label if code in concepts() else code
    yield from (*term.countries, *term.institutions)
    if term.until:
        yield f"from {term.until:%-d %B %Y}"
    if term.months:
        yield f"{term.months} months"
    if term.investigators:
        yield term.investigators
