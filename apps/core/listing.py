"""Lists that stay fast at any size: filtered, sorted by an index, paged by position instead of by number."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core import signing
from django.db.models import Model, Q, QuerySet
from django.http import QueryDict

PAGE = 25
POSITIONS = frozenset({"after", "before"})
COUNTED = 1000  # beyond this a total helps nobody and would cost more with every row


@dataclass(frozen=True)
class Column:
    """A heading; `sort` is the model field that it orders by, empty where the list can't."""

    label: str
    sort: str = ""
    numeric: bool = False


@dataclass
class Heading:
    """A column as the page shows it."""

    label: str
    key: str
    numeric: bool
    sort_url: str | None
    sorted: str  # "", "ascending" or "descending"


@dataclass
class Listing:
    """One page of a list, ready for the table component."""

    rows: list[Any]
    columns: list[Heading]
    filters: forms.Form | None
    count_words: str
    previous_url: str | None
    next_url: str | None
    filtered: bool
    count: int = field(default=0)

    @property
    def empty(self) -> bool:
        return not self.rows


def listing(
    queryset: QuerySet[Any],
    query: QueryDict,
    *,
    columns: Sequence[Column],
    order: str,
    filters: forms.Form | None = None,
) -> Listing:
    """One page of `queryset`. `order` is the default sort field, with "-" for newest first.

    The sort fields must not be null; ties are broken by the primary key, so a page never repeats or loses a row.
    """
    allowed = {column.sort for column in columns if column.sort} | {order.lstrip("-")}
    chosen = query.get("sort", order)
    if chosen.lstrip("-") not in allowed:
        chosen = order
    rows, has_before, has_after = _page(queryset, chosen, query)
    is_whole = not has_before and not has_after
    total = len(rows) if is_whole else queryset.order_by()[: COUNTED + 1].count()
    return Listing(
        rows=rows,
        columns=[_heading(column, chosen, query) for column in columns],
        filters=filters,
        count_words=_count_words(total),
        previous_url=_link(query, chosen, before=_cursor(rows[0], chosen)) if has_before and rows else None,
        next_url=_link(query, chosen, after=_cursor(rows[-1], chosen)) if has_after and rows else None,
        filtered=any(value for key, value in query.items() if key not in {"sort", *POSITIONS}),
        count=total,
    )


def gathered(
    rows: Sequence[Any],
    marks: Sequence[str],
    query: QueryDict,
    *,
    labels: Sequence[str],
    numeric: Sequence[str] = (),
    filters: forms.Form | None = None,
) -> Listing:
    """One page of rows that come from several tables, so that no query can page them; `marks` rise as the rows do.

    `numeric` are those of the labels over numbers.
    """
    start = 0
    if after := query.get("after"):
        start = bisect_right(marks, after)
    elif before := query.get("before"):
        start = max(bisect_left(marks, before) - PAGE, 0)
    end = start + PAGE
    shown = list(rows[start:end])
    return Listing(
        rows=shown,
        columns=[Heading(label, label.lower(), label in numeric, None, "") for label in labels],
        filters=filters,
        count_words=f"{len(rows):,}",
        previous_url=_beside(query, before=marks[start]) if start and shown else None,
        next_url=_beside(query, after=marks[end - 1]) if end < len(rows) else None,
        filtered=filters is not None and any(value for key, value in query.items() if key not in POSITIONS),
        count=len(rows),
    )


def _page(queryset: QuerySet[Any], chosen: str, query: QueryDict) -> tuple[list[Any], bool, bool]:
    """The rows, and whether there are some before and after them."""
    descending, name = chosen.startswith("-"), chosen.lstrip("-")
    salt = _salt(queryset.model, name)
    after, before = _position(query.get("after"), salt), _position(query.get("before"), salt)
    backwards = before is not None and after is None
    flip = descending != backwards
    ordering = [f"{'-' if flip else ''}{name}", f"{'-' if flip else ''}pk"]
    position = before if backwards else after
    if position:
        queryset = queryset.filter(_beyond(name, position, smaller=flip))
    found = list(queryset.order_by(*ordering)[: PAGE + 1])
    more, rows = len(found) > PAGE, found[:PAGE]
    if backwards:
        rows.reverse()
        return rows, more, True
    return rows, position is not None, more


def _beyond(name: str, position: tuple[Any, str], *, smaller: bool) -> Q:
    value, pk = position
    comparison = "lt" if smaller else "gt"
    return Q(**{f"{name}__{comparison}": value}) | Q(**{name: value, f"pk__{comparison}": pk})


def _salt(model: type[Model], name: str) -> str:
    """A cursor only fits the list and the order that it was made for."""
    return f"listing:{model._meta.label_lower}:{name}"


def _position(token: str | None, salt: str) -> tuple[Any, str] | None:
    """What a cursor points at; a forged or foreign one counts as none."""
    if not token:
        return None
    try:
        value, pk = signing.loads(token, salt=salt)
    except (signing.BadSignature, ValueError):
        return None
    return value, pk


def _cursor(row: Model, chosen: str) -> str:
    name = chosen.lstrip("-")
    value: Any = row
    for part in name.split("__"):
        value = getattr(value, part)
    plain = (
        value if isinstance(value, str | int | float) else value.isoformat() if isinstance(value, date) else str(value)
    )
    return signing.dumps([plain, str(row.pk)], salt=_salt(type(row), name), compress=True)


def _link(query: QueryDict, chosen: str, **position: str) -> str:
    return _beside(query, sort=chosen, **position)


def _beside(query: QueryDict, **position: str) -> str:
    kept = {key: value for key, value in query.items() if key not in POSITIONS and value}
    return "?" + urlencode({**kept, **position})


def _heading(column: Column, chosen: str, query: QueryDict) -> Heading:
    state, url = "", None
    if column.sort:
        if chosen.lstrip("-") == column.sort:
            state = "descending" if chosen.startswith("-") else "ascending"
        url = _link(query, f"-{column.sort}" if state == "ascending" else column.sort)
    return Heading(column.label, column.sort or column.label.lower(), column.numeric, url, state)


def _count_words(total: int) -> str:
    if total > COUNTED:
        return f"more than {COUNTED:,}"
    return f"{total:,}"
