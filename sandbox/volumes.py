"""Files that are file systems: a folder that can't grow beyond its size, made and mounted as root."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

from sandbox.plan import Volume
from sandbox.spec import MB

NAME = "volume.ext4"
_WAYS = "/usr/sbin:/usr/bin:/sbin:/bin"
_SMALL = 64 * MB  # below this a journal would eat too much
_BYTES_A_FILE = 8192
_TIMEOUT = 120


class VolumeError(Exception):
    """The volume can't be made or mounted; the message says why."""


def tool(name: str) -> str | None:
    """Where a program of the file systems lies, also for those whose PATH has no sbin."""
    return shutil.which(name, path=_WAYS)


def mount(volume: Volume, *, uid: int) -> int:
    """Make it if it isn't there, grow it if its quota grew, mount it; the open file that keeps others off it."""
    image = Path(volume.image)
    is_new = not image.exists() or image.stat().st_size == 0
    handle = os.open(image, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise VolumeError("A folder of this sandbox is in use by another one that runs.") from None
    size = volume.size // MB * MB
    if is_new:
        os.truncate(handle, size)
        journal = ["-O", "^has_journal"] if size < _SMALL else []
        files = min(volume.files, size // _BYTES_A_FILE)  # each costs room in a table, used or not
        options = f"root_owner={uid}:{uid},nodiscard,lazy_itable_init=1"
        _run("mkfs.ext4", "-q", "-F", "-m", "0", "-N", str(files), *journal, "-E", options, volume.image)
    elif os.fstat(handle).st_size < size:
        os.truncate(handle, size)
        _run("e2fsck", "-f", "-p", volume.image)
        _run("resize2fs", volume.image)
    _run("mount", "-t", "ext4", "-o", "loop,nosuid,nodev", volume.image, volume.place)
    os.chown(volume.place, uid, uid)
    return handle


def _run(name: str, *words: str) -> None:
    program = tool(name)
    if program is None:
        raise VolumeError(f"{name} is missing on this machine.")
    answer = subprocess.run(
        [program, *words], env={"PATH": _WAYS}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=_TIMEOUT, check=False,
    )  # fmt: skip
    if answer.returncode not in {0, 1} if name == "e2fsck" else answer.returncode != 0:
        raise VolumeError(f"{name} failed: {answer.stderr.strip()}")
