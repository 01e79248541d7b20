"""The Merkle tree of RFC 6962: hashing, an append-only frontier, inclusion and consistency proofs.

A node is named (height, number): it stands over the leaves [number · 2^height, (number + 1) · 2^height). Proofs are
computed from any `NodeReader`; `tlog.tiles` has one that reads stored tiles.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Protocol

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
MAX_SIZE = 2**63 - 1


class ProofFailed(Exception):
    """A proof does not show what it claims; the message says which part failed."""


class NodeReader(Protocol):
    """Reads the hash of one complete node of a stored tree."""

    def node(self, height: int, number: int) -> bytes: ...


def leaf_hash(content: bytes) -> bytes:
    """The leaf of this content."""
    return sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The node over two others."""
    return sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over these leaf hashes (or over nodes of one height, where only the last may be incomplete)."""
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while len(level) > 1:
        above = _pairs(level)
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]


def _pairs(level: list[bytes]) -> list[bytes]:
    """The nodes over each two; an odd last one is left out."""
    hasher = sha256
    return [hasher(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]


class Frontier:
    """All that is needed to append: the complete subtrees along the right edge, at most 63 hashes.

    Bit h of `size` is set exactly where there is a subtree of height h.
    """

    def __init__(self, size: int = 0, subtrees: Sequence[bytes] = ()) -> None:
        """`subtrees` from the highest to the lowest, as `serialise` has them."""
        if not 0 <= size <= MAX_SIZE or len(subtrees) != size.bit_count():
            raise ValueError(f"a frontier of size {size} has {size.bit_count()} subtrees, not {len(subtrees)}")
        if any(len(one) != HASH_BYTES for one in subtrees):
            raise ValueError("a subtree's hash has 32 bytes")
        self.size = size
        self._subtrees = list(subtrees)

    def append(self, leaf: bytes) -> None:
        """Append one leaf hash."""
        node, left = leaf, self.size
        while left & 1:
            node = node_hash(self._subtrees.pop(), node)
            left >>= 1
        self._subtrees.append(node)
        self.size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Append many leaf hashes, level by level; much quicker than one by one."""
        level = list(leaves)
        if not level:
            return
        size, added, edge = self.size, len(level), list(self._subtrees)
        fresh: list[bytes] = []  # from the lowest to the highest
        height = 0
        while level:
            if size >> height & 1:
                level.insert(0, edge.pop())
            if len(level) % 2:
                fresh.append(level[-1])
            level = _pairs(level)
            height += 1
        self._subtrees = edge + fresh[::-1]
        self.size = size + added

    def root(self) -> bytes:
        """The root of the tree as it is now."""
        if not self._subtrees:
            return EMPTY_ROOT
        node = self._subtrees[-1]
        for left in reversed(self._subtrees[:-1]):
            node = node_hash(left, node)
        return node

    def serialise(self) -> bytes:
        """Eight bytes of size, then the subtrees from the highest to the lowest."""
        return struct.pack(">Q", self.size) + b"".join(self._subtrees)

    @classmethod
    def restore(cls, stored: bytes) -> Frontier:
        """The frontier that `serialise` wrote; raises ValueError for anything else."""
        if len(stored) % HASH_BYTES != 8:
            raise ValueError("a stored frontier has 8 bytes and then whole hashes")
        hashes = [stored[at : at + HASH_BYTES] for at in range(8, len(stored), HASH_BYTES)]
        return cls(struct.unpack(">Q", stored[:8])[0], hashes)


def covering(start: int, end: int) -> list[tuple[int, int]]:
    """The fewest complete nodes over the leaves [start, end), from left to right, as (height, number)."""
    nodes = []
    while start < end:
        height = (end - start).bit_length() - 1
        if start:
            height = min(height, (start & -start).bit_length() - 1)
        nodes.append((height, start >> height))
        start += 1 << height
    return nodes


def range_root(reader: NodeReader, start: int, end: int) -> bytes:
    """RFC 6962's MTH(D[start:end]) for a range that is a subtree of some tree of size `end` or more."""
    hashes = [reader.node(height, number) for height, number in covering(start, end)]
    if not hashes:
        return EMPTY_ROOT
    node = hashes[-1]
    for left in reversed(hashes[:-1]):
        node = node_hash(left, node)
    return node


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def inclusion_proof(reader: NodeReader, index: int, size: int) -> list[bytes]:
    """RFC 6962 §2.1.1: from the leaf's sibling up to the root's child."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of size {size} has no leaf {index}")
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return [range_root(reader, low, high) for low, high in reversed(path)]


def consistency_proof(reader: NodeReader, old_size: int, size: int) -> list[bytes]:
    """RFC 6962 §2.1.2: that the tree of `old_size` begins the tree of `size`. Empty for equal sizes and for 0."""
    if not 0 <= old_size <= size:
        raise ValueError(f"a tree of size {old_size} can't be the beginning of one of size {size}")
    if old_size in (0, size):
        return []
    start, end, path = 0, size, []
    while end != old_size:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    if start:
        path.append((start, end))
    return [range_root(reader, low, high) for low, high in reversed(path)]


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that this proof leads to; raises ProofFailed if it has the wrong length."""
    if not 0 <= index < size:
        raise ProofFailed(f"a tree of size {size} has no leaf {index}")
    node, number, last = leaf, index, size - 1
    for sibling in proof:
        if last == 0:
            raise ProofFailed("the inclusion proof is too long")
        if number & 1 or number == last:
            node = node_hash(sibling, node)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        number, last = number >> 1, last >> 1
    if last:
        raise ProofFailed("the inclusion proof is too short")
    return node


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Return if the leaf is at this index of the tree with this root; raise ProofFailed otherwise."""
    if root_from_inclusion(leaf, index, size, proof) != root:
        raise ProofFailed(f"leaf {index} is not in the tree of size {size} with this root")


def verify_consistency(old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Return if the old tree is a beginning of the new one (RFC 9162 §2.1.4.2); raise ProofFailed otherwise."""
    if not 0 <= old_size <= size:
        raise ProofFailed(f"the tree went backwards, from {old_size} to {size} leaves")
    if old_size in (0, size):
        if proof:
            raise ProofFailed("the consistency proof should be empty")
        if (old_size == 0 and old_root != EMPTY_ROOT) or (old_size == size and old_root != root):
            raise ProofFailed(f"two trees of size {old_size} have different roots")
        return
    path = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    if not path:
        raise ProofFailed("the consistency proof is empty")
    number, last = old_size - 1, size - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    old_node = new_node = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofFailed("the consistency proof is too long")
        if number & 1 or number == last:
            old_node, new_node = node_hash(sibling, old_node), node_hash(sibling, new_node)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            new_node = node_hash(new_node, sibling)
        number, last = number >> 1, last >> 1
    if last:
        raise ProofFailed("the consistency proof is too short")
    if old_node != old_root:
        raise ProofFailed(f"the proof does not lead to the root at size {old_size}")
    if new_node != root:
        raise ProofFailed(f"the proof does not lead to the root at size {size}")
