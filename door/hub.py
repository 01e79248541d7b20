"""The workspaces' parts: the host, the Hub with a database and an account of its own, and the proxy before them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from door.ground import bin_path
from door.home import REPO, main_home
from door.say import Trouble, log, step

_PROXY = REPO / "hub" / "proxy"
_PROGRAM = "node_modules/configurable-http-proxy/bin/configurable-http-proxy"


def proxy_program() -> Path:
    """The proxy, fetched by its lock where this lock's packages are not here yet."""
    lock = (_PROXY / "package-lock.json").read_bytes()
    folder = main_home().root / "proxy" / hashlib.sha256(lock).hexdigest()[:16]
    if not (folder / _PROGRAM).exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        _fetch(folder)
    return folder / _PROGRAM


def _fetch(folder: Path) -> None:
    making = folder.with_name(f".making-{folder.name}-{os.getpid()}")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_PROXY / name, making / name)
    words = [str(bin_path("npm")), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    environment = {"NODE_USE_SYSTEM_CA": "1", **os.environ}
    with step("the workspaces' proxy (npm ci)"):
        answer = subprocess.run(
            words, cwd=making, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    log.info("npm ci: %s\n%s\n%s", answer.returncode, answer.stdout, answer.stderr)
    if answer.returncode != 0:
        shutil.rmtree(making, ignore_errors=True)
        raise Trouble("The workspaces' proxy could not be fetched.", f"Details are in {main_home().log / 'door.log'}.")
    try:
        making.rename(folder)
    except OSError:  # somebody else was as fast
        shutil.rmtree(making, ignore_errors=True)


def proxy_words(public: int, api: int, hub: int) -> list[str]:
    """The proxy on these ports of loopback; its token comes by its environment."""
    return [
        str(bin_path("node")), str(proxy_program()), "--ip", "127.0.0.1", "--port", str(public),
        "--api-ip", "127.0.0.1", "--api-port", str(api), "--host-routing",
        "--error-target", f"http://127.0.0.1:{hub}/hub/error", "--log-level", "warn",
    ]  # fmt: skip
