"""The Python packages: .venv made by uv from uv.lock, skipped while the lock is the same."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from door.home import PYTHON, REPO, VENV, main_home
from door.say import Trouble, log, size_of, step

_MARKER = VENV / ".caia-lock"
_NO_NETWORK = (
    "dns error",
    "connect error",
    "Connection refused",
    "Could not connect",
    "timed out",
    "Name or service",
    "Temporary failure",
)


def make_ready() -> None:
    """Make .venv equal to uv.lock; a moment's work where it already is."""
    wanted = hashlib.sha256((REPO / "uv.lock").read_bytes() + (REPO / "pyproject.toml").read_bytes()).hexdigest()
    if PYTHON.exists() and _MARKER.exists() and _MARKER.read_text(encoding="utf-8") == wanted:
        return
    uv = uv_words()
    with step("Python packages (uv sync)", size=lambda: size_of(VENV)) as notes:
        _sync(uv)
        notes.append(size_of(VENV))
    _MARKER.write_text(wanted, encoding="utf-8")


def _sync(uv: list[str]) -> None:
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_PROJECT_ENVIRONMENT": str(VENV)}
    # Hospitals often look into TLS with an authority of their own, which only the system's store knows.
    environment.setdefault("UV_NATIVE_TLS", "1")
    environment.pop("VIRTUAL_ENV", None)
    if not PYTHON.exists():
        environment["UV_PYTHON"] = sys.executable
    answer = subprocess.run(
        [*uv, "sync", "--locked", "--quiet"], cwd=REPO, env=environment, capture_output=True, text=True, check=False
    )
    log.info("uv sync: %s\n%s\n%s", answer.returncode, answer.stdout, answer.stderr)
    if answer.returncode != 0:
        raise trouble_of("The Python packages could not be installed", answer.stderr)


def uv_words() -> list[str]:
    """uv from PATH, or one of our own in $CAIA_HOME/tools."""
    own = main_home().root / "tools"
    if (own / "bin" / "uv").exists():
        return [str(own / "bin" / "uv")]
    found = shutil.which("uv")
    if found and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0:
        return [found]
    with step("uv, the installer of Python packages"):
        answer = _install_uv(own)
    if answer.returncode != 0:
        raise trouble_of("uv could not be installed", answer.stderr)
    return [str(own / "bin" / "uv")]


def _install_uv(own: Path) -> subprocess.CompletedProcess[str]:
    if importlib.util.find_spec("pip") is None and importlib.util.find_spec("ensurepip") is None:
        _install_pip()
    words = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--target",
        str(own),
        "uv>=0.8",
    ]
    if importlib.util.find_spec("pip") is None:
        # Debian's python3-venv brings ensurepip but no pip: a small environment has one.
        small = own.with_name("tools.venv")
        made = subprocess.run(
            [sys.executable, "-m", "venv", "--clear", str(small)], capture_output=True, text=True, check=False
        )
        if made.returncode != 0:
            return made
        words[0] = str(small / "bin" / "python")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_TARGET")}
    answer = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    log.info("pip install uv: %s\n%s\n%s", answer.returncode, answer.stdout, answer.stderr)
    return answer


def _install_pip() -> None:
    """On Debian as root: the system's pip; else a plain sentence."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        with step("pip (apt-get install python3-pip)"):
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            for words in (
                ["apt-get", "update", "-q"],
                ["apt-get", "install", "-y", "-q", "--no-install-recommends", "python3-pip"],
            ):
                answer = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
                log.info("%s: %s\n%s", words, answer.returncode, answer.stderr)
        importlib.invalidate_caches()
        if importlib.util.find_spec("pip") is not None:
            return
    raise Trouble(
        "This Python has no pip, and uv is not installed.",
        "Debian, Ubuntu: apt-get install python3-venv python3-pip. Or install uv itself and run this again.",
    )


def trouble_of(what: str, said: str) -> Trouble:
    """What uv or pip said, as one plain sentence and a way out."""
    if any(sign in said for sign in _NO_NETWORK):
        return Trouble(
            f"{what}: the package registry cannot be reached.",
            "Check the network (or UV_INDEX_URL), then run this again.",
        )
    if "No space left" in said:
        return Trouble(f"{what}: the disk is full.", "Free about 2 GB, then run this again.")
    if "No interpreter found" in said or "requires-python" in said.lower():
        return Trouble(
            f"{what}: no Python 3.11 or newer was found.",
            "Install one, or name it: CAIA_PYTHON=/path/to/python3 ./caia up",
        )
    lines = [line.strip() for line in said.strip().splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    first, last = (errors or lines or ["no reason given"])[0], (lines or [""])[-1]
    reason = first if last in ("", first) else f"{first}, {last}"
    return Trouble(f"{what}: {reason[:400]}", f"Details are in {main_home().log / 'door.log'}.")
