"""The front end's parts from npm: pinned by package-lock.json, a few files of each kept in static/vendor."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from door.ground import bin_path
from door.home import REPO, main_home
from door.say import Trouble, log, size_of, step, warn

VENDOR = REPO / "static" / "vendor"
LOCK = VENDOR / "LOCK"
ICONS = REPO / "static" / "icons.txt"
_SOURCES = (REPO / "package-lock.json", ICONS)
# From a path under node_modules (or the repository, with a leading /) to a path under static/vendor.
_FILES = {
    "@tabler/core/dist/css/tabler.min.css": "tabler/tabler.min.css",
    "/door/tabler-license.txt": "tabler/LICENSE",
    "@tabler/icons/LICENSE": "tabler-icons/LICENSE",
    "htmx.org/dist/htmx.min.js": "htmx/htmx.min.js",
    "htmx.org/LICENSE": "htmx/LICENSE",
    "echarts/dist/echarts.min.js": "echarts/echarts.min.js",
    "echarts/LICENSE": "echarts/LICENSE",
    "echarts/NOTICE": "echarts/NOTICE",
}
_SPRITE = "tabler-icons/sprite.svg"
# A map that is not shipped must not be asked for: hashed file names are made from every address in a file.
_SOURCE_MAP = re.compile(rb"\n?(/\*# sourceMappingURL=[^*]*\*/|//# sourceMappingURL=\S*)\s*$")


def make_ready() -> None:
    """Fetch anew where the lock or the list of icons changed; without network go on with what is there."""
    if not _is_stale():
        return
    try:
        renew()
    except Trouble as trouble:
        if not all((VENDOR / path).exists() for path in _FILES.values()):
            raise
        warn(f"{trouble.what} Going on with the files of static/vendor as they are.")


def renew() -> None:
    """Fetch the packages by their lock, copy the few files, note what was copied."""
    folder = main_home().root / "npm"
    with step("front-end parts (npm ci)", size=lambda: size_of(folder)) as notes:
        try:
            _npm_ci(folder)
            copied = _copied(folder / "node_modules")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        notes.append(f"{len(copied)} files, {size_of(VENDOR)}")
    LOCK.write_text("".join(f"{line}\n" for line in _lines()), encoding="utf-8")


def problems() -> list[str]:
    """What in static/vendor differs from what the lock made, in words."""
    if not LOCK.exists():
        return ["static/vendor/LOCK is missing"]
    kept = {line[66:]: line[:64] for line in LOCK.read_text(encoding="utf-8").splitlines()}
    now = {line[66:]: line[:64] for line in _lines()}
    return [
        f"{path} is not what static/vendor/LOCK says"
        for path in sorted({*kept, *now})
        if kept.get(path) != now.get(path)
    ]


def _is_stale() -> bool:
    try:
        kept = LOCK.read_text(encoding="utf-8")
    except OSError:
        return True
    return not all(f"{_sum(path)}  {path.relative_to(REPO)}\n" in kept for path in _SOURCES)


def _lines() -> Iterator[str]:
    """As `sha256sum` writes them, so that `sha256sum -c static/vendor/LOCK` checks it too."""
    files = sorted(path for path in VENDOR.rglob("*") if path.is_file() and path != LOCK)
    return (f"{_sum(path)}  {path.relative_to(REPO)}" for path in (*_SOURCES, *files))


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _npm_ci(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(REPO / name, folder / name)
    words = [str(bin_path("npm")), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    environment = {"NODE_USE_SYSTEM_CA": "1", **os.environ}
    answer = subprocess.run(
        words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    log.info("npm ci: %s\n%s\n%s", answer.returncode, answer.stdout, answer.stderr)
    if answer.returncode != 0:
        offline = any(
            sign in answer.stderr for sign in ("ENOTFOUND", "ECONNREFUSED", "ETIMEDOUT", "EAI_AGAIN", "network")
        )
        what = "the npm registry cannot be reached." if offline else "npm ci failed."
        raise Trouble(
            f"The front-end parts could not be fetched: {what}", f"Details are in {main_home().log / 'door.log'}."
        )


def _copied(modules: Path) -> list[str]:
    for source, target in _FILES.items():
        path = REPO / source[1:] if source.startswith("/") else modules / source
        (VENDOR / target).parent.mkdir(parents=True, exist_ok=True)
        (VENDOR / target).write_bytes(_SOURCE_MAP.sub(b"\n", path.read_bytes()))
    (VENDOR / _SPRITE).write_text(_sprite(modules / "@tabler" / "icons" / "icons"), encoding="utf-8")
    return [*_FILES.values(), _SPRITE]


def _sprite(icons: Path) -> str:
    """One SVG with a symbol for each name in static/icons.txt; `name-filled` takes the filled kind."""
    symbols = []
    for name in sorted(set(ICONS.read_text(encoding="utf-8").split())):
        path, paint = icons / "outline" / f"{name}.svg", ""
        if not path.exists():
            path, paint = icons / "filled" / f"{name.removesuffix('-filled')}.svg", ' fill="currentColor" stroke="none"'
        if not path.exists():
            raise Trouble(
                f"static/icons.txt names the icon '{name}', which Tabler's set does not have.", "See tabler.io/icons."
            )
        drawn = re.findall(r"<(?!svg|/)[^>]*/>", path.read_text(encoding="utf-8"))
        inner = "".join(shape for shape in drawn if 'stroke="none" d="M0 0h24v24H0z"' not in shape)
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24"{paint}>{inner}</symbol>\n')
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{"".join(symbols)}</svg>\n'
