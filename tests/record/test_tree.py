"""The tree against RFC 6962's own vectors, against its definition, and against every wrong proof we can think of."""

import base64
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.record.made import Memory
from tlog import merkle, tiles
from tlog.merkle import ProofFailed, leaf_hash, node_hash

# The inputs and roots of Certificate Transparency's reference implementation.
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
NODE_0_1 = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
NODE_2_3 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
NODE_4_5 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
NODE_6_7 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
NODE_0_3 = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
NODE_4_7 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
LEAF_1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
LEAF_4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
INCLUSION = {
    (0, 1): [],
    (0, 8): [LEAF_1, NODE_2_3, NODE_4_7],
    (5, 8): [LEAF_4, NODE_6_7, NODE_0_3],
    (2, 3): [NODE_0_1],
    (1, 5): ["6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", NODE_2_3, LEAF_4],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [LEAF_1, NODE_2_3, NODE_4_7],
    (6, 8): [NODE_4_5, NODE_6_7, NODE_0_3],
    (2, 5): [NODE_2_3, LEAF_4],
}
SMALL = 300


def mth(hashes):
    """RFC 6962 §2.1, word for word, over leaf hashes."""
    if len(hashes) <= 1:
        return hashes[0] if hashes else merkle.EMPTY_ROOT
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return node_hash(mth(hashes[:split]), mth(hashes[split:]))


def stored(leaves):
    return Memory(tiles.grown_tiles(Memory(), 0, leaves))


@pytest.fixture(scope="module")
def leaves():
    return [leaf_hash(b"%d" % number) for number in range(SMALL + 1)]


@pytest.fixture(scope="module")
def nodes(leaves):
    """A reader of the tree of every size up to SMALL."""
    return [tiles.TileNodes(stored(leaves[:size]), size) for size in range(SMALL + 1)]


@pytest.fixture(scope="module")
def roots(leaves):
    return [mth(leaves[:size]) for size in range(SMALL + 1)]


def vector_leaves(size=8):
    return [leaf_hash(bytes.fromhex(one)) for one in INPUTS[:size]]


def test_the_roots_of_the_reference_vectors():
    frontier = merkle.Frontier()
    for size, root in enumerate(ROOTS):
        assert frontier.root().hex() == merkle.root_of(vector_leaves(size)).hex() == root
        if size < 8:
            frontier.append(vector_leaves()[size])


def test_the_proofs_of_the_reference_vectors():
    for (index, size), proof in INCLUSION.items():
        reader = tiles.TileNodes(stored(vector_leaves(size)), size)
        assert [one.hex() for one in merkle.inclusion_proof(reader, index, size)] == proof
    for (old, size), proof in CONSISTENCY.items():
        reader = tiles.TileNodes(stored(vector_leaves(size)), size)
        assert [one.hex() for one in merkle.consistency_proof(reader, old, size)] == proof


def test_a_frontier_has_the_root_of_the_definition_however_it_grew(leaves, roots):
    one_by_one = merkle.Frontier()
    for size in range(SMALL + 1):
        assert one_by_one.root() == roots[size] == merkle.root_of(leaves[:size])
        again = merkle.Frontier.restore(one_by_one.serialise())
        again.extend(leaves[size:SMALL])
        assert (again.size, again.root()) == (SMALL, roots[SMALL])
        one_by_one.append(leaves[size])


@given(st.lists(st.integers(0, 700), max_size=6))
def test_a_frontier_grown_in_batches_is_the_one_grown_one_by_one(batches):
    many, single, number = merkle.Frontier(), merkle.Frontier(), 0
    for count in batches:
        some = [leaf_hash(b"%d" % one) for one in range(number, number + count)]
        many.extend(some)
        for leaf in some:
            single.append(leaf)
        number += count
    assert many.serialise() == single.serialise()
    assert len(many.serialise()) <= 8 + 63 * 32


@pytest.mark.parametrize("broken", [b"", b"1234567", bytes(9), bytes(8) + bytes(32), b"\xff" * 8 + bytes(32 * 64)])
def test_a_stored_frontier_that_cannot_be_is_refused(broken):
    with pytest.raises(ValueError):
        merkle.Frontier.restore(broken)


@pytest.mark.slow
def test_every_inclusion_proof_of_every_small_tree(leaves, nodes, roots):
    for size in [*range(1, 70), 127, 128, 129, 255, 256, 257, SMALL]:
        for index in range(size):
            proof = merkle.inclusion_proof(nodes[size], index, size)
            merkle.verify_inclusion(leaves[index], index, size, proof, roots[size])


@pytest.mark.slow
def test_every_consistency_proof_of_every_small_tree(nodes, roots):
    for size in [*range(1, 70), 127, 128, 129, 255, 256, 257, SMALL]:
        for old in range(size + 1):
            proof = merkle.consistency_proof(nodes[size], old, size)
            merkle.verify_consistency(old, roots[old], size, roots[size], proof)


@pytest.mark.long
def test_every_proof_of_every_tree_up_to_300(leaves, nodes, roots):
    for size in range(1, SMALL + 1):
        for index in range(size):
            proof = merkle.inclusion_proof(nodes[size], index, size)
            merkle.verify_inclusion(leaves[index], index, size, proof, roots[size])
            proof = merkle.consistency_proof(nodes[size], index, size)
            merkle.verify_consistency(index, roots[index], size, roots[size], proof)


def wrong_versions(proof):
    """Proofs that differ a little from this one."""
    yield [*proof, bytes(32)]
    yield [bytes(32), *proof]
    for at in range(len(proof)):
        yield proof[:at] + proof[at + 1 :]
        yield [*proof[:at], bytes([proof[at][0] ^ 1]) + proof[at][1:], *proof[at + 1 :]]
        if at and proof[at] != proof[at - 1]:
            yield [*proof[: at - 1], proof[at], proof[at - 1], *proof[at + 1 :]]


@given(st.integers(1, SMALL), st.data())
@settings(max_examples=60, deadline=None)
def test_no_wrong_inclusion_proof_passes(leaves, nodes, roots, size, data):
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(nodes[size], index, size)
    wrong = [(index, size, one, roots[size]) for one in wrong_versions(proof)]
    wrong += [(other, size, proof, roots[size]) for other in {0, index - 1, index + 1, size - 1, size} - {index}]
    wrong += [(index, size, proof, roots[size - 1])]
    for place, total, path, root in wrong:
        with pytest.raises(ProofFailed):
            merkle.verify_inclusion(leaves[index], place, total, path, root)


@given(st.integers(1, SMALL), st.data())
@settings(max_examples=60, deadline=None)
def test_no_wrong_consistency_proof_passes(nodes, roots, size, data):
    old = data.draw(st.integers(1, size))
    proof = merkle.consistency_proof(nodes[size], old, size)
    wrong = [(old, roots[old], size, roots[size], one) for one in wrong_versions(proof)]
    wrong += [(old, roots[old - 1], size, roots[size], proof), (old, roots[old], size, roots[size - 1], proof)]
    wrong += [(size, roots[size], old - 1, roots[old - 1], proof), (0, bytes(32), size, roots[size], [])]
    for one in wrong:
        with pytest.raises(ProofFailed):
            merkle.verify_consistency(*one)


class Counting:
    """Counts tile reads and makes every tile up on the spot: a tree far too large to store."""

    def __init__(self):
        self.reads = 0

    def read(self, path):
        self.reads += 1
        width = int(path.rpartition(".p/")[2]) if ".p/" in path else 256
        return random.Random(path.partition(".p/")[0]).randbytes(32 * 256)[: 32 * width]


@given(st.integers(2, 2**40), st.data())
@settings(max_examples=40, deadline=None)
def test_a_proof_in_a_huge_tree_reads_few_tiles(size, data):
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    reader = Counting()
    assert len(merkle.inclusion_proof(tiles.TileNodes(reader, size), index, size)) <= 41
    assert reader.reads <= 2 * 5 + 1
    reader.reads = 0
    assert len(merkle.consistency_proof(tiles.TileNodes(reader, size), old, size)) <= 63
    assert reader.reads <= 3 * 5 + 1


def test_proofs_across_three_levels_of_tiles():
    size = 70_000
    leaves = [leaf_hash(number.to_bytes(4, "big")) for number in range(size)]
    reader, frontier = stored(leaves), merkle.Frontier()
    frontier.extend(leaves[:50_000])
    old_root = frontier.root()
    frontier.extend(leaves[50_000:])
    nodes = tiles.VerifiedNodes(reader, size, frontier.root())
    assert nodes.root() == frontier.root()
    for index in (0, 255, 256, 65_535, 65_536, size - 1):
        proof = merkle.inclusion_proof(nodes, index, size)
        merkle.verify_inclusion(leaves[index], index, size, proof, frontier.root())
    proof = merkle.consistency_proof(nodes, 50_000, size)
    merkle.verify_consistency(50_000, old_root, size, frontier.root(), proof)


def test_a_proof_for_what_is_not_there_is_refused(nodes):
    for ask in (
        lambda: merkle.inclusion_proof(nodes[5], 5, 5),
        lambda: merkle.inclusion_proof(nodes[5], -1, 5),
        lambda: merkle.consistency_proof(nodes[5], 6, 5),
        lambda: merkle.Frontier(3, [bytes(32)]),
        lambda: merkle.Frontier(1, [bytes(31)]),
    ):
        with pytest.raises(ValueError):
            ask()
    assert base64.b64encode(nodes[0].root()).decode() == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
