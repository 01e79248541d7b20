"""The portal's shares and budgets as words for sacctmgr: a tree of accounts, alliance, centers, projects.

What is written here holds nothing by itself: slurmdbd must be there, with PriorityType=priority/multifactor and
AccountingStorageEnforce=associations,limits,safe.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from host.engines.base import Rejected

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")


@dataclass(frozen=True)
class ProjectShare:
    """`gpu_minutes`: what is left of its budget; None: no end. `user`: its account on the nodes."""

    name: str
    user: str
    gpu_minutes: int | None = None


@dataclass(frozen=True)
class CenterShare:
    """`shares`: its weight beside the others. `gpus`: the most that it holds at once; None: no end."""

    name: str
    shares: int
    gpus: int | None = None
    projects: tuple[ProjectShare, ...] = ()


def policy(alliance: str, centers: Sequence[CenterShare]) -> list[tuple[str, ...]]:
    """Lists of words, one a call, each with sacctmgr's --immediate; what is there already is left or set anew."""
    said: list[tuple[str, ...]] = [("add", "account", _name(alliance), "description=alliance", "organization=alliance")]
    for center in centers:
        name = _name(center.name)
        if center.shares < 1:
            raise Rejected(f"The share of {name} must be 1 or more.")
        said += [
            ("add", "account", name, f"parent={alliance}", f"description={name}", f"organization={name}"),
            ("modify", "account", "where", f"name={name}", "set", f"fairshare={center.shares}",
             f"grptres=gres/gpu={_limit(center.gpus)}"),
        ]  # fmt: skip
        for project in center.projects:
            account, user = _name(project.name), _name(project.user)
            said += [
                ("add", "account", account, f"parent={name}", f"description={account}", f"organization={name}"),
                ("modify", "account", "where", f"name={account}", "set", "fairshare=1",
                 f"grptresmins=gres/gpu={_limit(project.gpu_minutes)}"),
                ("add", "user", user, f"account={account}", f"defaultaccount={account}"),
            ]  # fmt: skip
    return [("sacctmgr", "--immediate", *words) for words in said]


def _name(said: str) -> str:
    if not _NAME.fullmatch(said):
        raise Rejected(f"“{said}” can't name an account: use a-z, 0-9, - and _.")
    return said


def _limit(number: int | None) -> int:
    """Slurm's -1 takes a limit away."""
    if number is not None and number < 0:
        raise Rejected(f"A limit of {number} says nothing.")
    return -1 if number is None else number
