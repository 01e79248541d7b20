"""The browser that the tests drive: the system's Chromium, installed where we may."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from door import debian
from door.say import Trouble

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
    """Chromium's path; installs Debian's package where we may. "" where there is none."""
    path = found()
    if path:
        return path
    debian.install(("chromium", "fonts-dejavu-core"), "Chromium for the browser tests", "browser tests are skipped")
    return found()
