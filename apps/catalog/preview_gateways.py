"""Previews are made by a process of their own: what a hostile file breaks there breaks nothing here."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.core.errors import Invalid

ROOT = Path(__file__).resolve().parents[2]
MOST_FACTS, MOST_PICTURE, WIDEST = 8 * 1024**2, 2 * 1024**2, 512
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
MADE, REFUSED = 0, 3
UNREADABLE = "The file can't be shown. Ask its steward whether it is whole."


@dataclass(frozen=True)
class Preview:
    """What is known of a file at first sight; `picture` is a PNG."""

    kind: str
    facts: dict[str, Any]
    picture: bytes | None


def run_preview(kind: str, path: Path, out: Path, timeout: int) -> Preview:
    """The preview of a file, made in an empty folder `out` within `timeout` seconds.

    Raises Invalid with a sentence where the file can't be shown. What the process wrote is read with bounds: it may
    have come under the file's command.
    """
    words = [sys.executable, "-m", "apps.catalog.previews", kind, str(path.resolve()), str(out.resolve()), str(timeout)]
    environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        status = subprocess.run(  # noqa: S603  (our own module; the path is one word of its own)
            words,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        raise Invalid("The preview took too long and was stopped.") from None
    told = _facts(out)
    if status == REFUSED:
        raise Invalid(str(told.get("refused", UNREADABLE))[:300])
    if status != MADE:
        raise Invalid(UNREADABLE)
    return Preview(kind, told, _picture(out))


def _facts(out: Path) -> dict[str, Any]:
    try:
        told = json.loads(_bytes(out / "preview.json", MOST_FACTS), parse_constant=_no_number)
    except (OSError, ValueError, RecursionError):
        raise Invalid(UNREADABLE) from None
    if not isinstance(told, dict):
        raise Invalid(UNREADABLE)
    return told


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _picture(out: Path) -> bytes | None:
    try:
        picture = _bytes(out / "preview.png", MOST_PICTURE)
    except FileNotFoundError:
        return None
    except OSError:
        raise Invalid(UNREADABLE) from None
    sides = [int.from_bytes(picture[start : start + 4]) for start in (16, 20)]
    if not picture.startswith(PNG) or not all(0 < side <= WIDEST for side in sides):
        raise Invalid(UNREADABLE)
    return picture


def _bytes(path: Path, most: int) -> bytes:
    """A plain file's content; links are not followed."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError("too large")
    return content
