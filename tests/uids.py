"""User numbers for sandboxes of tests: each process of tests has a stretch of its own, and gives no number twice.

A stretch is held by a name in the kernel (an abstract socket) for as long as its process lives, so neither workers side
by side nor two copies that are tested at once get the same accounts, control groups or staging folders.
"""

import itertools
import socket
from functools import cache

_FIRST, _LENGTH, _STRETCHES = 300_000, 2_000, 250
_HELD: list[socket.socket] = []


def next_uid() -> int:
    """A number that nobody else has."""
    return next(_numbers())


@cache
def _numbers() -> itertools.count:
    return itertools.count(_FIRST + _stretch() * _LENGTH)


def _stretch() -> int:
    for number in range(_STRETCHES):
        holder = socket.socket(socket.AF_UNIX)
        try:
            holder.bind(f"\0caia-test-uids-{number}")
        except OSError:
            holder.close()
            continue
        _HELD.append(holder)
        return number
    raise AssertionError("too many tests at once on this machine")
