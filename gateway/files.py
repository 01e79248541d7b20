"""JupyterLab's own scripts, styles and icons, from the built environment: the same bytes for everybody, so not counted.

All files are found once, at the start; a request names one of them or none, so no path of a browser's touches the disk.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from gateway.headers import EVERYWHERE
from gateway.paths import Target

_FOLDERS = (
    ("static/lab", "share/jupyter/lab/static"),
    ("lab/extensions", "share/jupyter/labextensions"),
    ("lab/api/themes", "share/jupyter/lab/themes"),
    ("kernelspecs", "share/jupyter/kernels"),
    ("static", "lib/python3*/site-packages/jupyter_server/static"),
)
_TYPES = {
    ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".json": "application/json",
    ".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".woff": "font/woff", ".woff2": "font/woff2",
    ".ttf": "font/ttf", ".eot": "application/vnd.ms-fontobject", ".txt": "text/plain; charset=utf-8",
    ".gif": "image/gif", ".jpg": "image/jpeg", ".wasm": "application/wasm",
}  # fmt: skip


_OWN = {"static/gateway/refusals.js": Path(__file__).with_name("refusals.js")}  # ours, whatever an environment has
_PAGE = "share/jupyter/lab/static/index.html"
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def scripts_of_page(environment: Path) -> tuple[str, ...]:
    """The hashes of the scripts that stand in JupyterLab's own page, as a policy names them; () where it has none."""
    try:
        page = (environment / _PAGE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    texts = [text for text in _SCRIPT.findall(page) if "{{" not in text and "{%" not in text]
    return tuple(f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}" for text in texts)


def end_of_page(prefix: str) -> bytes:
    """What stands behind every page of the server's: our script, which says why there is no download."""
    return b"".join(f'<script src="{prefix}{address}"></script>\n'.encode() for address in _OWN)


@dataclass(frozen=True)
class _File:
    path: Path
    type: str


class StaticFiles:
    """What the environment has, by the address it is asked for under."""

    def __init__(self, environment: Path, most: int, policy: str) -> None:
        self._policy = policy
        self._files: dict[str, _File] = {}
        for address, pattern in reversed(_FOLDERS):
            for folder in environment.glob(pattern):
                self._find(address, folder.resolve(), most)
        self._files.update({address: _File(path, _TYPES[path.suffix]) for address, path in _OWN.items()})

    def __len__(self) -> int:
        return len(self._files)

    def answer(self, target: Target) -> web.StreamResponse | None:
        """The file of this address, or None."""
        found = self._files.get(target.path)
        if found is None:
            return None
        named_by_content = any(name == "v" for name, _ in target.query)
        return web.FileResponse(found.path, headers={
            **EVERYWHERE, "Content-Type": found.type, "Content-Security-Policy": self._policy,
            "Cache-Control": "private, max-age=31536000, immutable" if named_by_content else "no-cache",
        })  # fmt: skip

    def _find(self, address: str, folder: Path, most: int) -> None:
        for path in folder.rglob("*"):
            kind = _TYPES.get(path.suffix.lower())
            if kind and path.is_file() and not path.is_symlink() and path.stat().st_size <= most:
                self._files[f"{address}/{path.relative_to(folder).as_posix()}"] = _File(path, kind)
