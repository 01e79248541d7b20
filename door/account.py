"""The accounts that parts run under: ours, or two unprivileged ones when root.

The services and the notary share one, the portal's own processes have another: whoever takes over a page can't read
the notary's key, nor the database's files.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from door.home import PYTHON, REPO, VENV
from door.say import Trouble, log

NAME = "caia"
PORTAL = "caia-portal"
HUB = "caia-hub"
_LAUNCH = REPO / "door" / "launch.py"
_CODE = (REPO / "manage.py", REPO / "caia_portal" / "settings.py", REPO / "apps" / "home" / "views.py")
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2


@dataclass(frozen=True)
class Account:
    """Who a service becomes; `capability` lets it walk through closed folders such as /root, where needed."""

    uid: int
    gid: int
    is_other: bool
    capability: str = ""

    def own(self, folder: Path) -> None:
        """Make a private folder of this account."""
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        if self.is_other:
            os.chown(folder, self.uid, self.gid)

    def own_file(self, path: Path) -> None:
        """Give a private file to this account."""
        path.chmod(0o600)
        if self.is_other:
            os.chown(path, self.uid, self.gid)

    def own_all(self, folder: Path) -> None:
        """Make a private folder of this account, with all that root may have left in it."""
        self.own(folder)
        if self.is_other:
            for path in folder.rglob("*"):
                os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def may_read(self, folder: Path) -> None:
        """Let this account's group read a folder that somebody else keeps, and what is put into it later."""
        if not self.is_other or not folder.exists():
            return
        for path in (folder, *folder.rglob("*")):
            if not path.is_symlink():
                os.chown(path, -1, self.gid)
                path.chmod(path.stat().st_mode | (stat.S_ISGID | 0o050 if path.is_dir() else 0o040))


def launch_words(
    command: list[str],
    *,
    account: Account | None = None,
    record: Path | str = "",
    mark: str = "",
    dies_by: str = "",
    folder: Path | str = "",
    environment: Path | str = "",
    umask: str = "",
    is_our_child: bool = False,
) -> list[str]:
    """The command line that runs a command by way of door/launch.py."""
    words = [str(PYTHON), "-I", "-S", str(_LAUNCH)]
    if record:
        words += ["--record", str(record)]
    if mark:
        words += ["--mark", mark]
    if dies_by:
        words += ["--dies-by", dies_by]
    if is_our_child:
        words += ["--parent", str(os.getpid())]
    if environment:
        words += ["--environment", str(environment)]
    if folder:
        words += ["--folder", str(folder)]
    if umask:
        words += ["--umask", umask]
    if account and account.is_other:
        words += ["--account", f"{account.uid}:{account.gid}", "--capability", account.capability]
    return [*words, "--", *command]


def service_account(*folders: Path) -> Account:
    """The account for services that keep these folders."""
    return _account(NAME, all(_is_open(path) for path in (VENV.resolve(), PYTHON.resolve(), *folders)))


def own_account() -> Account:
    """Ours: for the one part that needs root where the door has it."""
    return Account(os.geteuid(), os.getegid(), is_other=False)


def hub_account(*folders: Path) -> Account:
    """The account of the workspaces' Hub and its proxy, which read the repository and these folders."""
    return _repository_account(HUB, *folders)


def portal_account(*folders: Path) -> Account:
    """The account for the portal's own processes, which read the repository and these folders."""
    return _repository_account(PORTAL, *folders)


def _repository_account(name: str, *folders: Path) -> Account:
    paths = (VENV.resolve(), PYTHON.resolve(), *folders, *_CODE)
    is_open = all(_is_open(path) for path in paths) and all(path.stat().st_mode & stat.S_IROTH for path in _CODE)
    return _account(name, is_open)


def _account(name: str, is_open: bool) -> Account:
    """This account, or ours where we are not root; where it can't be added, the one that every machine has."""
    if os.geteuid() != 0:
        return own_account()
    known = _known(name) or _added(name) or pwd.getpwnam("nobody")
    return Account(known.pw_uid, known.pw_gid, is_other=True, capability="" if is_open else _capability())


def _known(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _added(name: str) -> pwd.struct_passwd | None:
    """Add a system account without a home or a shell; None where this machine has no useradd."""
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if not useradd:
        return None
    words = [useradd, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    answer = subprocess.run([*words, "--shell", "/usr/sbin/nologin", name], capture_output=True, text=True, check=False)
    log.info("useradd %s: %s %s", name, answer.returncode, answer.stderr.strip())
    return _known(name)


def _is_open(path: Path) -> bool:
    """Whether any account may walk down to this path."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents if folder.exists())


def _capability() -> str:
    """The narrowest capability of ours that walks through closed folders."""
    with open("/proc/self/status", encoding="utf-8") as file:
        ours = next(int(line.split()[1], 16) for line in file if line.startswith("CapPrm"))
    if ours & (1 << _CAP_DAC_READ_SEARCH):
        return "dac_read_search"
    if ours & (1 << _CAP_DAC_OVERRIDE):
        return "dac_override"
    raise Trouble(
        f"PostgreSQL does not run as root, and no other account can reach {REPO}.",
        "Move the clone to a folder that every account may enter (such as /opt), or run as an ordinary user.",
    )
