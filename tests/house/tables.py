"""The committed tables of the house: what the site answers, what it costs, what may move where, what is personal."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

HERE = Path(__file__).parent
ACCESS = HERE / "access.csv"
QUERIES = HERE / "queries.csv"
MOVES = HERE / "moves.csv"
FIELDS = HERE / "fields.csv"
RENEW = "If that is meant, ./caia fix writes it anew; read the difference line by line before you commit it."


def read(path: Path) -> list[dict[str, str]]:
    """The rows by their headings; none where the table does not exist yet."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path: Path, headings: Sequence[str], rows: Iterable[dict[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, headings, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
