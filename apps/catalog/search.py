"""Searching the catalog: by words and by facets, each choice with the number of datasets that one would find by it."""

from typing import Any

from django.db.models import CharField, Count, F, Func, QuerySet, Subquery, Value
from django.db.models.functions import Cast

from apps.alliance.models import Member
from apps.catalog.models import Dataset
from apps.catalog.selectors import catalog, matching, newest_published, visible_datasets, with_term

FACETS = ("modality", "center", "term")
MOST = 5_000  # datasets that are counted for one facet; more than so many, nobody reads


class _Codes(Func):
    """The code of each term in a list of terms: a row for each."""

    template = "(jsonb_array_elements(%(expressions)s) ->> 'code')"
    output_field = CharField()
    set_returning = True


def narrowed(datasets: QuerySet[Dataset], asked: dict[str, Any], *, leaving: str = "") -> QuerySet[Dataset]:
    """Those that have all that is asked for, one of the questions left out."""
    wanted = {name: value for name, value in asked.items() if value and name != leaving}
    if words := wanted.get("words"):
        datasets = matching(datasets, words)
    if code := wanted.get("term"):
        datasets = with_term(datasets, code)
    return datasets.filter(**{name: wanted[name] for name in ("modality", "center") if name in wanted})


def found_by(member: Member, asked: dict[str, Any]) -> QuerySet[Dataset]:
    """The datasets that one may see and that have all that is asked for, each with `newest`."""
    return narrowed(catalog(member), asked)


def facets(member: Member, asked: dict[str, Any]) -> dict[str, dict[str, int]]:
    """By facet and choice: how many one would find by choosing it beside what else is asked for. One query."""
    values: dict[str, Any] = {"modality": F("modality"), "center": F("center__slug"), "term": _Codes(_newest_terms())}
    counted = []
    for name in FACETS:
        within = narrowed(visible_datasets(member), asked, leaving=name).order_by().values("pk")[:MOST]
        rows = Dataset.objects.filter(pk__in=within).order_by()
        told = rows.values(facet=Value(name), value=Cast(values[name], CharField()))
        counted.append(told.annotate(count=Count("pk", distinct=True)))
    found: dict[str, dict[str, int]] = {name: {} for name in FACETS}
    for row in counted[0].union(*counted[1:], all=True):
        found[row["facet"]][row["value"]] = row["count"]
    return found


def less_asked(member: Member, asked: dict[str, Any]) -> list[tuple[str, int]]:
    """For a search that found nothing: each question, and how many one would find without it, where that is some."""
    asking = [name for name, value in asked.items() if value]
    counted = [(name, narrowed(visible_datasets(member), asked, leaving=name)[:MOST].count()) for name in asking]
    return [(name, count) for name, count in counted if count]


def _newest_terms() -> Subquery:
    return Subquery(newest_published().values("terms")[:1])
