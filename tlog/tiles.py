"""C2SP tlog-tiles: a log's hashes and entries as immutable files of 256, written atomically and read with proof.

Level 0 holds leaf hashes; each hash of level l+1 is the root of a full tile of level l. A tile at the right edge is
partial: its name carries its width. https://c2sp.org/tlog-tiles
"""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tlog.canonical import MAX_BYTES
from tlog.merkle import HASH_BYTES, leaf_hash, range_root, root_of

WIDTH = 256
_HEIGHT = 8
_MAX_LEVEL = 63
ENTRIES = "entries"


class TileMissing(Exception):
    """A tile that a tree of this size must have is not there."""


class TileBroken(Exception):
    """A tile's content does not lead to the root; the message names the tile."""


class TileReader(Protocol):
    """Where tiles come from: a directory, a database, a server."""

    def read(self, path: str) -> bytes:
        """The bytes stored under this path; raises TileMissing."""


def tile_path(level: int | str, number: int, width: int = WIDTH) -> str:
    """`tile/<L>/x001/x234/067` or, partial, `….p/17`; `level` is 0 to 63 or ENTRIES."""
    if level != ENTRIES and not (isinstance(level, int) and 0 <= level <= _MAX_LEVEL):
        raise ValueError(f"no tile level {level}")
    if number < 0 or not 1 <= width <= WIDTH:
        raise ValueError(f"no tile {number} of width {width}")
    digits = f"{number % 1000:03d}"
    while number >= 1000:
        number //= 1000
        digits = f"x{number % 1000:03d}/{digits}"
    return f"tile/{level}/{digits}" + (f".p/{width}" if width < WIDTH else "")


def tile_width(level: int, number: int, size: int) -> int:
    """How many hashes this tile has in a tree of this size; 0 if it does not exist."""
    return max(0, min(WIDTH, (size >> _HEIGHT * level) - number * WIDTH))


def right_edge(size: int) -> list[tuple[int, int, int]]:
    """The partial tiles of a tree of this size, as (level, number, width), from the lowest up."""
    edge, level = [], 0
    while size:
        if size % WIDTH:
            edge.append((level, size // WIDTH, size % WIDTH))
        size, level = size // WIDTH, level + 1
    return edge


def hashes_in(tile: bytes) -> list[bytes]:
    """A tile's hashes."""
    return [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]


def entry_bundle(entries: Sequence[bytes]) -> bytes:
    """Up to 256 entries, each after its length in two bytes."""
    if len(entries) > WIDTH:
        raise ValueError(f"a bundle takes {WIDTH} entries, not {len(entries)}")
    if any(len(entry) > MAX_BYTES for entry in entries):
        raise ValueError(f"an entry of a bundle has at most {MAX_BYTES} bytes")
    return b"".join(struct.pack(">H", len(entry)) + entry for entry in entries)


def entries_in(bundle: bytes) -> list[bytes]:
    """The entries of a bundle; raises TileBroken if it is cut or has too many."""
    entries, at = [], 0
    while at < len(bundle):
        length = int.from_bytes(bundle[at : at + 2], "big")
        entry = bundle[at + 2 : at + 2 + length]
        if at + 2 > len(bundle) or len(entry) != length:
            raise TileBroken("the entry bundle is cut")
        entries.append(entry)
        at += 2 + length
    if len(entries) > WIDTH:
        raise TileBroken("the entry bundle has more than 256 entries")
    return entries


class TileNodes:
    """The nodes of a tree of one size, from its tiles. Each tile is read once, so a proof costs O(log n) reads."""

    def __init__(self, reader: TileReader, size: int, *, kept: int = 64) -> None:
        self.size = size
        self._reader = reader
        self._kept = kept
        self._tiles: dict[tuple[int, int], bytes] = {}

    def tile(self, level: int, number: int) -> bytes:
        """One tile at the width it has in this tree; raises TileMissing or TileBroken."""
        if (level, number) not in self._tiles:
            while len(self._tiles) >= self._kept:
                self._tiles.pop(next(iter(self._tiles)))
            self._tiles[level, number] = self._fetch(level, number)
        return self._tiles[level, number]

    def node(self, height: int, number: int) -> bytes:
        """The hash of the complete node over the leaves [number · 2^height, (number + 1) · 2^height)."""
        level, above = divmod(height, _HEIGHT)
        first = number << above
        tile = self.tile(level, first // WIDTH)
        start = first % WIDTH * HASH_BYTES
        span = tile[start : start + (HASH_BYTES << above)]
        if len(span) != HASH_BYTES << above:
            raise TileMissing(f"the tree of size {self.size} has no node {number} at height {height}")
        return root_of(hashes_in(span))

    def root(self) -> bytes:
        """The root of the whole tree."""
        return range_root(self, 0, self.size)

    def _fetch(self, level: int, number: int) -> bytes:
        width = tile_width(level, number, self.size)
        if not width:
            raise TileMissing(f"a tree of size {self.size} has no tile {number} at level {level}")
        path = tile_path(level, number, width)
        try:
            tile = self._reader.read(path)
        except TileMissing:
            # A partial tile may be gone once its full one is there.
            if width == WIDTH:
                raise
            tile = self._reader.read(tile_path(level, number))[: width * HASH_BYTES]
        if len(tile) != width * HASH_BYTES:
            raise TileBroken(f"{path} has {len(tile)} bytes, not {width * HASH_BYTES}")
        return tile


class VerifiedNodes(TileNodes):
    """The same, trusting nothing but the root: each tile is checked against its parent, up to the root."""

    def __init__(self, reader: TileReader, size: int, root: bytes, *, kept: int = 64) -> None:
        """Raises TileBroken unless the tiles at the right edge lead to this root."""
        super().__init__(reader, size, kept=kept)
        self._edge: dict[tuple[int, int], bytes] = {
            (level, number): super(VerifiedNodes, self)._fetch(level, number) for level, number, _ in right_edge(size)
        }
        # The nodes over the whole tree are made of exactly the hashes in the partial tiles: the root vouches for all.
        if range_root(self, 0, size) != root:
            raise TileBroken(f"the tiles at the right edge do not lead to the root at size {size}")

    def tile(self, level: int, number: int) -> bytes:
        return self._edge.get((level, number)) or super().tile(level, number)

    def _fetch(self, level: int, number: int) -> bytes:
        tile = super()._fetch(level, number)
        above = self.tile(level + 1, number // WIDTH)
        at = number % WIDTH * HASH_BYTES
        if root_of(hashes_in(tile)) != above[at : at + HASH_BYTES]:
            raise TileBroken(f"{tile_path(level, number)} does not lead to its parent")
        return tile

    def entries(self, number: int) -> list[bytes]:
        """One entry bundle whose entries hash to their leaves; raises TileBroken, TileMissing."""
        leaves = hashes_in(self.tile(0, number))
        path = tile_path(ENTRIES, number, len(leaves))
        try:
            bundle = self._reader.read(path)
        except TileMissing:
            bundle = self._reader.read(tile_path(ENTRIES, number))
        entries = entries_in(bundle)[: len(leaves)]
        if [leaf_hash(entry) for entry in entries] != leaves:
            raise TileBroken(f"{path} does not hold the logged entries")
        return entries


class TileDirectory:
    """Tiles as files under one folder, in the layout that a plain web server can publish."""

    def __init__(self, folder: Path, *, mode: int = 0o640) -> None:
        self.folder = folder
        self._mode = mode

    def read(self, path: str) -> bytes:
        try:
            return (self.folder / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise TileMissing(f"{path} is not there") from None

    def append(self, size: int, leaves: Sequence[bytes], entries: Sequence[bytes] = ()) -> int:
        """Store what grows the tree of `size` by these leaf hashes (and entries); the new size.

        All files are on disk when it returns. Repeating it after a crash writes the same files again.
        """
        if entries and len(entries) != len(leaves):
            raise ValueError("as many entries as leaves")
        files = grown_tiles(self, size, leaves)
        if entries:
            files.update(self._grown_bundles(size, entries))
        write_files(self.folder, files, mode=self._mode)
        self._drop_partials(files)
        return size + len(leaves)

    def _grown_bundles(self, size: int, entries: Sequence[bytes]) -> dict[str, bytes]:
        number, width = divmod(size, WIDTH)
        pending = self._bundle(number, width) if width else []
        pending.extend(entries)
        files = {}
        for at in range(0, len(pending), WIDTH):
            some = pending[at : at + WIDTH]
            files[tile_path(ENTRIES, number + at // WIDTH, len(some))] = entry_bundle(some)
        return files

    def _bundle(self, number: int, width: int) -> list[bytes]:
        try:
            stored = entries_in(self.read(tile_path(ENTRIES, number, width)))
        except TileMissing:
            stored = entries_in(self.read(tile_path(ENTRIES, number)))[:width]
        if len(stored) != width:
            raise TileBroken(f"{tile_path(ENTRIES, number, width)} has {len(stored)} entries")
        return stored

    def _drop_partials(self, files: Iterable[str]) -> None:
        """A full tile makes its partial ones needless (the specification allows it)."""
        for path in files:
            if ".p/" not in path:
                shutil.rmtree(self.folder / (path + ".p"), ignore_errors=True)


def grown_tiles(reader: TileReader, size: int, leaves: Sequence[bytes]) -> dict[str, bytes]:
    """The tiles, by path, that are new when the tree of `size` grows by these leaf hashes."""
    files: dict[str, bytes] = {}
    level, fresh, before = 0, list(leaves), size
    while fresh:
        number, width = divmod(before, WIDTH)
        pending = hashes_in(_partial(reader, level, number, width)) if width else []
        pending.extend(fresh)
        fresh = []
        for at in range(0, len(pending), WIDTH):
            tile = pending[at : at + WIDTH]
            files[tile_path(level, number + at // WIDTH, len(tile))] = b"".join(tile)
            if len(tile) == WIDTH:
                fresh.append(root_of(tile))
        level, before = level + 1, before // WIDTH
    return files


def _partial(reader: TileReader, level: int, number: int, width: int) -> bytes:
    try:
        tile = reader.read(tile_path(level, number, width))
    except TileMissing:
        # After a crash between the full tile and the checkpoint, only the full one is there.
        tile = reader.read(tile_path(level, number))[: width * HASH_BYTES]
    if len(tile) != width * HASH_BYTES:
        raise TileBroken(f"{tile_path(level, number, width)} has {len(tile)} bytes")
    return tile


def check_growth(reader: TileReader, old_size: int, size: int, root: bytes) -> None:
    """Read back what was stored between two sizes and raise TileBroken unless it leads to this root.

    For a notary before it signs: a bit flipped between memory and disk must never be signed (CT log Yeti, 2021).
    """
    nodes = VerifiedNodes(reader, size, root)
    for number in range(old_size // WIDTH, -(-size // WIDTH)):
        nodes.tile(0, number)


def write_files(folder: Path, files: Mapping[str, bytes], *, mode: int = 0o640) -> None:
    """Store files so that each is there whole or not at all, even after power fails; all are on disk at return."""
    changed: set[Path] = set()
    waiting: list[tuple[Path, Path]] = []
    for path, content in files.items():
        target = folder / path
        changed |= _make_folders(target.parent)
        temporary = target.with_name(f".{target.name}.new")
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        waiting.append((temporary, target))
    for temporary, target in waiting:
        os.replace(temporary, target)
        changed.add(target.parent)
    for one in changed:
        sync_folder(one)


def _make_folders(folder: Path) -> set[Path]:
    """Make a folder and its parents; the folders whose listing changed."""
    changed, missing = set(), folder
    while not missing.exists():
        changed.add(missing.parent)
        missing = missing.parent
    folder.mkdir(parents=True, exist_ok=True)
    return changed


def sync_folder(folder: Path) -> None:
    """Put a folder's listing on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
