"""The promises of a single machine: which of them its kernel, its control groups and its rights can keep."""

from __future__ import annotations

from sandbox.ground import Ground
from sandbox.promises import Promise, Standing, every
from sandbox.spec import SandboxSpec
from sandbox.staging import Choice

# What bubblewrap itself keeps, wherever it runs with our words.
ALWAYS = {
    Promise.NO_NETWORK: "a network namespace with nothing but lo; sockets of other kinds refused by the filter",
    Promise.NO_POWERS: "no_new_privs, all capabilities dropped in a user namespace of its own",
    Promise.FILTERED_CALLS: "sandbox/seccomp.py; calls newer than the list don't exist inside",
    Promise.NO_NEW_NAMESPACES: "refused by the filter, and by a limit of 0 user namespaces below",
    Promise.OWN_PROCESSES: "a process namespace with /proc of its own; ptrace and its kin refused by the filter",
    Promise.NO_FOREIGN_FILES: "a file tree of its own, put together from the mounts alone",
    Promise.DATA_UNCHANGED: "mounted read-only; remounting needs capabilities that nobody inside has",
    Promise.SEALED_SYSTEM: "/, /dev, /usr and /etc are read-only",
    Promise.EMPTY_VARIABLES: "bubblewrap itself starts with an empty environment and gets its words by a file",
    Promise.NO_SETUID: "no_new_privs, nosuid mounts, and an empty file over each set-uid program",
    Promise.FEW_DEVICES: "a /dev of its own; devices on other mounts don't open (nodev)",
    Promise.OUTPUT: "the keeper writes down what fits and counts the rest",
    Promise.TIME: "the keeper ends process number 1, which nobody inside can hinder",
    Promise.WHOLE_TREE: "with process number 1 the kernel ends its whole process namespace; it ends with its keeper",
    Promise.REASON: "the keeper writes it down; if the keeper itself was killed, that is what is said",
}


def standings(ground: Ground, spec: SandboxSpec, choice: Choice) -> tuple[Standing, ...]:
    """Each promise for this description on this ground."""
    found = {promise: (True, words) for promise, words in ALWAYS.items()}
    found[Promise.OWN_UID] = (
        (True, f"uid {spec.uid}, locked against a second sandbox")
        if ground.is_root
        else (False, "not started as root: all sandboxes share one uid, and only namespaces part them")
    )  # fmt: skip
    found |= _limits(ground)
    found |= _disk(spec, choice)
    found[Promise.SCRATCH] = (True, "folders in memory with a size")
    found[Promise.SCRATCH_FILES] = (
        (True, "folders in memory with a number of files")
        if ground.is_root
        else (False, "not started as root: bubblewrap's own folders in memory know a size only")
    )
    telling = choice.telling(spec)
    found[Promise.NEUTRAL_NAMES] = (
        (False, f"the paths on the host of {', '.join(telling)} can be read in /proc/self/mountinfo")
        if telling
        else (True, "data are twins of hard links, volumes, or lie in folders whose paths say nothing")
    )
    return every(found)


def _limits(ground: Ground) -> dict[Promise, tuple[bool, str]]:
    has = ground.controllers
    missing = "no control group can be written here: "
    return {
        Promise.MEMORY: (True, "memory control group, page cache and /tmp included")
        if "memory" in has
        else (False, f"{missing}each program by itself is limited (RLIMIT_DATA), not their sum"),
        Promise.PROCESSES: (True, "pids control group")
        if "pids" in has
        else (ground.is_root, "RLIMIT_NPROC of its own uid")
        if ground.is_root
        else (False, f"{missing}RLIMIT_NPROC counts every program of the shared uid"),
        Promise.CPU: (True, "cpu control group")
        if "cpu" in has
        else (False, f"{missing}its programs only step back behind others (nice 10)"),
        Promise.DISK_SPEED: (False, "no controller of the disk's speed is set: a busy disk is felt by all"),
    }


def _disk(spec: SandboxSpec, choice: Choice) -> dict[Promise, tuple[bool, str]]:
    free = [str(mount.inside) for mount in spec.writable if mount.quota is None]
    soft = [str(mount.inside) for mount in spec.writable if mount.quota is not None and not choice.is_volume(mount)]
    if free:
        words = f"{', '.join(free)} without a quota"
    elif soft:
        words = f"{', '.join(soft)} measured each second and the sandbox ended above the quota, a moment late"
    else:
        words = "each writable folder is a file system of fixed size, or there is none"
    return {Promise.DISK: (not free and not soft, words), Promise.FILES: (not free and not soft, words)}
