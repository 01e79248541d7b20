"""Variants in a VCF file: how many there are by chromosome, by type and by filter; no position, no genotype."""

import re
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apps.catalog.dictionary import NotText, text_lines
from apps.core.errors import Invalid

MOST_VARIANTS = 50_000_000
MOST_NAMES = 100  # different chromosomes or filters; what comes after them counts as "other"
NAME = re.compile(r"[A-Za-z0-9_.*;:+-]{1,40}")
BASES = re.compile(r"[ACGTNacgtn]+")


def preview(path: Path, out: Path) -> dict[str, Any]:
    """Counts of the variants, and the number of samples; samples are not named."""
    try:
        with path.open("rb") as file:
            return _counts(text_lines(file))
    except (NotText, EOFError, OSError, zlib.error):
        raise Invalid("The file can't be read as text, packed or not. Ask its steward whether it is whole.") from None


def _counts(lines: Iterator[str]) -> dict[str, Any]:
    first = next(lines, "")
    if not first.startswith("##fileformat=VCF"):
        raise Invalid("This is no VCF file: it does not begin with ##fileformat=VCF.")
    header = next((line for line in lines if not line.startswith("##")), "")
    columns = header.rstrip("\r\n").split("\t")
    if columns[:5] != ["#CHROM", "POS", "ID", "REF", "ALT"] or len(columns) < 8:
        raise Invalid("The VCF file has no line of column names, which begins with #CHROM.")
    counted: dict[str, Counter[str]] = {"chromosomes": Counter(), "types": Counter(), "filters": Counter()}
    variants = 0
    for line in lines:
        fields = line.rstrip("\r\n").split("\t", 8)
        if len(fields) < 8:
            if not line.strip():
                continue
            raise Invalid(f"Variant {variants + 1} of the VCF file has too few columns.")
        variants += 1
        if variants > MOST_VARIANTS:
            raise Invalid(f"The VCF file has more than {MOST_VARIANTS:,} variants.")
        for name, value in (("chromosomes", fields[0]), ("types", kind(fields[3], fields[4])), ("filters", fields[6])):
            _count(counted[name], value)
    told = {name: sorted(counts.items(), key=lambda one: (-one[1], one[0])) for name, counts in counted.items()}
    return {"variants": variants, "samples": max(len(columns) - 9, 0), **told}


def _count(counts: Counter[str], name: str) -> None:
    known = name in counts or (len(counts) < MOST_NAMES and NAME.fullmatch(name) is not None)
    counts[name if known else "other"] += 1


def kind(reference: str, alternatives: str) -> str:
    """SNV, MNV, insertion, deletion, several (alternatives of different types), none, or other."""
    kinds = {_kind(reference, alternative) for alternative in alternatives.split(",")}
    return kinds.pop() if len(kinds) == 1 else "several"


def _kind(reference: str, alternative: str) -> str:
    if alternative == ".":
        return "none"
    if not BASES.fullmatch(alternative) or not BASES.fullmatch(reference):
        return "other"
    if len(reference) == len(alternative):
        return "SNV" if len(reference) == 1 else "MNV"
    return "insertion" if len(alternative) > len(reference) else "deletion"
