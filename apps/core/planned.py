"""Queries that take longer to plan than to run: PostgreSQL keeps their plan for as long as the connection lives."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import ProgrammingError, connection
from psycopg import Cursor
from psycopg.errors import InvalidSqlStatementName


def rows_of(query: str, values: Mapping[str, Any] | Sequence[Any]) -> list[tuple[Any, ...]]:
    """All rows of a query that is known again: Django's own cursor writes the values into the text, this one does not.

    psycopg prepares it (`prepare_threshold` in the settings) and forgets it with the connection or a rollback. Where
    something else threw the plan away, a new connection is as good; within a transaction the rollback does the same.
    """
    try:
        return _rows(query, values)
    except ProgrammingError as error:
        if connection.in_atomic_block or not isinstance(error.__cause__, InvalidSqlStatementName):
            raise
        connection.close()
        return _rows(query, values)


def _rows(query: str, values: Mapping[str, Any] | Sequence[Any]) -> list[tuple[Any, ...]]:
    if connection.queries_logged:  # a debugger is shown the query with its values, which only Django's cursor can
        cursor = connection.cursor()
    else:
        connection.ensure_connection()
        cursor = connection.make_cursor(Cursor(connection.connection))  # type: ignore[arg-type]  # any cursor does
    with cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())
