"""What the portal needs before it serves: tables, static files, the demo alliance; each only when something changed."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable
from pathlib import Path

from door import cluster
from door.ground import Ground
from door.home import PYTHON, REPO
from door.say import Trouble, log, step

_DONE = "done"
_ROLES = ("caia_portal", "caia_notary")  # whom the migrations give rights to
_ASK_FOR_ROLES = (
    "import os, psycopg; link = psycopg.connect(os.environ['DATABASE_OWNER_URL'], connect_timeout=5); "
    "print(*(name for name, in link.execute('select rolname from pg_roles')))"
)


def make_ready(ground: Ground) -> None:
    """Migrate, collect static files, load the demo alliance with its datasets, agreements and projects."""
    if "DATABASE_URL" in ground.outside:
        demand_roles(ground)
    database = _database_name(ground)
    with step("tables") as notes:
        notes.append(
            _once(
                ground, "migrated", f"{database} {_digest(_migrations())}", ["migrate", "--verbosity", "1"], owner=True
            )
        )
    with step("static files") as notes:
        digest = _digest([*_files(REPO / "static"), REPO / "uv.lock"])
        present = (ground.home.root / "static").exists()
        words = ["collectstatic", "--noinput", "--verbosity", "0"]
        notes.append(
            _once(ground, "static", f"{digest} {present}" if present else f"{digest} True", words, again=not present)
        )
    if secret := ground.process_environment().get("CAIA_HUB_CLIENT_SECRET"):
        with step("the workspaces' Hub") as notes:
            where = ground.process_environment().get("CAIA_WORKSPACES_URL", "")
            digest = hashlib.sha256(f"{secret} {where}".encode()).hexdigest()
            key = ground.folder("oidc") / "key.pem"
            notes.append(_once(ground, "hub", f"{database} {digest}", ["register_hub"], again=not key.exists()))
            ground.portal_account.own_all(key.parent)
    if ground.is_demo:
        with step("the demo alliance") as notes:
            notes.append(_once(ground, "demo", database, ["load_demo"]))
        with step("the demo's datasets") as notes:
            notes.append(_once(ground, "demo data", database, ["load_demo_data"]))
        with step("the demo's agreements") as notes:
            notes.append(_once(ground, "demo agreements", database, ["load_demo_agreements"]))
        with step("the demo's projects") as notes:
            notes.append(_once(ground, "demo projects", database, ["load_demo_projects"]))


def demand_roles(ground: Ground) -> None:
    """Somebody else's database must have the portal's and the notary's role; else say how it gets them."""
    answer = subprocess.run(
        [PYTHON, "-c", _ASK_FOR_ROLES],
        env={**ground.bare_environment(), "DATABASE_OWNER_URL": ground.owner_url()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        log.error("asking for roles: %s", answer.stderr)
        raise Trouble(
            f"The database does not answer: {_reason(answer)}", "Look at DATABASE_URL and DATABASE_OWNER_URL."
        )
    missing = [name for name in _ROLES if name not in answer.stdout.split()]
    if missing:
        raise Trouble(
            f"The database of DATABASE_URL has no role {' and no role '.join(missing)}, which the tables need.",
            f"As its superuser: create role {missing[0]} login password '…' nosuperuser nocreatedb nocreaterole; "
            "docs/operations.md, Database, has the whole SQL. Then ./caia up again.",
        )
    if not ground.notary_url():
        raise Trouble(
            "NOTARY_DATABASE_URL is not set, so nobody would put the record in order and sign it.",
            "Set it to the same database as the role caia_notary: postgresql://caia_notary:…@host/database",
        )


def show_people(ground: Ground) -> int:
    """The whole list of demo people."""
    answer = manage(ground, ["load_demo", "--list"])
    if answer.returncode != 0:
        log.error("load_demo --list: %s", answer.stderr)
        raise Trouble(f"The list of demo people could not be read: {_reason(answer)}", "See ./caia logs web.")
    print(answer.stdout, end="")
    return 0


def manage(ground: Ground, words: list[str], *, owner: bool = False) -> subprocess.CompletedProcess[str]:
    """Run one of Django's commands; as the owner of the tables only where asked."""
    environment = ground.process_environment(owner=owner)
    if owner:
        environment["DATABASE_URL"] = environment["DATABASE_OWNER_URL"]
    return subprocess.run(
        [PYTHON, "manage.py", *words],
        cwd=REPO,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        # What it makes in CAIA_HOME, such as the demo's mail, is for this account alone.
        umask=0o077,
    )


def _once(ground: Ground, name: str, wanted: str, words: list[str], *, owner: bool = False, again: bool = False) -> str:
    """Run a command unless it was done for exactly this; what was done, in a word."""
    done = ground.home.read(_DONE)
    if done.get(name) == wanted and not again:
        return "nothing new"
    answer = manage(ground, words, owner=owner)
    log.info("%s: %s\n%s\n%s", words, answer.returncode, answer.stdout, answer.stderr)
    if answer.returncode != 0:
        raise Trouble(
            f"`manage.py {words[0]}` failed: {_reason(answer)}",
            f"Run ./caia up again: it goes on from there. Details: {ground.home.log / 'door.log'}",
        )
    ground.home.write(_DONE, {**ground.home.read(_DONE), name: wanted})
    return "done"


def _reason(answer: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in answer.stderr.strip().splitlines() if line.strip()]
    return lines[-1][:300] if lines else f"exit code {answer.returncode}"


def _database_name(ground: Ground) -> str:
    """Names this very database."""
    outside = ground.outside.get("DATABASE_URL")
    return hashlib.sha256(outside.encode()).hexdigest() if outside else cluster.identity(ground)


def _migrations() -> list[Path]:
    return [*sorted((REPO / "apps").glob("*/migrations/*.py")), REPO / "uv.lock"]


def _files(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.relative_to(REPO)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
