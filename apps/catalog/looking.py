"""Making a first look: the bytes from the storage, a process of its own, and what comes back checked before it is kept.

What comes back may have been written under the command of the file, so only what has the right shape is taken.
"""

import math
import re
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from apps.catalog.actors import PREVIEWER
from apps.catalog.gateways import DatasetStore
from apps.catalog.models import DatasetFile, FirstLook
from apps.catalog.preview_gateways import Preview, run_preview
from apps.catalog.previews.variants import MOST_NAMES
from apps.catalog.services import looks
from apps.core.errors import Invalid

LARGEST = 512 * 1024**2  # bytes fetched for one look
FETCHING, MAKING = 20, 20  # seconds; both end before a worker's time does
MOST_FETCHED = 2_000  # files of one series
WORD = re.compile(r"[\w .*;:+-]{1,40}", re.ASCII)
SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")


def make(pk: UUID) -> None:
    """Make the look, or write down why it can't be made; nothing where it was made before."""
    waiting = FirstLook.objects.filter(status=FirstLook.Status.WAITING)
    look = waiting.select_related("version__dataset").filter(pk=pk).first()
    if look is None:
        return
    try:
        made = _made(look)
    except Invalid as error:
        looks.fail(look, by=PREVIEWER, reason=str(error))
        return
    if made.picture is not None:
        DatasetStore().put(look.key, made.picture, media_type="image/png")
    looks.keep(look, by=PREVIEWER, facts=shaped(look.kind, made.facts), has_picture=made.picture is not None)


def shaped(kind: str, facts: dict[str, Any]) -> dict[str, Any]:
    """The facts that a look of this kind has, where each is what it says it is."""
    return {name: facts[name] for name, is_right in SHAPES[kind].items() if name in facts and is_right(facts[name])}


def _made(look: FirstLook) -> Preview:
    with TemporaryDirectory(prefix="look-") as folder:
        given, out = Path(folder) / "given", Path(folder) / "out"
        given.mkdir()
        out.mkdir()
        files = _files_of(look)
        if sum(file.bytes for file in files) > LARGEST or len(files) > MOST_FETCHED:
            raise Invalid(f"It is larger than {LARGEST // 1024**2:,} MB, which is too large for a first look.")
        placed = _fetched(files, given)
        path = given if look.kind == FirstLook.Kind.DICOM and look.path != files[0].path else placed[0]
        return run_preview(look.kind, path, out, MAKING)


def _files_of(look: FirstLook) -> list[DatasetFile]:
    """The file, or those of the series."""
    files = look.version.files.defer("dictionary").order_by("path")
    if one := files.filter(path=look.path).first():
        return [one]
    within = files.filter(path__startswith=f"{look.path}/", media_type="application/dicom")
    return [file for file in within if str(PurePosixPath(file.path).parent) == look.path]


def _fetched(files: Iterable[DatasetFile], folder: Path) -> list[Path]:
    """Each file's bytes under a name of ours, in their order."""
    until = time.monotonic() + FETCHING
    placed = []
    for number, file in enumerate(files):
        suffix = PurePosixPath(file.path).suffix
        place = folder / f"{number:04}{suffix if SUFFIX.fullmatch(suffix) else ''}"
        with closing(DatasetStore().open(file.key)) as stored, place.open("wb") as copy:
            for chunk in stored:
                if time.monotonic() > until:
                    raise Invalid("Fetching its bytes took too long. Its steward can ask for the look again.")
                copy.write(chunk)
        placed.append(place)
    return placed


# ── shapes ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and abs(value) < 1e12


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and WORD.fullmatch(value) is not None


def _are_counts(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MOST_NAMES + 1
        and all(isinstance(one, list) and len(one) == 2 and _is_word(one[0]) and _is_count(one[1]) for one in value)
    )


SHAPES: dict[str, dict[str, Callable[[Any], bool]]] = {
    "slide": {
        "width": _is_count,
        "height": _is_count,
        "levels": _is_count,
        "microns_per_pixel": _is_number,
        "magnification": _is_number,
    },
    "dicom": {
        "modality": _is_word,
        "body_part": _is_word,
        "patient_position": _is_word,
        "slices": _is_count,
        "frames": _is_count,
        "rows": _is_count,
        "columns": _is_count,
        "slice_thickness_mm": _is_number,
        "kilovolts": _is_number,
        "field_strength_tesla": _is_number,
    },
    "variants": {
        "variants": _is_count,
        "samples": _is_count,
        "chromosomes": _are_counts,
        "types": _are_counts,
        "filters": _are_counts,
    },
}
