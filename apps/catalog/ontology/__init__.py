"""What the portal needs of two ontologies, as extracts made by extract.py: the Data Use Ontology and Mondo.

Sources, both CC BY 4.0 (see NOTICE): GA4GH Data Use Ontology, github.com/EBISPOT/DUO, and Mondo Disease Ontology,
github.com/monarch-initiative/mondo. The first lines of each file name the commit that it was made from.
"""

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Concept:
    """A term of the Data Use Ontology, in its own words; `parent` is a code, or empty."""

    code: str
    shorthand: str
    label: str
    definition: str
    parent: str


@dataclass(frozen=True)
class Disease:
    """A term of Mondo; `parents` are the codes right above it."""

    code: str
    label: str
    parents: tuple[str, ...]


@cache
def concepts() -> dict[str, Concept]:
    """All terms of the Data Use Ontology by code."""
    return {row["code"]: Concept(**row) for row in json.loads((HERE / "duo.json").read_text())["terms"]}


@cache
def diseases() -> dict[str, Disease]:
    """Neoplasms by Mondo code: those with a rare form in Mondo, and all kinds above these. No other disease."""
    with (HERE / "mondo.tsv").open() as lines:
        rows = csv.reader((line for line in lines if not line.startswith("#")), delimiter="\t", quoting=csv.QUOTE_NONE)
        return {code: Disease(code, label, tuple(parents.split())) for code, label, parents in rows}


def is_a(code: str, above: Iterable[str]) -> bool:
    """Whether a use or research type equals one of `above` or lies under it in the Data Use Ontology."""
    wanted = set(above)
    while code and code not in wanted:
        code = concepts()[code].parent if code in concepts() else ""
    return bool(code)


def is_form_of(disease: str, above: Iterable[str]) -> bool:
    """Whether a disease equals one of `above` or descends from it. A code that the extract lacks only equals itself."""
    wanted, seen, ahead = set(above), set[str](), [disease]
    while ahead:
        code = ahead.pop()
        if code in wanted:
            return True
        if code not in seen and code in diseases():
            ahead.extend(diseases()[code].parents)
        seen.add(code)
    return False
