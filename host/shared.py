"""A project's shared folder: each member's sandbox has a uid of its own, so a group of the project opens it to all.

The group is given to the sandbox beside its own; the folder's default ACL (written here, since few machines have
setfacl) makes everything that is created below it readable and writable for that group, whatever the umask.
"""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

_VERSION = 2
_OWNER, _OWNING_GROUP, _GROUP, _MASK, _OTHERS = 0x01, 0x04, 0x08, 0x10, 0x20
_NOBODY = 0xFFFFFFFF
_ALL, _NONE = 7, 0
FIRST_GROUP = 2_000_000


class SharedError(Exception):
    """The folder can't be opened to the project's members; the message says why."""


def make_ready(folder: Path, numbers: Path) -> int | None:
    """The folder, open to the project's own group; that group. None without root, where all share one uid anyway."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        folder.chmod(0o700)
        return None
    return open_to_group(folder, folder.name, numbers)


def open_to_group(folder: Path, project: str, numbers: Path) -> int | None:
    """Everything that is made in this folder from now on is for the project's group; that group."""
    if os.geteuid() != 0:
        return None
    group = _group_of(project, numbers)
    folder.chmod(0o770)
    try:
        for kind in ("access", "default"):
            os.setxattr(folder, f"system.posix_acl_{kind}", acl(group))
    except OSError as error:
        raise SharedError(
            f"The file system of {folder.parent} knows no access lists ({error.strerror}), "
            "so the members of a project could not share files."
        ) from error
    return group


def acl(group: int) -> bytes:
    """Everything for the owner and this group, nothing for others, as the kernel reads it."""
    lines = [
        (_OWNER, _ALL, _NOBODY), (_OWNING_GROUP, _NONE, _NOBODY), (_GROUP, _ALL, group), (_MASK, _ALL, _NOBODY),
        (_OTHERS, _NONE, _NOBODY),
    ]  # fmt: skip
    return struct.pack("<I", _VERSION) + b"".join(struct.pack("<HHI", *line) for line in lines)


def _group_of(project: str, numbers: Path) -> int:
    """The number of this project's group on this machine; each gets its own, for good."""
    with numbers.open("a+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        known = file.read().split()
        if project not in known:
            file.write(f"{project}\n")
            file.flush()
            os.fsync(file.fileno())
            known.append(project)
    return FIRST_GROUP + known.index(project)
