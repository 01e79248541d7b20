"""What a sandbox promises, in words; for each promise whether it holds here, how, or why not. Nothing is left out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Promise(StrEnum):
    """Each value is the promise as a person reads it."""

    NO_NETWORK = "no network: nothing but its own loopback, and the sockets it was given"
    OWN_UID = "a uid of its own on the host"
    NO_POWERS = "no capabilities, and no way to get any"
    FILTERED_CALLS = "system calls filtered by our own list"
    NO_NEW_NAMESPACES = "no new namespaces from inside"
    OWN_PROCESSES = "sees and reaches only its own programs"
    NO_FOREIGN_FILES = "sees only the folders it was given"
    DATA_UNCHANGED = "read-only mounts can't be changed"
    SEALED_SYSTEM = "programs and settings can't be changed"
    NEUTRAL_NAMES = "no name of a person, project or dataset in what the kernel tells of the mounts"
    EMPTY_VARIABLES = "only the variables it was given; nothing of whoever started it"
    NO_SETUID = "no program inside runs as somebody else"
    FEW_DEVICES = "no devices but null, zero, full, random, urandom, tty and its own terminals"
    MEMORY = "memory is limited for all programs together"
    PROCESSES = "the number of programs is limited"
    CPU = "the share of the processors is limited"
    DISK = "disk space is limited"
    FILES = "the number of files is limited"
    SCRATCH = "/tmp and shared memory are limited in size"
    SCRATCH_FILES = "the number of files in /tmp and shared memory is limited"
    DISK_SPEED = "the speed of the disk is shared fairly"
    OUTPUT = "what it prints is cut off at a size"
    TIME = "ends at its time limit, from outside"
    WHOLE_TREE = "when it ends, every program it started ends"
    REASON = "says why it ended, and what it used"


@dataclass(frozen=True)
class Standing:
    """One promise on one machine. `kept` False: not enforced here, and `words` says why and what holds instead."""

    promise: Promise
    kept: bool
    words: str


def every(standings: dict[Promise, tuple[bool, str]]) -> tuple[Standing, ...]:
    """All promises in their order; a backend that forgets one is wrong."""
    missing = [promise.name for promise in Promise if promise not in standings]
    if missing:
        raise LookupError(f"Nothing is said about {', '.join(missing)}.")
    return tuple(Standing(promise, *standings[promise]) for promise in Promise)
