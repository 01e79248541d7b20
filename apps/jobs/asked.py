"""What somebody asks for with a job."""

from dataclasses import dataclass

from apps.jobs.models import Job


@dataclass(frozen=True)
class Code:
    """An archive that lies in the object storage already: its hash, its bytes and the files in it."""

    sha256: str
    bytes: int
    files: int


@dataclass(frozen=True)
class Wish:
    """What a job is to have; sizes in bytes, times in seconds."""

    name: str
    command: tuple[str, ...]
    cpus: int
    memory: int
    seconds: int
    gpus: int = 0
    grace: int = 30
    seed: int = 0
    priority: int = Job.Priority.NORMAL
