"""The environments that researchers work in: what each is called, what it is made from, and the hash that names it.

An environment is written `python-cancer`, or `python-cancer+torch-cpu` where an optional layer is laid on it. Jobs and
workspaces note its hash, so that a result can be traced to the exact packages that it was computed with.
"""

from __future__ import annotations

import hashlib
import platform
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
# How door/environments.py builds; a change there that changes what comes out takes the next number.
_RECIPE = 1


def names() -> list[str]:
    """The environments of this repository, each also with each of its layers."""
    bases = sorted(path.parent.name for path in FOLDER.glob("*/uv.lock"))
    return [name for base in bases for name in (base, *(f"{base}+{path.stem}" for path in _layers(base)))]


def sources(name: str) -> tuple[Path, ...]:
    """Its lock, and its layer if it has one: all of what is in it. KeyError where there is none of this name."""
    base, _, layer = name.partition("+")
    if name not in names():
        raise KeyError(name)
    chosen = [path for path in _layers(base) if path.stem == layer]
    return (FOLDER / base / "uv.lock", *chosen)


def environment_hash(name: str) -> str:
    """SHA-256 over the lock, the layer, the line of Python (3.11, 3.12 …) and the kind of machine: 64 hex digits.

    The same hash means the same packages in the same versions from the same files. The exact Python, 3.11.7 say, is
    in the environment's own environment.json.
    """
    line = f"recipe {_RECIPE}; python {sys.version_info[0]}.{sys.version_info[1]}; {sys.platform} {platform.machine()}"
    digest = hashlib.sha256(f"{line}\n".encode())
    for path in sources(name):
        digest.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _layers(base: str) -> list[Path]:
    return sorted((FOLDER / base / "layers").glob("*.txt"))
