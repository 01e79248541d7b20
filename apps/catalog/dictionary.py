"""The data dictionary of a delimited table: made while the table streams by, shown with small counts left out."""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, cast

from apps.catalog.columns import AROUND, LISTED, Column
from apps.core.errors import Invalid

MOST_BYTES = 4 * 1024**3  # unpacked
MOST_ROWS = 20_000_000
MOST_COLUMNS = 5_000
LONGEST_LINE = 1024**2
MOST_COMMENTS = 1_000
KEPT = 1_000_000  # numbers, and different values, remembered over all columns together
KEPT_EACH = 100_000
LISTED_IN_ALL, FEWEST_LISTED = 20_000, 12  # values counted by name, so that a dictionary stays small
BOMB = 500, 64 * 1024**2  # a packed file that grows by more than so many times, once it is this large
LOOKED_AT = 50  # lines, to find the separator
TABLES = re.compile(r"$|text/(?!vcf|html|xml|x-vcf)|application/(x-)?gzip|application/octet-stream", re.IGNORECASE)
SEPARATORS = {"csv": ",;", "tab-separated-values": "\t", "tsv": "\t"}


def read(path: Path, media_type: str) -> dict[str, Any] | None:
    """The columns of a table (CSV, TSV, MAF, SEG, packed with gzip or not), or None where the file is no table.

    Raises Invalid where it is damaged or beyond the bounds above. `values` and `missing` hold true counts, which only
    the owner's own people may see; all others see what shown() leaves.
    """
    if not TABLES.match(media_type):
        return None
    with path.open("rb") as file:
        lines = text_lines(file)
        try:
            begun = _begin(lines, media_type)
            return _read(*begun, lines) if begun else None
        except NotText:
            return None
        except (EOFError, OSError, zlib.error):
            raise Invalid("The file can't be unpacked. Pack it again with gzip, or add it unpacked.") from None
        except csv.Error:
            raise Invalid("A line of the table can't be read. Check its quotes.") from None


class NotText(Exception):
    """The bytes hold what no text holds."""


def text_lines(file: IO[bytes]) -> Iterator[str]:
    """Lines as text, no longer and no more than the bounds; raises NotText, or Invalid beyond the bounds."""
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    source = cast(IO[bytes], gzip.GzipFile(fileobj=file)) if packed else file
    total = 0
    while line := source.readline(LONGEST_LINE + 1):
        total += len(line)
        if b"\0" in line:
            raise NotText
        if len(line) > LONGEST_LINE:
            raise Invalid(f"A line of the file is longer than {LONGEST_LINE:,} bytes. Is it a table?")
        times, size = BOMB
        if total > MOST_BYTES or (packed and total > size and total > times * max(file.tell(), 1)):
            raise Invalid("The file is too large when unpacked. Split it.")
        yield line.decode("utf-8-sig" if total == len(line) else "utf-8", errors="replace")


Layout = tuple[str, list[str], int]  # separator, names of the columns, how many lines stand before the first row


def _begin(lines: Iterator[str], media_type: str) -> tuple[list[str], list[str], Layout] | None:
    """Comments, the first lines and the layout; None where these are no table, as in prose, genomes and pictures."""
    comments: list[str] = []
    try:
        first = next(lines, "")
        while first.startswith("#") or (first and not first.strip()):
            if first.startswith("##fileformat=VCF") or len(comments) == MOST_COMMENTS:
                return None
            comments.append(first)
            first = next(lines, "")
        ahead = [first, *islice(lines, LOOKED_AT)] if first else []
        layout = _layout(ahead, media_type)
    except (Invalid, csv.Error):
        return None
    return (comments, ahead, layout) if layout else None


def _read(comments: list[str], ahead: list[str], layout: Layout, lines: Iterator[str]) -> dict[str, Any]:
    separator, names, skipped = layout
    if len(names) > MOST_COLUMNS:
        raise Invalid(f"The table has more than {MOST_COLUMNS:,} columns. Split it.")
    kept = max(100, min(KEPT_EACH, KEPT // len(names)))
    most_listed = max(FEWEST_LISTED, min(LISTED, LISTED_IN_ALL // len(names)))
    columns = [Column(name, kept=kept, most_listed=most_listed) for name in names]
    rows = ragged = 0
    for row in csv.reader(chain(ahead[skipped:], lines), delimiter=separator):
        if not row or (row == [""] * len(row) and len(row) < len(columns)):
            continue
        rows += 1
        if rows > MOST_ROWS:
            raise Invalid(f"The table has more than {MOST_ROWS:,} rows. Split it.")
        ragged += len(row) != len(columns)
        for place, column in enumerate(columns):
            column.add(row[place] if place < len(row) else "")
    told = [column.summary() for column in columns]
    for column_told, words in zip(told, _descriptions(comments, separator, len(names)), strict=False):
        column_told["description"] = words
    return {"rows": rows, "ragged_rows": ragged, "separator": separator, "columns": told}


def _layout(lines: list[str], media_type: str) -> Layout | None:
    subtype = media_type.partition(";")[0].rpartition("/")[2].lower()
    named = SEPARATORS.get(subtype, "")
    found = []
    for separator in named or "\t,;|":
        rows = [row for row in csv.reader(lines, delimiter=separator) if row]
        width = len(rows[-1]) if len(rows) > 1 else 0
        alike = sum(len(row) == width for row in rows[1:])
        if width >= (1 if named else 2) and alike >= 0.8 * (len(rows) - 1):
            found.append(((width > 1, len(rows[0]) == width, width), separator, rows))
    if not found:
        return None
    _, separator, rows = max(found)
    width, header, skipped = len(rows[-1]), rows[0], 1
    if len(header) not in {width, width - 1}:  # a summary line, or prose
        if len(rows) < 3 or not all(len(row) == width for row in rows[1:]):
            return None
        header, skipped = rows[1], 2
    if all(re.fullmatch(r"[+-]?[\d.]+([eE][+-]?\d+)?", cell.strip()) for cell in header):
        return separator, [f"column {place}" for place in range(1, width + 1)], skipped - 1
    if any(len(cell) > 300 or "\ufffd" in cell for cell in header):
        return None
    names = ["row", *header] if len(header) == width - 1 else header
    return separator, [name.strip() or f"column {place}" for place, name in enumerate(names, 1)], skipped


def _descriptions(comments: list[str], separator: str, width: int) -> list[str]:
    """The second comment line of a cBioPortal clinical sheet describes each column."""
    cells = [comment.lstrip("#").rstrip("\r\n").split(separator) for comment in comments[:2]]
    if len(cells) == 2 and width > 1 and all(len(line) == width for line in cells):
        return [cell.strip()[:300] for cell in cells[1]]
    return []


# ── what others see ─────────────────────────────────────────────────────────────────────────────────────────────────
# Words of column names: the identifiers that HIPAA's safe harbor lists (45 CFR 164.514(b)(2)), and free text.
IDENTIFIER = re.compile(
    r"(^|[^a-z])(ids?|pid|mrn|nhs|ssn|uuid|guid|barcodes?|identifier|accession|serial|account|insurance|passport|plate|"
    r"(fore|sur|first|last|full)?names?|initials|e-?mail|phone|fax|ip|url|address|street|city|zip|postcode|birth|dob|"
    r"comments?|notes?|free.?text)([^a-z]|$)|sample_?name|patient.?(id|nr|no)"
)
NAMES_A_SAMPLE = re.compile(r"\d{3}")  # a matrix has a column for each sample, named by its barcode
NEARLY_ALL = 0.9  # a text with so many different values per row tells rows apart
KEPT_WORDS = ("name", "kind", "description")


def shown(dictionary: dict[str, Any], floor: int) -> dict[str, Any]:
    """The dictionary for people who may see no count below `floor`.

    A count below it, and as many more as are needed so that it can't be worked out from the rest, goes: the values are
    not named, their sum is given as `others` (at least two values and at least `floor` rows). A column that looks like
    an identifier, a date or free text keeps its name and kind only; one whose name may itself be a sample's is dropped
    and counted. Bins below the floor are joined to a neighbor.
    """
    rows = dictionary["rows"]
    named = [column for column in dictionary["columns"] if not NAMES_A_SAMPLE.search(column["name"])]
    told = {"floor": floor, "dropped": len(dictionary["columns"]) - len(named)}
    if rows < floor:
        return {**told, "rows": None, "columns": [{**_name_only(column), "withheld": True} for column in named]}
    return {**told, "rows": rows, "columns": [_shown(column, rows, floor) for column in named]}


def _name_only(column: dict[str, Any]) -> dict[str, Any]:
    return {word: column[word] for word in KEPT_WORDS if word in column}


def looks_like_identifier(column: dict[str, Any], rows: int) -> bool:
    """By its name, or because it tells nearly all rows apart; a measured number may."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column["name"]).lower()
    if IDENTIFIER.search(words) or column["kind"] == "date":
        return True
    given = rows - column["missing"]
    many = not column["distinct_is_exact"] or column["distinct"] > NEARLY_ALL * given
    return column["kind"] == "text" and given > 0 and many


def _shown(column: dict[str, Any], rows: int, floor: int) -> dict[str, Any]:
    left = _name_only(column)
    missing, given = column["missing"], rows - column["missing"]
    if looks_like_identifier(column, rows) or given < floor:
        return {**left, "withheld": True}
    if "values" in column:
        return {**left, **shown_values(column["values"], missing, floor)}
    left["missing"] = missing if missing == 0 or missing >= floor else None
    left["distinct"] = column["distinct"]
    numbers = column.get("numbers")
    if numbers and floor <= AROUND:
        kept = {name: numbers[name] for name in ("low", "quartiles", "high", "around", "sampled") if name in numbers}
        left["numbers"] = {**kept, **_bins(numbers, missing, floor)}
    return left


def _bins(numbers: dict[str, Any], missing: int, floor: int) -> dict[str, Any]:
    """Bins of `floor` rows or more; where the missing rows are hidden, the smallest bin hides with them.

    Its count is None, and `others` is the sum of both: else the bins, taken from all rows, would tell the missing ones.
    """
    edges, counts = _joined(numbers["edges"], numbers["counts"], floor)
    if not 0 < missing < floor:
        return {"edges": edges, "counts": counts}
    if len(counts) < 2:
        return {"edges": [], "counts": []}
    smallest = counts.index(min(counts))
    hidden = [None if place == smallest else count for place, count in enumerate(counts)]
    return {"edges": edges, "counts": hidden, "others": counts[smallest] + missing}


def shown_values(values: list[list[Any]], missing: int, floor: int) -> dict[str, Any]:
    """Cells in order of size; from the smallest on, hide until what is hidden is at least two cells and `floor` rows.

    The missing rows are a cell like the others. Where nothing is small, nothing is hidden.
    """
    cells: list[tuple[str | None, int]] = [(value, count) for value, count in values]
    cells = sorted([*cells, (None, missing)] if missing else cells, key=lambda cell: cell[1])
    small = sum(count < floor for _, count in cells)
    while small and small < len(cells) and (small < 2 or sum(count for _, count in cells[:small]) < floor):
        small += 1
    if small == len(cells) and small:
        return {"withheld": True}
    hidden, kept = cells[:small], cells[small:]
    told: dict[str, Any] = {"values": [[value, count] for value, count in reversed(kept) if value is not None]}
    told["missing"] = missing if not missing or (None, missing) in kept else None
    if hidden:
        told["others"] = sum(count for _, count in hidden)
    else:
        told["distinct"] = len(values)
    return told


def _joined(edges: list[float], counts: list[int], floor: int) -> tuple[list[float], list[int]]:
    """Neighboring bins joined until each holds `floor` rows or none at all."""
    new_edges: list[float] = []
    new_counts: list[int] = []
    waiting = 0
    for place, count in enumerate(counts):
        waiting += count
        if waiting >= floor:
            new_counts.append(waiting)
            waiting = 0
            if place < len(edges):
                new_edges.append(edges[place])
    if waiting and new_counts:
        new_counts[-1] += waiting
    if len(new_edges) == len(new_counts):
        new_edges = new_edges[:-1]
    return new_edges, new_counts
