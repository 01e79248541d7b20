"""What the tests need of Debian's packages: installed as root, and otherwise said how."""

from __future__ import annotations

import os
import shutil
import subprocess

from door.say import log, step, warn

SLURM = ("slurmctld", "slurmd", "slurm-client", "munge")
_LONGEST = 900  # seconds
_PLACES = "/usr/bin:/bin:/usr/sbin:/sbin"


def install(packages: tuple[str, ...], what: str, otherwise: str) -> None:
    """Install them; where that can't be, say so and go on. `otherwise`: what comes of it."""
    words = " ".join(packages)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        warn(f"{what} is not there, so {otherwise}. Debian, Ubuntu: sudo apt-get install {words}")
        return
    with step(f"{what} (apt-get install {words})"):
        done = _apt("update", "-q") and _apt("install", "-y", "-q", "--no-install-recommends", *packages)
    if not done:
        warn(f"{what} could not be installed, so {otherwise}. See apt-get install {words}")


def _apt(*words: str) -> bool:
    """Whether it did what it was told in its time."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        answer = subprocess.run(
            ["apt-get", *words], env=quiet, capture_output=True, text=True, timeout=_LONGEST, check=False
        )
    except subprocess.TimeoutExpired:
        log.info("apt-get %s: not in %s s", words, _LONGEST)
        return False
    log.info("apt-get %s: %s\n%s\n%s", words, answer.returncode, answer.stdout[-3000:], answer.stderr[-3000:])
    return answer.returncode == 0 or words[0] == "update"  # an old list may do


def install_slurm() -> None:
    """A real cluster of one machine, where it is not there yet."""
    if not all(shutil.which(name, path=_PLACES) for name in ("slurmctld", "slurmd", "sbatch", "munged")):
        install(SLURM, "Slurm for the tests of clusters", "those tests are skipped")
