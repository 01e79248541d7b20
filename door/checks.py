"""`check` and `fix`: one line for each check, all of them run, and what a tool can put right."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import environments
from door import trial, vendor
from door.account import service_account
from door.ground import Ground, bin_path
from door.home import PYTHON, REPO, Home, main_home
from door.say import elapsed, line, log, step

_SHOWN_LINES = 40


@dataclass(frozen=True)
class Check:
    """One check; `run` returns "" when all is well, else what to read."""

    name: str
    run: Callable[[], str]


def check() -> int:
    """Run every check; 1 if any failed."""
    failed = []
    for one in _all():
        began = time.monotonic()
        said = one.run()
        log.info("%s: %s (%.1f s)", one.name, "failed" if said else "ok", time.monotonic() - began)
        line(f"{elapsed()}  {'failed' if said else 'ok    '}  {one.name}")
        if said:
            failed.append(one.name)
            lines = said.strip().splitlines()
            line("\n".join(f"           {words}" for words in lines[:_SHOWN_LINES]))
            if len(lines) > _SHOWN_LINES:
                line(f"           … and {len(lines) - _SHOWN_LINES} more lines")
    line(
        f"{elapsed()}  {len(failed)} of {len(_all())} checks failed: {', '.join(failed)}"
        if failed
        else f"{elapsed()}  all checks passed"
    )
    return 1 if failed else 0


def fix() -> int:
    """Format, put right what ruff can, fetch the front-end parts anew if they differ, write generated files."""
    for title, words in (
        ("format", [str(bin_path("ruff")), "format", "."]),
        ("lint", [str(bin_path("ruff")), "check", "--fix", "--quiet", "."]),
    ):
        with step(title) as notes:
            answer = _answer(words)
            notes.append("done" if answer.returncode == 0 else "some things are left for you")
        if answer.returncode != 0:
            line(answer.stdout + answer.stderr)
    if vendor.problems():
        vendor.renew()
    line("The tables in tests/house/, as the site answers now:")
    if trial.run_tests(["-n", "0", "--quiet", "tests/house/rewrite.py"], is_long=False) != 0:
        return 1
    with step("generated files") as notes:
        answer = _answer([str(PYTHON), "manage.py", "generate_docs"])
        unknown = "Unknown command" in answer.stderr
        notes.append("none yet" if unknown else "done" if answer.returncode == 0 else "failed")
    if answer.returncode != 0 and not unknown:
        line(answer.stderr)
        return 1
    return 0


def _all() -> list[Check]:
    return [
        Check(
            "style (ruff check)",
            lambda: _said([str(bin_path("ruff")), "check", "--quiet", "--output-format", "concise", "."]),
        ),
        Check(
            "format (ruff format)",
            lambda: _said([str(bin_path("ruff")), "format", "--check", "--output-format", "concise", "."]),
        ),
        Check("types (mypy)", lambda: _said([str(bin_path("mypy"))])),
        Check("who may import whom (lint-imports)", lambda: _said([str(bin_path("lint-imports"))])),
        Check("Django's own checks", lambda: _said([str(PYTHON), "manage.py", "check", "--fail-level", "WARNING"])),
        Check(
            "migrations match the models",
            lambda: _said([str(PYTHON), "manage.py", "makemigrations", "--check", "--dry-run"]),
        ),
        Check("front-end parts match their lock", lambda: "\n".join(vendor.problems())),
        Check("locks match their pyproject.toml (uv)", _lock_problems),
    ]


def _lock_problems() -> str:
    """Of the portal's own lock, and of each environment's."""
    from door.python_parts import uv_words

    stale = []
    for lock in (REPO / "uv.lock", *sorted(environments.FOLDER.glob("*/uv.lock"))):
        said = _answer([*uv_words(), "lock", "--check", "--offline", "--project", str(lock.parent)]).stderr
        if "needs to be updated" in said:
            stale.append(f"{lock.relative_to(REPO)}: {said.strip()}")
    return "\n".join(stale)


def _said(words: list[str]) -> str:
    """What a command said, where it failed; "" where it passed."""
    answer = _answer(words)
    if answer.returncode == 0:
        return ""
    return (answer.stdout + answer.stderr).strip() or f"exit code {answer.returncode}"


def _answer(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=REPO, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def _environment() -> dict[str, str]:
    """Settings that let Django start; nothing answers at these addresses, and no check asks."""
    home = Home(Path(main_home().root))
    ground = Ground(home, service_account(home.root), ports={"postgres": 1, "redis": 1, "s3": 1, "web": 8000})
    return {**ground.process_environment(), "PYTHONWARNINGS": "ignore"}
