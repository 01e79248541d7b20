"""What is kept of a file that is a table, and what others may see of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.catalog import dictionary
from apps.core.errors import Invalid

COLUMNS = 40  # of one table on a page
LARGEST = 64 * 1024 * 1024  # bytes of a table that is read, some twenty seconds; nobody waits longer for a dictionary
PACKED = 8  # a packed table grows about so many times


@dataclass(frozen=True)
class ShownColumn:
    """One column as others may see it; `missing` is None where it may not be said."""

    name: str
    kind: str
    description: str = ""
    withheld: bool = False
    values: tuple[tuple[str, int], ...] = ()
    others: int = 0
    missing: int | None = 0
    distinct: int = 0
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class ShownTable:
    """One table's dictionary with the small counts left out; `more` columns are not on the page."""

    path: str
    rows: int | None
    columns: list[ShownColumn]
    more: int


def dictionary_of(place: Path, media_type: str) -> dict[str, Any] | None:
    """The columns of a table; None for what is no table, or none that can be read in a short while."""
    bound = LARGEST // PACKED if "gzip" in media_type else LARGEST
    if place.stat().st_size > bound:
        return None
    try:
        return dictionary.read(place, media_type)
    except Invalid:  # the steward's file is kept as it is; it has no dictionary then
        return None


def shown(path: str, kept: dict[str, Any], floor: int) -> ShownTable:
    """A kept dictionary as others may see it."""
    told = dictionary.shown(kept, floor)
    columns = [_column(one) for one in told["columns"][:COLUMNS]]
    more = len(told["columns"]) - len(columns) + told["dropped"]
    return ShownTable(path, told["rows"], columns, more)


def counts_of(kept: dict[str, Any], column: str, floor: int) -> ShownColumn | None:
    """What may be shown of one column: its values and counts, or that they are withheld; None if it has none such."""
    told = dictionary.shown(kept, floor)["columns"]
    return next((_column(one) for one in told if one["name"] == column), None)


def _column(told: dict[str, Any]) -> ShownColumn:
    numbers = told.get("numbers") or {}
    return ShownColumn(
        name=told["name"],
        kind=told["kind"],
        description=told.get("description", ""),
        withheld=told.get("withheld", False),
        values=tuple((value, count) for value, count in told.get("values", ())),
        others=told.get("others", 0),
        missing=told.get("missing", 0),
        distinct=told.get("distinct", 0),
        low=numbers.get("low"),
        high=numbers.get("high"),
    )
