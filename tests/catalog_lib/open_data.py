"""Where the open cancer data lie: inside the checkout or beside it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OPEN_DATA = next((place for place in (ROOT / "shared/data", ROOT.parent / "shared/data") if place.is_dir()), ROOT)
