"""The browser that the tests drive: the system's Chromium, installed where we may."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from door.say import Trouble, log, step, warn

_USUAL = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")


def found() -> str:
    """Where Chromium is; "" where it is not."""
    named = os.environ.get("CHROMIUM_PATH", "")
    if named:
        if not Path(named).exists():
            raise Trouble(f"CHROMIUM_PATH names {named}, which does not exist.", "Correct it, or unset it.")
        return named
    return next((path for path in _USUAL if Path(path).exists()), shutil.which("chromium") or "")


def found_or_installed() -> str:
    """Chromium's path; installs Debian's package as root, and otherwise says how. "" where there is none."""
    path = found()
    if path:
        return path
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        warn("Chromium was not found, so browser tests will fail. Debian, Ubuntu: sudo apt-get install chromium")
        return ""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium", "fonts-dejavu-core"]
    with step("Chromium for the browser tests (apt-get install chromium)"):
        for words in (["apt-get", "update", "-q"], install):
            answer = subprocess.run(words, env=quiet, capture_output=True, text=True, check=False)
            log.info("%s: %s\n%s\n%s", words, answer.returncode, answer.stdout[-3000:], answer.stderr[-3000:])
    path = found()
    if not path:
        warn("Chromium could not be installed, so browser tests will fail. See apt-get install chromium")
    return path
