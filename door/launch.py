"""Becomes a part: notes its process, dies with its parent, drops root, then runs the command. Runs by itself."""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG, _PR_SET_SECUREBITS, _PR_CAP_AMBIENT, _RAISE = 1, 28, 47, 2
_NO_SETUID_FIXUP = 1 << 2
_CAPABILITIES = {"dac_override": 1, "dac_read_search": 2}
_CAPABILITY_VERSION_3 = 0x20080522


def started_at(pid: int) -> int:
    """When a process started, in clock ticks since boot: with the pid it names it for good; 0 if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def _capset(mask: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    words = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    if libc.capset(header, words) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def drop(uid: int, gid: int, capability: str, groups: list[int]) -> None:
    """Give up root for this account; keep at most the one capability that lets it reach its own files."""
    libc = ctypes.CDLL(None, use_errno=True)
    # Without this bit access(2), which initdb asks, knows nothing of the capability.
    if capability and libc.prctl(_PR_SET_SECUREBITS, _NO_SETUID_FIXUP, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if capability:
        number = _CAPABILITIES[capability]
        _capset(1 << number)
        if libc.prctl(_PR_CAP_AMBIENT, _RAISE, number, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def _serving(path: str) -> dict[str, str]:
    """The environment kept in this file, less the owner's address: a serving process must not have it."""
    with open(path, encoding="utf-8") as file:
        pairs = (line.rstrip("\n").partition("=") for line in file if "=" in line)
        return {name: value for name, _, value in pairs if name != "DATABASE_OWNER_URL"}


def main() -> None:
    """Read the wishes, carry them out, become the command."""
    wishes = argparse.ArgumentParser()
    wishes.add_argument("--record", help="file that gets this process's id and start time")
    wishes.add_argument("--mark", help="value of CAIA_RUN, by which leftovers are known")
    wishes.add_argument("--dies-by", default="", help="signal that comes when the parent dies")
    wishes.add_argument("--parent", type=int, default=os.getppid(), help="who the parent is, where that is known")
    wishes.add_argument("--account", default="", help="uid:gid to become")
    wishes.add_argument("--groups", default="", help="further groups of the account, with commas")
    wishes.add_argument("--capability", default="", choices=["", *_CAPABILITIES])
    wishes.add_argument("--environment", default="", help="file of KEY=VALUE lines for the command")
    wishes.add_argument("--folder", default="", help="working directory of the command")
    wishes.add_argument("--umask", default="", help="of the command, in octal")
    wishes.add_argument("command", nargs="+")
    wish = wishes.parse_args()
    if wish.environment:
        os.environ.update(_serving(wish.environment))
    if wish.record:
        with open(os.open(wish.record, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(f"{os.getpid()} {started_at(os.getpid())}\n")
    if wish.mark:
        os.environ["CAIA_RUN"] = wish.mark
    if wish.account:
        uid, gid = (int(number) for number in wish.account.split(":"))
        drop(uid, gid, wish.capability, [int(group) for group in wish.groups.split(",") if group])
        os.environ["HOME"] = "/nonexistent"
    if wish.umask:
        os.umask(int(wish.umask, 8))
    if wish.folder:
        os.chdir(wish.folder)
    if wish.dies_by:
        # Set last: the kernel forgets it when credentials change.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(getattr(signal, wish.dies_by)), 0, 0, 0)
        if os.getppid() != wish.parent:
            sys.exit(1)
    os.execvp(wish.command[0], wish.command)  # noqa: S606


if __name__ == "__main__":
    main()
