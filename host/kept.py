"""Small files of JSON that are there whole or not at all, whatever is killed meanwhile."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def keep(folder: Path, name: str, facts: dict[str, Any]) -> None:
    """Write them, for us alone to read."""
    fresh = folder / f".{name}"
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(facts, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, folder / name)


def kept(folder: Path, name: str) -> dict[str, Any] | None:
    """What was written; None where there is nothing that can be read."""
    try:
        facts = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) else None
