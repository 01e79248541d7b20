"""Each backend says of every promise whether it holds, and where a means is lacking, it says that it doesn't."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from sandbox import ground
from sandbox.ground import Ground, Unavailable, probe
from sandbox.kubernetes import Cluster, Kubernetes
from sandbox.promises import Promise, every
from sandbox.single import standings
from sandbox.slurm import Site, Slurm
from sandbox.spec import MB, SandboxSpec, SocketFolder, Writable
from sandbox.staging import Choice
from tests.sandbox.place import HOME, PYTHON, SYSTEM_PYTHON, readable_bubblewrap

RICH = Ground(Path("/usr/bin/bwrap"), True, frozenset({"memory", "pids", "cpu"}), True)
POOR = replace(RICH, controllers=frozenset(), has_volumes=False)
UNPRIVILEGED = replace(POOR, is_root=False)
NOTHING = SandboxSpec(name="one", command=("true",), uid=300_000)


def kept(where, spec, tmp_path):
    choice = Choice(where, tmp_path / "state", (tmp_path / "neutral",))
    return {one.promise for one in standings(where, spec, choice) if one.kept}


def test_where_everything_is_at_hand_only_the_disks_speed_is_not_promised(tmp_path):
    assert set(Promise) - kept(RICH, NOTHING, tmp_path) == {Promise.DISK_SPEED}


def test_without_control_groups_the_limits_of_the_whole_tree_are_not_promised(tmp_path):
    missing = kept(RICH, NOTHING, tmp_path) - kept(POOR, NOTHING, tmp_path)

    assert missing == {Promise.MEMORY, Promise.CPU}
    assert Promise.PROCESSES in kept(POOR, NOTHING, tmp_path), "RLIMIT_NPROC of its own uid"


def test_without_root_more_is_missing_and_each_is_told(tmp_path):
    missing = kept(POOR, NOTHING, tmp_path) - kept(UNPRIVILEGED, NOTHING, tmp_path)

    assert missing == {Promise.OWN_UID, Promise.PROCESSES, Promise.SCRATCH_FILES}


@pytest.mark.parametrize(
    ("where", "changes", "holds"),
    [
        (RICH, {"quota": 16 * MB}, True),
        (RICH, {}, False),
        (RICH, {"quota": 16 * MB, "shared": True}, False),
        (POOR, {"quota": 16 * MB}, False),
    ],
)
def test_the_disk_is_promised_only_where_a_folder_is_a_volume(tmp_path, where, changes, holds):
    (tmp_path / "home").mkdir()
    spec = replace(NOTHING, writable=(Writable(tmp_path / "home", HOME, **changes),))

    assert (Promise.DISK in kept(where, spec, tmp_path)) is holds
    assert (Promise.FILES in kept(where, spec, tmp_path)) is holds


def test_a_path_that_can_be_read_inside_breaks_the_promise_of_neutral_names(tmp_path):
    for name in ("neutral/0a1b", "sockets-of-ada"):
        (tmp_path / name).mkdir(parents=True)
    quiet = replace(NOTHING, sockets=(SocketFolder(tmp_path / "neutral/0a1b", PurePosixPath("/run/ws")),))
    telling = replace(NOTHING, sockets=(SocketFolder(tmp_path / "sockets-of-ada", PurePosixPath("/run/ws")),))

    assert Promise.NEUTRAL_NAMES in kept(RICH, quiet, tmp_path)
    assert Promise.NEUTRAL_NAMES not in kept(RICH, telling, tmp_path)


def test_no_promise_can_be_forgotten():
    with pytest.raises(LookupError, match="NO_NETWORK"):
        every({Promise.MEMORY: (True, "")})


@pytest.mark.parametrize("backend", [Slurm(Site()), Kubernetes(Cluster("workspaces"))], ids=lambda one: one.name)
def test_the_other_backends_speak_of_every_promise(backend):
    told = backend.promises(NOTHING)

    assert [one.promise for one in told] == list(Promise)
    assert all(one.words for one in told)
    # What only the site or the cluster can keep is not claimed on its behalf.
    assert not {one.promise for one in told if one.kept} & {Promise.PROCESSES, Promise.DISK_SPEED}


def test_this_machine_is_probed_not_believed():
    found = probe()
    group = [name for name in ("memory", "pids", "cpu") if Path(f"/sys/fs/cgroup/{name}").is_dir()]

    assert found.is_root == (os.geteuid() == 0)
    assert found.controllers <= {"memory", "pids", "cpu", "cpuacct"}
    assert not found.controllers or group or Path("/sys/fs/cgroup/cgroup.controllers").exists()


def test_a_machine_without_bubblewrap_is_told(tmp_path):
    with pytest.raises(Unavailable, match="can't be run"):
        probe(tmp_path / "bwrap")


def test_a_machine_where_bubblewrap_fails_is_told_what_to_allow(tmp_path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'No permissions to create new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)

    with pytest.raises(Unavailable, match=r"No permissions.*user namespaces"):
        probe(broken)


def test_mounts_are_staged_over_a_folder_that_nothing_needs():
    first = ground.stage([])
    second = ground.stage([first / "data"])

    assert first != second
    with pytest.raises(Unavailable):
        ground.stage([Path(name) for name in ("/mnt", "/media", "/srv", "/opt")])


ORDINARY = """
import json, os, sys
sys.path[:0] = [sys.argv[1]]
from pathlib import Path, PurePosixPath
from sandbox.bubblewrap import Bubblewrap
from sandbox.spec import MB, Limits, ReadOnly, SandboxSpec, Writable
root = Path(sys.argv[2])
backend = Bubblewrap(root / "state", bwrap=Path(sys.argv[3]))
spec = SandboxSpec("one", (sys.argv[4], "-I", "-S", "-c", sys.argv[5]), 300000,
                   limits=Limits(memory=128 * MB, seconds=20),
                   writable=(Writable(root / "home", PurePosixPath("/home/researcher"), quota=64 * MB),))
end = backend.start(spec)
print(json.dumps({"end": end.wait(30).words, "said": end.output(),
                  "broken": [one.promise.name for one in backend.promises(spec) if not one.kept]}))
"""
INSIDE = """
import ctypes, json, os
libc = ctypes.CDLL(None, use_errno=True)
open("/home/researcher/note", "w").write("kept")
try: held = bytearray(1 << 30)
except MemoryError: held = None
print(json.dumps([os.getuid(), sorted(os.listdir("/home")), libc.unshare(0x10000000), held is None]))
"""


@pytest.mark.slow
def test_an_ordinary_account_starts_sandboxes_too_and_is_told_what_is_missing(place):
    """The same walls; what needs root is not promised, and a memory limit still holds for each program."""
    account = {"user": 65_533, "group": 65_533, "extra_groups": []} if os.geteuid() == 0 else {}
    mine = place.root / "ordinary"
    (mine / "home").mkdir(parents=True)
    if account:
        for folder in (mine, mine / "home"):
            os.chown(folder, 65_533, 65_533)
    program = str(SYSTEM_PYTHON) if SYSTEM_PYTHON.exists() else sys.executable
    code = Path(ground.__file__).parents[1]
    answer = subprocess.run(
        [program, "-c", ORDINARY, str(code), str(mine), str(readable_bubblewrap(place)), PYTHON, INSIDE],
        env={"PATH": "/usr/bin:/bin"}, cwd="/", capture_output=True, text=True, timeout=60, check=False, **account,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)

    assert found["end"] == "It finished."
    assert json.loads(found["said"]) == [1000, ["researcher"], -1, True]
    assert {"OWN_UID", "SCRATCH_FILES", "DISK", "NEUTRAL_NAMES"} <= set(found["broken"])
    assert (mine / "home/note").read_text() == "kept"
