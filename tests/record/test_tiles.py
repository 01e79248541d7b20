"""Tiles: their names, their widths, their files, and that nothing wrong in them goes unseen."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.record.made import Memory
from tlog import merkle, tiles
from tlog.merkle import leaf_hash


def leaves_of(start, end):
    return [leaf_hash(b"event %d" % number) for number in range(start, end)]


def entries_of(start, end):
    return [b"event %d" % number for number in range(start, end)]


def root_of(size):
    return merkle.root_of(leaves_of(0, size))


def test_the_names_are_those_of_the_specification():
    assert tiles.tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tiles.tile_path(0, 0) == "tile/0/000"
    assert tiles.tile_path(63, 1000, 17) == "tile/63/x001/000.p/17"
    assert tiles.tile_path(tiles.ENTRIES, 999, 255) == "tile/entries/999.p/255"
    for level, number, width in ((64, 0, 256), (-1, 0, 256), (0, -1, 256), (0, 0, 0), (0, 0, 257), ("data", 0, 256)):
        with pytest.raises(ValueError):
            tiles.tile_path(level, number, width)


def test_the_specification_s_tree_of_70000():
    """273 full and one partial tile of 112 at level 0, one full and one of 17 at level 1, one of 1 at level 2."""
    files = tiles.grown_tiles(Memory(), 0, [bytes(32)] * 70_000)
    by_level = {level: [path for path in files if path.startswith(f"tile/{level}/")] for level in range(4)}
    assert [len(by_level[level]) for level in range(4)] == [274, 2, 1, 0]
    assert {path for path in files if ".p/" in path} == {"tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"}
    assert tiles.right_edge(70_000) == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert tiles.right_edge(256) == [(1, 0, 1)]


def test_entry_bundles_are_length_prefixed():
    assert tiles.entry_bundle([b"", b"ab"]) == b"\0\0\0\2ab"
    assert tiles.entries_in(b"\0\0\0\2ab") == [b"", b"ab"]
    for broken in (b"\0", b"\0\1", b"\0\2a", b"\0\0\0", b"\0\0" * 257):
        with pytest.raises(tiles.TileBroken):
            tiles.entries_in(broken)
    for entries in ([b"x" * 65_536], [b""] * 257):
        with pytest.raises(ValueError):
            tiles.entry_bundle(entries)


@given(st.lists(st.integers(0, 600), min_size=1, max_size=5))
@settings(max_examples=30, deadline=None)
def test_tiles_are_the_same_however_the_tree_grew(batches):
    grown, size = Memory(), 0
    for count in batches:
        grown.update(tiles.grown_tiles(grown, size, leaves_of(size, size + count)))
        size += count
    whole = tiles.grown_tiles(Memory(), 0, leaves_of(0, size))
    assert {path: grown[path] for path in whole} == whole
    assert tiles.VerifiedNodes(grown, size, root_of(size)).root() == root_of(size)


def test_a_directory_grows_and_drops_the_partial_tiles_it_no_longer_needs(tmp_path):
    store, size = tiles.TileDirectory(tmp_path), 0
    for count in (0, 1, 200, 55, 1, 300, 70):
        size = store.append(size, leaves_of(size, size + count), entries_of(size, size + count))
        tiles.check_growth(store, 0, size, root_of(size))
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert {path for path in files if ".p/" not in path} == {
        "tile/0/000", "tile/0/001", "tile/entries/000", "tile/entries/001",
    }  # fmt: skip
    assert "tile/0/002.p/115" in files
    assert not any(path.startswith("tile/0/000.p") for path in files)
    nodes = tiles.VerifiedNodes(store, size, root_of(size))
    assert [one for number in range(3) for one in nodes.entries(number)] == entries_of(0, size)


def test_an_older_size_reads_its_partial_tile_out_of_the_full_one(tmp_path):
    store = tiles.TileDirectory(tmp_path)
    store.append(store.append(0, leaves_of(0, 100), entries_of(0, 100)), leaves_of(100, 300), entries_of(100, 300))
    nodes = tiles.VerifiedNodes(store, 100, root_of(100))
    assert nodes.entries(0) == entries_of(0, 100)


def test_growth_that_a_crash_cut_off_can_be_repeated(tmp_path):
    store = tiles.TileDirectory(tmp_path)
    store.append(0, leaves_of(0, 200), entries_of(0, 200))
    store.append(200, leaves_of(200, 600), entries_of(200, 600))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    store.append(200, leaves_of(200, 600), entries_of(200, 600))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    store.append(200, leaves_of(200, 500), entries_of(200, 500))
    tiles.check_growth(store, 0, 500, root_of(500))


def test_one_bit_anywhere_in_any_tile_is_seen(tmp_path):
    size = 700
    store = tiles.TileDirectory(tmp_path)
    store.append(0, leaves_of(0, size), entries_of(0, size))
    for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        whole = path.read_bytes()
        for at in range(0, len(whole), 97):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
            with pytest.raises(tiles.TileBroken):
                read_everything(store, size)
        for broken in (whole[:-1], whole + b"\0", b""):
            path.write_bytes(broken)
            with pytest.raises(tiles.TileBroken):
                read_everything(store, size)
        path.write_bytes(whole)
    read_everything(store, size)


def read_everything(store, size):
    nodes = tiles.VerifiedNodes(store, size, root_of_700)
    for number in range(3):
        nodes.entries(number)


root_of_700 = root_of(700)


def test_a_missing_tile_is_told(tmp_path):
    store = tiles.TileDirectory(tmp_path)
    store.append(0, leaves_of(0, 300))
    (tmp_path / "tile/0/000").unlink()
    with pytest.raises(tiles.TileMissing):
        tiles.check_growth(store, 0, 300, root_of(300))
    with pytest.raises(tiles.TileMissing):
        tiles.TileNodes(store, 300).tile(0, 2)


def test_files_are_whole_or_absent_and_leave_no_rubbish(tmp_path, monkeypatch):
    tiles.write_files(tmp_path, {"a/b/c": b"old"})
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("no space")))
    with pytest.raises(OSError, match="no space"):
        tiles.write_files(tmp_path, {"a/b/c": b"new"})
    monkeypatch.undo()
    assert (tmp_path / "a/b/c").read_bytes() == b"old"
    tiles.write_files(tmp_path, {"a/b/c": b"new"})
    assert [path.name for path in (tmp_path / "a/b").iterdir()] == ["c"]
    assert (tmp_path / "a/b/c").stat().st_mode & 0o007 == 0
