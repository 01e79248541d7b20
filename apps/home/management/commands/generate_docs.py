"""Write docs/generated/ and .env.example from the code and from the tables in tests/house/; ./caia fix calls it.

The tables themselves (who gets which answer, who can make which move) are written from the running site by
tests/house/rewrite.py.
"""

import csv
import importlib
import pkgutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

import apps
from apps.core.drawings import commands_table, diagram, markdown_table, moves_table
from apps.core.machines import MACHINES
from apps.home.event_table import events_table

WRITTEN = "<!-- Written by `./caia fix`; edit the code instead. -->"
TABLES = Path("tests/house")
SIGN_IN = "302 account_login"


class Command(BaseCommand):
    """Each file is written whole; the same code gives the same bytes."""

    help = "Write docs/generated/ and .env.example anew."

    def handle(self, *args: Any, **options: Any) -> None:
        for name, text in generated().items():
            path = settings.BASE_DIR / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
                self.stdout.write(f"{name} is written anew")


def generated() -> dict[str, str]:
    """Path from the root → what the file should hold."""
    for found in pkgutil.walk_packages(apps.__path__, "apps."):
        if ".migrations" not in found.name:
            importlib.import_module(found.name)
    return {
        "docs/generated/access.md": _access(),
        "docs/generated/machines.md": _machines(),
        "docs/generated/commands.md": _commands(),
        "docs/generated/events.md": _events(),
        ".env.example": _environment(),
    }


def _access() -> str:
    rows = _read("access.csv")
    actors = [name for name in rows[0] if name not in {"address", "method"}]
    told = [row for row in rows if _matters(row)]
    body = [[f"`{row['address']}`", row["method"], *(_answer(row[name]) for name in actors)] for row in told]
    return "\n\n".join(
        [
            "# Who gets which answer",
            WRITTEN,
            "The sample things belong to one center. *sign-in* leads to the sign-in page, → leads on after the work is "
            "done, 403 says why not, 404 is the answer for what one may not even know of, 422 puts an empty form back. "
            "Rows where everybody gets 405 are left out; tests/house/access.csv has them all.",
            markdown_table(["address", "method", *(name.replace("_", " ") for name in actors)], body),
            "",
        ]
    )


def _matters(row: dict[str, str]) -> bool:
    return any(said != "405" for name, said in row.items() if name not in {"address", "method", "suspended"})


def _answer(said: str) -> str:
    if said == SIGN_IN:
        return "*sign-in*"
    status, _, target = said.partition(" ")
    return f"→ {target.partition(':')[2] or target}" if target else status


def _machines() -> str:
    made = {(row["machine"], row["state"]): row for row in _read("moves.csv")}
    parts = ["# The lives of things", WRITTEN]
    for label, machine in sorted(MACHINES.items()):
        actors = [name for name in next(iter(made.values())) if name not in {"machine", "state"}]
        busy = [name for name in actors if any(made[label, state][name] for state in machine.states)]
        states = [[state, machine.waits_for[state] or "nobody"] for state in machine.states]
        who = [[state, *(made[label, state][name] for name in busy)] for state in machine.states]
        parts += [
            f"## {str(machine.model._meta.verbose_name).capitalize()}",
            diagram(machine),
            moves_table(machine),
            "Whose turn it is:",
            markdown_table(["state", "waits for"], states),
            "What each can do from each state, as the site answers, also where a step only follows from it (whoever "
            "has no column can do nothing):",
            markdown_table(["state", *(name.replace("_", " ") for name in busy)], who),
        ]
    return "\n\n".join([*parts, ""])


def _commands() -> str:
    return "\n\n".join(["# Every change that the portal knows", WRITTEN, commands_table(), ""])


def _events() -> str:
    return "\n\n".join(
        [
            "# Every event that the record can hold",
            WRITTEN,
            "*write*: a command, in the transaction of its change; a refusal by itself. *read*: before the first byte. "
            "*sighting*: seen at the door. Fields are those that the code names; a refusal may hold fewer. What every "
            "event holds besides is in [audit.md](../audit.md).",
            events_table(),
            "",
        ]
    )


def _environment() -> str:
    from caia_portal.environment import VARIABLES

    lines = [
        "# What the portal reads from its environment at its start. Written by ./caia fix from environment.py.",
        "# On one machine, ./caia up sets all of this for you; on a server, state what has no default.",
    ]
    for variable in VARIABLES:
        kind = "needed" if variable.default is None else "optional"
        lines += ["", f"# {variable.meaning} ({kind}{', secret' if variable.secret else ''})"]
        lines.append(f"{variable.name}=" if variable.default is None else f"#{variable.name}={variable.default}")
    return "\n".join([*lines, ""])


def _read(name: str) -> list[dict[str, str]]:
    with (settings.BASE_DIR / TABLES / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
