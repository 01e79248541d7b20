"""What a try printed, as it lies in a file of ours."""

from __future__ import annotations

from pathlib import Path

from host.engines.base import LogChunk


def chunk_of(file: Path, offset: int, limit: int, *, has_ended: bool) -> LogChunk:
    """Its bytes from there on. Beyond its end there is nothing, and the offset stays as it was asked."""
    try:
        with file.open("rb") as printed:
            printed.seek(offset)
            content = printed.read(limit)
            is_all = not printed.read(1)
    except FileNotFoundError:
        content, is_all = b"", True
    return LogChunk(content, offset + len(content), has_ended and is_all)
