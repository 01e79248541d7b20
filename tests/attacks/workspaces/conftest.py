"""One whole portal, two members' workspaces side by side, and one hostile run of every probe in the first."""

import ctypes
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.attacks.sandbox.conftest import SEGMENT, Canaries
from tests.attacks.workspaces.ground import Ground, attack, facts_of, grounds
from tests.live.site import Site


@pytest.fixture(scope="session")
def both(site: Site) -> Iterator[Ground]:
    with grounds(site) as standing:
        yield standing


@pytest.fixture
def ground(both: Ground) -> Ground:
    both.awake()
    return both


@dataclass(frozen=True)
class Attacked:
    """What the probes said inside, what the canaries outside heard meanwhile, and what the attacker had been told.

    `data` are the hashes of all data on the machine, from before.
    """

    said: dict[str, dict[str, Any]]
    heard: list[str]
    facts: dict[str, Any]
    data: dict[str, str]


@pytest.fixture(scope="session")
def attacked(both: Ground) -> Iterator[Attacked]:
    """All probes by Rosa in her kernel, with real addresses and paths."""
    memory = Path("/dev/shm") / f"caia-canary-workspaces-{os.getpid()}"
    memory.write_text("CANARY-MEMORY")
    libc = ctypes.CDLL(None)
    segment = libc.shmget(SEGMENT, 4096, 0o1666)
    with TemporaryDirectory(prefix="caia-") as folder:
        Path(folder).chmod(0o755)
        canaries = Canaries(Path(folder))
        try:
            canaries.so_far()
            facts, data = facts_of(both, canaries, memory.name), both.data()
            said = attack(both.lab, facts)
            yield Attacked(said, canaries.so_far(), facts, data)
        finally:
            canaries.close()
            memory.unlink()
            libc.shmctl(segment, 0, None)
