"""What is kept of a file that is a table, and what others may see of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.catalog import dictionary
from apps.core.errors import Invalid

COLUMNS = 40  # of one table on a page


@dataclass(frozen=True)
class ShownTable:
    """One table's dictionary with the small counts left out; `more` columns are not on the page."""

    path: str
    rows: int | None
    columns: list[dict[str, Any]]
    more: int


def dictionary_of(place: Path, media_type: str) -> dict[str, Any] | None:
    """The columns of a table; None for what is no table, or none that can be read."""
    try:
        return dictionary.read(place, media_type)
    except Invalid:  # the steward's file is kept as it is; it has no dictionary then
        return None


def shown(path: str, kept: dict[str, Any], floor: int) -> ShownTable:
    """A kept dictionary as others may see it."""
    told = dictionary.shown(kept, floor)
    columns = told["columns"]
    return ShownTable(path, told["rows"], columns[:COLUMNS], max(len(columns) - COLUMNS, 0) + told["dropped"])


def counts_of(kept: dict[str, Any], column: str, floor: int) -> dict[str, Any] | None:
    """What may be shown of one column: its values and counts, or that they are withheld; None if it has none such."""
    return next((one for one in dictionary.shown(kept, floor)["columns"] if one["name"] == column), None)
