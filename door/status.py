"""`status` and `logs`: what each part does now, where it is, and what it wrote."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from door import environments, hub, up
from door.ground import Ground
from door.home import main_home
from door.leftovers import recorded
from door.parts import PARTS, Part, part_named
from door.say import Trouble
from door.supervise import Supervisor


def show(*, as_json: bool) -> int:
    """Print each part's state and address; exit code 0 when all answer, 3 when something does not or nothing runs."""
    state = look()
    if as_json:
        print(json.dumps(state, indent=1))
    elif not state["is_running"]:
        print("It is not running. ./caia up starts it.")
        if state["leftovers"]:
            print("Some of it runs: it is starting just now, or a start was killed (then ./caia down clears it away).")
    else:
        print(f"{state['address']}   {'ready' if state['is_ready'] else 'NOT READY'}   (home: {state['home']})")
        for row in state["parts"]:
            print(f"  {row['name']:<21} {row['state']:<9} {row['address']:<44} {row['words']}".rstrip())
        print(f"  {'workspaces':<21} {state['workspaces']}")
    return 0 if state["is_ready"] else 3


def look() -> dict[str, Any]:
    """The state of this home, for programs."""
    home = main_home()
    state: dict[str, Any] = {
        "home": str(home.root),
        "is_running": False,
        "is_ready": False,
        "address": "",
        "parts": [],
        "workspaces": "",
        "leftovers": 0,
    }
    if not Supervisor(home).is_there() or not home.read("standing"):
        state["leftovers"] = len(recorded(home))
        return state
    ground = up.standing_ground()
    rows = Supervisor(home).states()
    parts = [
        _row(ground, part, [row for row in rows if row["group"] == part.name]) for part in PARTS if part.is_on(ground)
    ]
    is_ready = all(row["is_answering"] for row in parts)
    return {
        **state,
        "is_running": True,
        "is_ready": is_ready,
        "address": ground.environment()["CAIA_BASE_URL"],
        "parts": parts,
        "workspaces": _workspaces(ground),
    }


def _workspaces(ground: Ground) -> str:
    """Whether people can start them, in words."""
    if not hub.is_on(ground):
        return f"off: {ground.without_workspaces}"
    if environments.manifest(hub.ENVIRONMENT):
        return "on"
    if environments.is_being_built(hub.ENVIRONMENT):
        return f"on as soon as {hub.ENVIRONMENT} is built; that goes on now"
    return f"on, but {hub.ENVIRONMENT} is not built: ./caia environment {hub.ENVIRONMENT}"


def _row(ground: Ground, part: Part, rows: list[dict[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {"name": part.name, "what": part.what}
    if not part.is_ours(ground):
        return {
            **row,
            "state": "outside",
            "address": f"${part.outside}",
            "is_answering": True,
            "words": "run by others",
        }
    states = {row["statename"] for row in rows}
    wrong = (
        part.probe(ground)
        if states == {"RUNNING"}
        else ", ".join(sorted(state.lower() for state in states)) or "unknown"
    )
    since = min((time.time() - row["start"] for row in rows if row["statename"] == "RUNNING"), default=0.0)
    return {
        **row,
        "state": "running" if states == {"RUNNING"} else "down",
        "address": part.address(ground),
        "is_answering": not wrong,
        "words": wrong or f"up {_duration(since)}",
        "pids": [row["pid"] for row in rows if row["pid"]],
        "log": str(ground.home.log / f"{part.name}{'-0' if part.copies > 1 else ''}.log"),
    }


def _duration(seconds: float) -> str:
    minutes, hours = seconds / 60, seconds / 3600
    return f"{seconds:.0f} s" if seconds < 120 else f"{minutes:.0f} min" if minutes < 120 else f"{hours:.0f} h"


def logs(name: str, *, follow: bool, lines: int) -> int:
    """Print the last lines of one part's log, or of every log; go on with what comes where asked."""
    folder = main_home().log
    if name and not part_named(name) and not sorted(folder.glob(f"{name}*.log")):
        raise Trouble(
            f"there is no part '{name}'.", f"Parts: {', '.join(part.name for part in PARTS)}, supervisord, door."
        )
    paths = _logs_of(name, folder)
    if not paths:
        raise Trouble("Nothing was written yet.", "./caia up starts the parts.")
    if not follow:
        for path in paths:
            if len(paths) > 1:
                print(f"== {path.stem} ==")
            print("\n".join(_last(path, lines)))
        return 0
    words = ["tail", "-n", str(lines), "-F", *([] if len(paths) > 1 else ["-q"]), *map(str, paths)]
    return subprocess.run(words, check=False).returncode


def _logs_of(name: str, folder: Path) -> list[Path]:
    paths = sorted(folder.glob("*.log"))
    return [path for path in paths if not name or path.stem == name or path.stem.startswith(f"{name}-")]


def _last(path: Path, lines: int) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
