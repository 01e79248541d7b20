"""Where the open cancer data lie, inside the checkout or beside it; and a picture that claims to be huge."""

import struct
import zlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OPEN_DATA = next((place for place in (ROOT / "shared/data", ROOT.parent / "shared/data") if place.is_dir()), ROOT)
here = pytest.mark.skipif(OPEN_DATA.name != "data", reason="the open data are not here")


def flood_png():
    """A PNG of 60,000 by 60,000 pixels in a few hundred bytes."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
