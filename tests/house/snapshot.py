"""All that the database holds, as one digest for each table."""

from django.db import connection


def snapshot(*, but: tuple[str, ...] = ()) -> dict[str, str]:
    """Table → number of rows and a digest of them, in no particular order of the rows."""
    with connection.cursor() as cursor:
        cursor.execute("select tablename from pg_tables where schemaname = 'public' order by 1")
        tables = [name for (name,) in cursor.fetchall() if name not in but]
        rows = " union all ".join(
            f"select '{name}', count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') "
            f'from "{name}" t'
            for name in tables
        )
        cursor.execute(rows)
        return dict(cursor.fetchall())
