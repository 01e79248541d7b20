"""What the notary is told by its environment: its database, its folder with key and tiles, its witnesses."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class NotSet(Exception):
    """A setting is missing; the message names it."""


@dataclass(frozen=True)
class WitnessPlace:
    """One center's witness: whose it is, where it answers, by which key its word is known."""

    center: str
    url: str
    vkey: str


@dataclass(frozen=True)
class Place:
    """Everything that differs between notaries."""

    database_url: str
    home: Path
    origin: str
    pause: float  # seconds between two looks at what is pending
    witness_every: float  # seconds between two rounds of witnesses

    @property
    def key(self) -> Path:
        return self.home / "notary.key"

    @property
    def tiles(self) -> Path:
        return self.home / "tiles"

    def witnesses(self) -> list[WitnessPlace]:
        """The witnesses of `witnesses.json`, read anew each time so that a center can join without a restart."""
        try:
            rows = json.loads((self.home / "witnesses.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        return [WitnessPlace(row["center"], row["url"], row["vkey"]) for row in rows]


def place_from(environment: Mapping[str, str] = os.environ) -> Place:
    """The place that these variables describe; raises NotSet."""
    for name in ("NOTARY_DATABASE_URL", "NOTARY_HOME"):
        if not environment.get(name):
            raise NotSet(f"{name} is not set; docs/operations.md says what it means")
    return Place(
        database_url=environment["NOTARY_DATABASE_URL"],
        home=Path(environment["NOTARY_HOME"]),
        origin=environment.get("NOTARY_ORIGIN", "caia.example.org/record"),
        pause=float(environment.get("NOTARY_PAUSE", "0.5")),
        witness_every=float(environment.get("NOTARY_WITNESS_EVERY", "4")),
    )
