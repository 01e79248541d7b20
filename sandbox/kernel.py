"""The few calls of the kernel that Python 3.11 has no name for: mount namespaces and mounts."""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_NEW_MOUNTS = 0x00020000  # CLONE_NEWNS
_BIND, _RECURSIVE, _PRIVATE = 0x1000, 0x4000, 0x40000
_NO_SETUID, _NO_DEVICES = 0x2, 0x4
_PARENT_DEATH = 1  # PR_SET_PDEATHSIG


def own_mounts() -> None:
    """From here on the mounts that we make are seen by us and our children alone, and end with us."""
    _call("unshare", _LIBC.unshare(_NEW_MOUNTS))
    _call("mount", _LIBC.mount(b"none", b"/", None, _RECURSIVE | _PRIVATE, None))


def bind(source: Path, place: Path) -> None:
    """Show `source` at `place` as well."""
    _call(f"bind {source}", _LIBC.mount(os.fsencode(source), os.fsencode(place), None, _BIND, None))


def memory_folder(place: Path, *, size: int, files: int, mode: int = 0o1777) -> None:
    """A folder in memory that holds `size` bytes and `files` files at most."""
    options = f"size={size},nr_inodes={files},mode={mode:o}".encode()
    flags = _NO_SETUID | _NO_DEVICES
    _call("tmpfs", _LIBC.mount(b"tmpfs", os.fsencode(place), b"tmpfs", flags, options))


def end_with_parent(signal_number: int = signal.SIGKILL) -> None:
    """Be ended by the kernel when the parent ends."""
    _call("prctl", _LIBC.prctl(_PARENT_DEATH, int(signal_number), 0, 0, 0))


def _call(what: str, answer: int) -> None:
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
