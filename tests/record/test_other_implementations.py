"""Our checkpoints, tiles and proofs, read by implementations that we did not write; skipped where not installed.

Go's sumdb: `apt-get install golang-go golang-golang-x-mod-dev`. Sigstore's verifier: `uv run --with sigstore`.
"""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.record import made
from tlog import merkle, notes, tiles
from tlog.checkpoint import Checkpoint

SOURCES = "/usr/share/gocode"


def published(folder, size):
    """A log of this size as files, with its signed and cosigned checkpoint."""
    leaves = [merkle.leaf_hash(b"event %d" % number) for number in range(size)]
    tiles.TileDirectory(folder).append(0, leaves)
    head = Checkpoint(made.ORIGIN, size, merkle.root_of(leaves))
    note = made.cosigned(notes.sign_checkpoint(head, [made.log_key()], at=1), made.CENTERS, 5)
    (folder / "checkpoint").write_text(str(note))
    return tiles.TileNodes(tiles.TileDirectory(folder), size)


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("go") or not os.path.isdir(SOURCES), reason="Go and its x/mod are not installed")
def test_go_s_sumdb_reads_our_log_and_makes_the_same_proofs(tmp_path):
    program = tmp_path / "sumdb"
    environment = {
        **os.environ, "GO111MODULE": "off", "GOPATH": SOURCES, "GOFLAGS": "", "GOCACHE": str(tmp_path / "cache"),
        "CGO_ENABLED": "0", "GOPROXY": "off",
    }  # fmt: skip
    source = Path(__file__).with_name("sumdb.go")
    subprocess.run(["go", "build", "-o", str(program), str(source)], env=environment, check=True)
    for size in (1, 2, 3, 255, 256, 257, 1000, 66_000):
        folder = tmp_path / str(size)
        folder.mkdir()
        nodes = published(folder, size)
        said = subprocess.run([program, folder, str(made.log_key().verifier)], capture_output=True, check=True)
        for what, proof in json.loads(said.stdout).items():
            kind, place = what.split()
            make = merkle.inclusion_proof if kind == "inclusion" else merkle.consistency_proof
            assert [base64.b64encode(one).decode() for one in make(nodes, int(place), size)] == proof, what
    broken = tmp_path / "1000" / "tile" / "0" / "001"
    broken.write_bytes(bytes(32) + broken.read_bytes()[32:])
    assert subprocess.run([program, tmp_path / "1000", str(made.log_key().verifier)], check=False).returncode == 1


def test_sigstore_s_verifier_takes_our_inclusion_proofs_and_checkpoints(tmp_path):
    theirs = pytest.importorskip("sigstore._internal.merkle")
    from sigstore._internal.rekor.checkpoint import SignedCheckpoint
    from sigstore.errors import VerificationError

    nodes = published(tmp_path, 1000)
    read = SignedCheckpoint.from_text((tmp_path / "checkpoint").read_text())
    assert (read.checkpoint.origin, read.checkpoint.log_size) == (made.ORIGIN, 1000)
    assert read.checkpoint.log_hash == nodes.root().hex()
    for index in (0, 1, 255, 256, 998, 999):
        proof = SimpleNamespace(
            log_index=index, tree_size=1000, root_hash=nodes.root(), hashes=merkle.inclusion_proof(nodes, index, 1000)
        )
        inner = SimpleNamespace(canonicalized_body=b"event %d" % index, inclusion_proof=proof)
        theirs.verify_merkle_inclusion(SimpleNamespace(_inner=inner))
        inner.canonicalized_body = b"event x"
        with pytest.raises(VerificationError):
            theirs.verify_merkle_inclusion(SimpleNamespace(_inner=inner))
