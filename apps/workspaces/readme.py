"""The README beside each dataset in a workspace: what it is, whose, on which terms, what its columns mean."""

from collections.abc import Iterable, Iterator

from apps.catalog.duo import parse
from apps.catalog.holdings import holdings
from apps.catalog.models import DatasetVersion
from apps.catalog.selectors import floor_of, shown_tables
from apps.catalog.tables import ShownTable
from apps.catalog.terms import in_words
from apps.core.templatetags.words import number, size
from apps.projects.models import AccessRequest, Project


def readme_of(version: DatasetVersion, project: Project) -> str:
    """In Markdown, from the catalog and from what the owner agreed to for this project."""
    return "\n".join(_lines(version, project)) + "\n"


def _lines(version: DatasetVersion, project: Project) -> Iterator[str]:
    dataset = version.dataset
    yield from (f"# {dataset.title}", "", f"Version {version.number}, of {dataset.center.legal_name}.", "")
    yield from (dataset.description.strip(), "")
    held = ", ".join(f"{words} {name}" for name, words in holdings(version, floor_of(dataset)))
    yield from _part("What it holds", [f"{held}; {size(version.bytes)}." if held else f"{size(version.bytes)}."])
    yield from _part("How to cite it", [version.citation.strip() or "Its owner asks for no citation."])
    yield from _part("Licence", [version.licence])
    yield from _part("Terms of use", _terms(version))
    yield from _part("Conditions of the approval", _conditions(version, project))
    yield from _part("Whom to ask", [dataset.contact])
    for table in shown_tables(version, floor_of(dataset)):
        yield from _part(f"Columns of {table.path}", _columns(table))
    yield from _part(
        "How results leave",
        [
            "Files can't be downloaded, and nothing here reaches a network: the data stays where its owner put it.",
            f"Counts below {floor_of(dataset)} must not be shown to anybody outside the project.",
            "Results leave by release alone, once two output checkers have looked at them. The portal says how.",
        ],
    )


def _part(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield from (f"## {title}", "", *lines, "")


def _terms(version: DatasetVersion) -> Iterator[str]:
    if not version.terms or not parse(version.terms):
        yield "None are given."
    for term in in_words(version.terms):
        values = f": {term.values}" if term.values else ""
        yield f"- {term.label} ({term.short}, {term.code}){values}. {term.definition}"


def _conditions(version: DatasetVersion, project: Project) -> Iterator[str]:
    """Of the approval in force, as the owner wrote them."""
    approved = AccessRequest.objects.filter(project=project, version=version, status=AccessRequest.Status.APPROVED)
    for request in approved:
        yield request.conditions.strip() or "The owner made no conditions beyond the terms."
        yield f"It may be used until {request.ends_on:%-d %B %Y}." if request.ends_on else ""


def _columns(table: ShownTable) -> Iterator[str]:
    for column in table.columns:
        yield f"- {column.name}: {column.kind}{f'. {column.description}' if column.description else ''}"
    if table.more:
        yield f"- and {number(table.more)} more"
