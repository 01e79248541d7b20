"""Many short lists by one query: a page that looks into every room asks the database once."""

from types import SimpleNamespace
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Field, Model, QuerySet
from django.db.models.functions import JSONObject


class Few:
    """The first rows of a list, with the columns that are shown of each: "pk", "member__name"."""

    def __init__(self, rows: QuerySet[Any], *columns: str, most: int) -> None:
        self.columns = {column: _field(rows, column) for column in columns}
        told: Any = JSONObject(**{column: column for column in columns})
        self.subquery = ArraySubquery(rows.values(told=told)[:most])

    def read(self, found: list[dict[str, Any]]) -> list[Any]:
        """The rows as the page reads them, row.member.name, with dates and identifiers as such."""
        return [self._row(one) for one in found]

    def _row(self, found: dict[str, Any]) -> SimpleNamespace:
        row = SimpleNamespace()
        for column, field in self.columns.items():
            *path, last = column.split("__")
            place = row
            for part in path:
                place.__dict__.setdefault(part, SimpleNamespace())
                place = getattr(place, part)
            setattr(place, last, _typed(field, found[column]))
        return row


def together(about: Model, **lists: Few) -> dict[str, list[Any]]:
    """Each list's rows by its name, all as of one moment; `about` is any row that exists."""
    if not lists:
        return {}
    subqueries = {name: one.subquery for name, one in lists.items()}
    manager = about._meta.model._base_manager  # by _meta, since request.user is a lazy stand-in for its member
    found = manager.filter(pk=about.pk).values(**subqueries).first() or {}
    # Where Django knows that there is nothing, it answers null.
    return {name: one.read(found.get(name) or []) for name, one in lists.items()}


def _field(rows: QuerySet[Any], column: str) -> "Field[Any, Any]":
    """What reads the column's value back from JSON."""
    if column in rows.query.annotations:
        return rows.query.annotations[column].output_field
    field: Any = None
    model: Any = rows.model
    for part in column.split("__"):
        field = model._meta.pk if part == "pk" else model._meta.get_field(part)
        model = field.related_model
    return field  # type: ignore[no-any-return]


def _typed(field: Any, value: Any) -> Any:
    return [field.base_field.to_python(one) for one in value] if isinstance(value, list) else field.to_python(value)
