"""First looks as a page shows them: one at a time, every count with the owner's floor."""

from contextlib import closing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.alliance.models import Member
from apps.catalog.dictionary import shown_values
from apps.catalog.events import DATA_LOOKED_AT
from apps.catalog.gateways import DatasetStore
from apps.catalog.models import DatasetFile, DatasetVersion, FirstLook
from apps.catalog.previews.table import profile
from apps.catalog.selectors import TABLES, floor_of
from apps.core.errors import NotFound
from apps.core.reads import record_read

TABLE = "table"
MOST_PLOTS = 40  # columns of one table on a page
PARTS = {"chromosomes": "By chromosome", "types": "By type", "filters": "By filter"}


@dataclass(frozen=True)
class Look:
    """What can be looked at: a table, or what a worker makes a look of."""

    pk: UUID
    path: str
    kind: str
    source: DatasetFile | FirstLook

    @property
    def words(self) -> str:
        """What kind of thing it is, and where its look stands."""
        if isinstance(self.source, DatasetFile):
            return "Table"
        state = "" if self.source.status == FirstLook.Status.MADE else f", {self.source.get_status_display().lower()}"
        return f"{self.source.get_kind_display()}{state}"


@dataclass(frozen=True)
class Plot:
    """Counts under one name, as bars and as a table; `others` are those that are too small to be told apart."""

    name: str
    bars: list[tuple[str, int]]
    others: int = 0
    spread: str = ""


@dataclass(frozen=True)
class Shown:
    """One look as the page shows it."""

    look: Look
    state: str
    reason: str
    facts: list[tuple[str, str]]
    plots: list[Plot]
    has_picture: bool
    floor: int


def looks_of(version: DatasetVersion) -> list[Look]:
    """Everything of a version that can be looked at: its first tables, then what workers make."""
    tables = version.files.filter(dictionary__isnull=False).order_by("path")[:TABLES]
    made = version.looks.order_by("path")
    return [*(Look(one.pk, one.path, TABLE, one) for one in tables), *(Look(m.pk, m.path, m.kind, m) for m in made)]


def chosen(looks: list[Look], asked: str) -> Look:
    """The look that was asked for by its id; raises NotFound where there is none such."""
    found = next((one for one in looks if str(one.pk) == asked), None)
    if found is None:
        raise NotFound("There is no such first look of this version. Go back and choose one of its list.")
    return found


def shown(look: Look, version: DatasetVersion) -> Shown:
    """The look with every count below the owner's floor left out, and any from which one could be reckoned."""
    floor = floor_of(version.dataset)
    if isinstance(look.source, DatasetFile):
        plots = [_column(told) for told in profile(look.source.dictionary or {}, floor)]
        facts = [("Columns with something to show", f"{len(plots):,}")]
        return Shown(look, FirstLook.Status.MADE, "", facts, plots[:MOST_PLOTS], has_picture=False, floor=floor)
    one = look.source
    plots = _parts(one.facts, floor) if one.kind == FirstLook.Kind.VARIANTS else []
    return Shown(look, one.status, one.reason, _facts(one, floor), plots, one.has_picture, floor)


def opened(version: DatasetVersion, asked: str, *, by: Member, **about: str) -> tuple[list[Look], Shown | None]:
    """What there is to look at, and the one that was asked for, on the record before it is returned."""
    listed = looks_of(version)
    told = shown(chosen(listed, asked), version) if asked else _first_with_something(listed, version)
    if told:
        record_read(DATA_LOOKED_AT, by=by, target=version, look=str(told.look.pk), part=told.look.kind, **about)
    return listed, told


def picture_of(version: DatasetVersion, pk: UUID, *, by: Member, **about: str) -> bytes:
    """A look's picture, a PNG that the portal wrote itself, on the record before it is returned."""
    look = version.looks.filter(pk=pk, has_picture=True).first()
    if look is None:
        raise NotFound("There is no such picture.")
    with closing(DatasetStore().open(look.key)) as stored:
        body = b"".join(stored)
    record_read(DATA_LOOKED_AT, by=by, target=version, look=str(look.pk), part="picture", **about)
    return body


def _first_with_something(looks: list[Look], version: DatasetVersion) -> Shown | None:
    """The first that has a picture or a plot, else the first."""
    told: Shown | None = None
    for look in looks:
        one = shown(look, version)
        if one.plots or one.has_picture:
            return one
        told = told or one
    return told


def _column(told: dict[str, Any]) -> Plot:
    spread = ""
    if "quartiles" in told:
        lower, median, upper = told["quartiles"]
        spread = f"half of them from {lower:g} to {upper:g}, the middle at {median:g}"
    bars = [(str(label), count) for label, count in told["bars"]]
    return Plot(told["name"], bars, told.get("others", 0), spread)


def _parts(facts: dict[str, Any], floor: int) -> list[Plot]:
    plots = []
    for key, name in PARTS.items():
        told = shown_values(facts.get(key, []), 0, floor)
        if told.get("values"):
            plots.append(Plot(name, [(label, count) for label, count in told["values"]], told.get("others", 0)))
    return plots


def _facts(look: FirstLook, floor: int) -> list[tuple[str, str]]:
    told = look.facts
    if look.kind == FirstLook.Kind.VARIANTS:
        return [(words, _counted(told[key], floor)) for key, words in COUNTED.items() if key in told]
    shown = [("Size", f"{told['width']:,} × {told['height']:,} pixels")] if {"width", "height"} <= told.keys() else []
    if {"rows", "columns"} <= told.keys():
        shown.append(("Size", f"{told['columns']:,} × {told['rows']:,} pixels"))
    return shown + [(words, f"{told[key]}{unit}") for key, (words, unit) in MEASURED.items() if key in told]


def _counted(count: int, floor: int) -> str:
    return f"{count:,}" if count == 0 or count >= floor else f"fewer than {floor}"


COUNTED = {"variants": "Variants", "samples": "Samples"}
MEASURED = {
    "microns_per_pixel": ("Resolution", " µm per pixel"),
    "magnification": ("Magnification", "×"),
    "modality": ("Machine", ""),
    "body_part": ("Part of the body", ""),
    "slices": ("Slices", ""),
    "slice_thickness_mm": ("Slice thickness", " mm"),
    "kilovolts": ("Tube voltage", " kV"),
    "field_strength_tesla": ("Field strength", " T"),
}
