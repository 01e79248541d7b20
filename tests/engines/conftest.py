"""Every backend that can run here for real, and descriptions for it to carry out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from host.engines.base import ComputeBackend, ExternalRef, State, Status, Wanted
from host.engines.local import LocalSandboxBackend
from host.engines.slurm import SlurmBackend
from sandbox.ground import bubblewrap
from sandbox.slurm import Site, Slurm
from sandbox.spec import SandboxSpec, Writable
from tests.engines.cluster import Cluster, clusters
from tests.live.site import until
from tests.sandbox.place import HOME, Place, places

OVER = {State.COMPLETE, State.EXECUTOR_ERROR, State.SYSTEM_ERROR, State.PREEMPTED, State.CANCELED}


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One for all tests of a worker."""
    with TemporaryDirectory(prefix="caia-") as folder:
        Path(folder).chmod(0o755)
        with clusters(Path(folder)) as standing:
            yield standing


@dataclass
class Bench:
    """A backend, and everything submitted to it; `again()` is the same backend in another process's eyes."""

    place: Place
    again: Callable[[], ComputeBackend]
    backend: ComputeBackend
    cluster: Cluster | None = None
    refs: list[ExternalRef] = field(default_factory=list)

    @property
    def is_slurm(self) -> bool:
        return self.backend.name == "slurm"

    def spec(self, program: str, **limits: float) -> SandboxSpec:
        """A shell's line inside; `limits` beside the usual ones, without an end of its time."""
        spec = self.place.spec("/bin/sh", "-c", program)
        spec = replace(spec, writable=(Writable(self.place.root / "home/ada-lovelace", HOME),))  # seen from outside
        return replace(spec, limits=replace(spec.limits, **{"seconds": None} | limits))

    def submit(self, program: str, key: str = "", wanted: Wanted | None = None, **limits: float) -> ExternalRef:
        spec = self.spec(program, **limits)
        ref = self.backend.submit(spec, key or spec.name, wanted or Wanted())
        self.refs.append(ref)
        return ref

    def status(self, ref: ExternalRef) -> Status:
        return self.backend.poll([ref])[ref]

    def over(self, ref: ExternalRef, seconds: float = 60) -> Status:
        """How it ended, looked after meanwhile."""

        def ended() -> Status | None:
            self.backend.attend(ref)
            status = self.status(ref)
            return status if status.state in OVER else None

        return until(ended, seconds, f"{ref} has ended")

    def runs(self, ref: ExternalRef, word: bytes = b"here") -> None:
        """Until it has said its word."""
        until(lambda: word in self.backend.logs(ref, 0, 10_000).content, 60, f"{ref} says {word!r}")

    def home(self, name: str) -> Path:
        """A file of the folder that it writes."""
        return self.place.root / "home/ada-lovelace" / name


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Ask for it with `@pytest.mark.parametrize("bench", …, indirect=True)`."""
    with TemporaryDirectory(prefix="caia-") as folder:
        Path(folder).chmod(0o755)
        for place in places(Path(folder)):
            cluster = request.getfixturevalue("cluster") if request.param == "slurm" else None
            again = _local(place) if cluster is None else _slurm(Path(folder) / "tries", cluster)
            made = Bench(place, again, again(), cluster)
            try:
                yield made
            finally:
                for ref in made.refs:
                    made.backend.forget(ref)


def _local(place: Place) -> Callable[[], ComputeBackend]:
    return lambda: LocalSandboxBackend(place.backend)


def _slurm(tries: Path, cluster: Cluster) -> Callable[[], ComputeBackend]:
    tries.mkdir()
    variables = {"SLURM_CONF": cluster.variables["SLURM_CONF"]}
    return lambda: SlurmBackend(Slurm(Site(bwrap=bubblewrap())), tries, variables)
