"""The account that services run under: ours, or an unprivileged one when root (PostgreSQL refuses root)."""

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
_LAUNCH = REPO / "door" / "launch.py"
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


def launch_words(
    command: list[str],
    *,
    account: Account | None = None,
    record: Path | str = "",
    mark: str = "",
    dies_by: str = "",
    folder: Path | str = "",
    environment: Path | str = "",
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
    if account and account.is_other:
        words += ["--account", f"{account.uid}:{account.gid}", "--capability", account.capability]
    return [*words, "--", *command]


def service_account(*folders: Path) -> Account:
    """The account for services that keep these folders."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), is_other=False)
    known = _known() or _added() or pwd.getpwnam("nobody")
    needed = not all(_is_open(path) for path in (VENV.resolve(), PYTHON.resolve(), *folders))
    return Account(known.pw_uid, known.pw_gid, is_other=True, capability=_capability() if needed else "")


def _known() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(NAME)
    except KeyError:
        return None


def _added() -> pwd.struct_passwd | None:
    """Add a system account without a home or a shell; None where this machine has no useradd."""
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if not useradd:
        return None
    words = [useradd, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    answer = subprocess.run([*words, "--shell", "/usr/sbin/nologin", NAME], capture_output=True, text=True, check=False)
    log.info("useradd %s: %s %s", NAME, answer.returncode, answer.stderr.strip())
    return _known()


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
