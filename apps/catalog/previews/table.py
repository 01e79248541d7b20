"""A table: its dictionary, and from it what plots need."""

from itertools import pairwise
from pathlib import Path
from typing import Any

from apps.catalog.dictionary import read, shown
from apps.core.errors import Invalid


def preview(path: Path, out: Path) -> dict[str, Any]:
    """The dictionary with its true counts; whoever shows it asks profile() or shown()."""
    dictionary = read(path, "")
    if dictionary is None:
        raise Invalid("This file is no table with columns, so there is nothing to show of it.")
    return dictionary


def profile(dictionary: dict[str, Any], floor: int) -> list[dict[str, Any]]:
    """One plot for each column that has something to show: `bars` of values or of ranges, none below the floor.

    A plot is {"name", "kind", "bars": [[label, count], …], "others", "low", "quartiles", "high"}, without what is
    unknown.
    """
    plots = []
    for column in shown(dictionary, floor)["columns"]:
        plot = {"name": column["name"], "kind": column["kind"]}
        numbers = column.get("numbers", {})
        if column.get("values"):
            plot["bars"] = column["values"]
            if "others" in column:
                plot["others"] = column["others"]
        elif numbers.get("counts"):
            bars = zip(_ranges(numbers["edges"]), numbers["counts"], strict=True)
            plot["bars"] = [[label, count] for label, count in bars if count is not None]
            plot |= {name: numbers[name] for name in ("low", "quartiles", "high", "others") if name in numbers}
        else:
            continue
        plots.append(plot)
    return plots


def _ranges(edges: list[float]) -> list[str]:
    """Words for bins whose outer ones are open: each edge belongs to the bin above it."""
    if not edges:
        return ["all"]
    between = [f"{left:g} to below {right:g}" for left, right in pairwise(edges)]
    return [f"below {edges[0]:g}", *between, f"{edges[-1]:g} or more"]
