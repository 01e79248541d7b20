"""How quick the record's pure parts are: `python -m tests.record.rates [EVENTS]` prints JSON.

Rates are by processor time, so that a busy machine does not spoil them.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

from tests.record import made
from tests.record.judges import NODE_VERIFIER, PYTHON_VERIFIER
from tlog import bundle, merkle, tiles
from tlog.canonical import canonical

SAMPLE = {
    "actor": {
        "auth": {"age_s": 31, "factors": 2, "method": "webauthn"},
        "ref": "p_8d1f0c2b",
        "roles": ["output checker"],
    },
    "counts": {"bytes": 12345, "files": 2, "rows": 10},
    "id": "0192f3c4-7b1a-7c3e-9f00-123456789abc",
    "kind": "airlock.request.approved",
    "links": {"parent_event": None},
    "object": {"id": "17", "project": "p9", "type": "airlock.outputrequest"},
    "occurred_at": "2026-11-23T13:02:11.123456Z",
    "outcome": "success",
    "reason": "",
    "source": {"build": "1234abc", "component": "web", "ip": "10.1.2.3", "request_id": "req-abc"},
    "v": 1,
}


def per_second(count, work):
    began = time.process_time()
    work()
    return round(count / (time.process_time() - began))


def repeat(count, work):
    for _ in range(count):
        work()


def processor_seconds(words):
    """A program's processor time and wall time."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"processor_s": round(spent, 2), "wall_s": round(wall, 2)}


def proof_milliseconds(store, size, root):
    times = []
    for number in range(400):
        began = time.perf_counter()
        merkle.inclusion_proof(tiles.VerifiedNodes(store, size, root), number * 7919 % size, size)
        times.append((time.perf_counter() - began) * 1000)
    times.sort()
    return {"p50": round(times[200], 2), "p99": round(times[395], 2)}


def main(count):
    text = canonical(SAMPLE)
    said = {"events": count, "bytes_per_event": len(text), "load": os.getloadavg()[0]}
    said["canonical_per_s"] = per_second(100_000, lambda: repeat(100_000, lambda: canonical(SAMPLE)))
    content = text.encode()
    said["bare_sha256_per_s"] = per_second(200_000, lambda: repeat(200_000, lambda: sha256(content).digest()))
    leaves = [merkle.leaf_hash(b"%d" % number) for number in range(count)]
    frontier = merkle.Frontier()
    said["frontier_leaves_per_s"] = per_second(count, lambda: frontier.extend(leaves))
    events = [text.replace("0192f3c4", f"{number:08x}") for number in range(count)]
    texts = [one.encode() for one in events]
    log = made.Log(events=events)

    def hash_and_build():
        leaves[:] = [merkle.leaf_hash(one) for one in texts]
        frontier.__init__()
        frontier.extend(leaves)

    said["leaf_and_tree_per_s"] = per_second(count, hash_and_build)
    with tempfile.TemporaryDirectory() as folder:
        store = tiles.TileDirectory(Path(folder))
        said["tiles_on_disk_leaves_per_s"] = per_second(count, lambda: store.append(0, leaves))
        said["verified_inclusion_proof_ms"] = proof_milliseconds(store, count, frontier.root())
        log.checkpoints = [log.signed(count, root=frontier.root())]
        for packed in (False, True):
            path = Path(folder) / f"bundle{packed}"

            def write(path=path, packed=packed):
                with path.open("wb") as out:
                    more = {"exported_at": log.exported_at(), "tiles": store, "packed": packed}
                    bundle.write_whole(out, log.trust(), log.checkpoints, events, **more)

            name = "packed" if packed else "plain"
            said[f"bundle_{name}_per_s"] = per_second(count, write)
            said[f"bundle_{name}_mib"] = path.stat().st_size >> 20
            said[f"verify_python_{name}"] = processor_seconds([*PYTHON_VERIFIER, str(path)])
            said[f"verify_node_{name}"] = processor_seconds([*NODE_VERIFIER, str(path)])
    print(json.dumps(said, indent=1))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
