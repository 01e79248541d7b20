"""A copy of this machine's Python that runs from wherever it is mounted: the ground floor of an environment.

A virtual environment would point back at the Python it was made with, which a workspace may not see: it can lie in
somebody's home. So the interpreter and its standard library are copied, and nothing in the copy names a place.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from door.say import Trouble

# Not needed to run anything: the library's own tests, other people's packages, editors, installers, static libraries.
_LEFT_OUT = shutil.ignore_patterns(
    "site-packages",
    "dist-packages",
    "__pycache__",
    "test",
    "tests",
    "idlelib",
    "ensurepip",
    "config-*",
    "EXTERNALLY-MANAGED",  # Debian's note that its own Python is not to be added to; this one is
    "sitecustomize.py",
)
# As `#!` takes neither a relative path nor a long one: the shell finds the Python that lies beside the launcher.
_LAUNCHER = b"""#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")"/'python3' "$0" "$@"
' '''
"""


def name() -> str:
    """python3.11, say."""
    return f"python{sys.version_info[0]}.{sys.version_info[1]}"


def copy(target: Path) -> Path:
    """Copy the interpreter that runs this into an empty folder; returns its executable there."""
    base = Path(sys.base_prefix)
    for kind in {sysconfig.get_path(kind, vars=_roots(base)) for kind in ("stdlib", "platstdlib")}:
        source = Path(kind)
        shutil.copytree(source, target / source.relative_to(base), ignore=_LEFT_OUT, symlinks=False, dirs_exist_ok=True)
    executable = target / "bin" / name()
    executable.parent.mkdir(exist_ok=True)
    shutil.copy(base / "bin" / name(), executable)
    (executable.parent / "python3").symlink_to(executable.name)
    (executable.parent / "python").symlink_to(executable.name)
    shared = str(sysconfig.get_config_var("INSTSONAME") or "")
    library = Path(str(sysconfig.get_config_var("LIBDIR"))) / shared
    if sysconfig.get_config_var("Py_ENABLE_SHARED") and library.is_file():
        shutil.copy(library, target / "lib" / shared)
    return executable


def needs_patch(executable: Path) -> bool:
    """Whether the copy looks for its shared library, which lies beside it."""
    return any((executable.parent.parent / "lib").glob("libpython*.so*"))


def patch(executable: Path, patchelf: Path) -> None:
    """Let it look beside itself, not where the original was installed."""
    words = [str(patchelf), "--set-rpath", "$ORIGIN/../lib", str(executable)]
    answer = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    if answer.returncode != 0:
        raise Trouble(f"The copied Python could not be made movable: {answer.stderr.strip()[:300]}")


def free_launchers(home: Path) -> None:
    """Rewrite the first line of each launcher that names the Python of this folder, and tell the packages' lists."""
    changed = set()
    for path in sorted((home / "bin").iterdir()):
        if path.is_file() and not path.is_symlink():
            program = _without_its_python(path.read_bytes(), os.fsencode(home))
            if program is not None:
                path.write_bytes(_LAUNCHER + program)
                changed.add(path)
    for record in home.glob("lib*/python3*/*-packages/*.dist-info/RECORD"):
        lines = record.read_text(encoding="utf-8").splitlines()
        record.write_text("".join(f"{_listed(line, record, changed)}\n" for line in lines), encoding="utf-8")


def _without_its_python(launcher: bytes, home: bytes) -> bytes | None:
    """The program after the lines that start the Python of this folder; None where it starts no such thing."""
    first, *others = launcher.split(b"\n", 3)
    if first.startswith(b"#!") and home in first:
        return launcher.partition(b"\n")[2]
    # What uv writes where the path is too long for one line.
    if first == b"#!/bin/sh" and len(others) == 3 and others[0].startswith(b"'''exec'") and home in others[0]:
        return others[2]
    return None


def _listed(line: str, record: Path, changed: set[Path]) -> str:
    """A line of a package's list of files, with the hash and size that a changed launcher has now."""
    name = line.split(",")[0]
    path = Path(os.path.normpath(record.parent.parent / name))
    if path not in changed:
        return line
    digest = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{path.stat().st_size}"


def _roots(base: Path) -> dict[str, str]:
    return {"base": str(base), "platbase": str(base), "installed_base": str(base), "installed_platbase": str(base)}
