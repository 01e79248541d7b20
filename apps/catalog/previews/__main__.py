"""python -m apps.catalog.previews KIND PATH OUT SECONDS: writes OUT/preview.json and, for images, OUT/preview.png.

Exit status 0: made. 3: the file can't be shown, and preview.json says why in `refused`.
"""

import importlib
import json
import sys
from pathlib import Path

from apps.catalog.previews.bounds import limit_this_process
from apps.core.errors import Invalid

KINDS = ("table", "slide", "dicom", "variants")
REFUSED = 3


def main(kind: str, path: str, out: str, seconds: str) -> int:
    """Make one preview within the limits."""
    if kind not in KINDS:
        raise SystemExit(f"There is no preview of kind {kind}; there are: {', '.join(KINDS)}.")
    limit_this_process(int(seconds))
    told: dict[str, object]
    try:
        told, status = importlib.import_module(f"apps.catalog.previews.{kind}").preview(Path(path), Path(out)), 0
    except Invalid as refusal:
        told, status = {"refused": str(refusal)}, REFUSED
    (Path(out) / "preview.json").write_text(json.dumps(told, allow_nan=False))
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
