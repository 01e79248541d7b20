"""What a version holds in numbers, as others may see it: counts of people, and what may be such, obey the floor."""

import re
from typing import Any

from apps.catalog.models import DatasetVersion
from apps.core.templatetags.words import number

# Counts of these say nothing of how few people there are. Whatever is not among them is held to the floor.
THINGS = frozenset(
    {
        "alignments", "bytes", "columns", "features", "files", "genes", "images", "institutions", "mutations",
        "patches", "pixels", "probes", "proteins", "reads", "region", "regions", "scans", "segments", "sequences",
        "series", "sites", "slices", "slides", "studies", "tables", "tiles", "transcripts", "variables", "variants"
    }
)  # fmt: skip
BEYOND = re.compile(r"[\s_-](with|in|per|of|by|from)[\s_-].*", re.DOTALL)
NOT_SHOWN = "not shown"


def holdings(version: DatasetVersion, floor: int) -> list[tuple[str, str]]:
    """By name and in order: what may be said of each number, in words."""
    return [(name, _words(name, value, floor)) for name, value in version.holds]


def is_of_things(name: str) -> bool:
    """Whether the name counts things: what it is about stands before “with” or “per”, and last: dicom_files."""
    about = re.split(r"[\s_-]+", BEYOND.sub("", name.strip().lower()))
    return about[-1] in THINGS


def _words(name: str, value: Any, floor: int) -> str:
    if is_of_things(name):
        return number(value)
    counted = str(value).replace(",", "").strip()
    if not counted.isascii() or not counted.isdigit():
        return NOT_SHOWN
    return number(int(counted)) if int(counted) >= floor else f"fewer than {floor}"
