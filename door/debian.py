"""What the tests need of Debian's packages: installed as root, and otherwise said how."""

from __future__ import annotations

import os
import shutil
import subprocess

from door.say import log, step, warn

SLURM = ("slurmctld", "slurmd", "slurm-client", "munge")
_PLACES = "/usr/bin:/bin:/usr/sbin:/sbin"


def installed(packages: tuple[str, ...], what: str, otherwise: str) -> None:
    """Install them; where that can't be, say so and go on. `otherwise`: what comes of it."""
    words = " ".join(packages)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        warn(f"{what} is not there, so {otherwise}. Debian, Ubuntu: sudo apt-get install {words}")
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with step(f"{what} (apt-get install {words})"):
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
        for command in (["apt-get", "update", "-q"], install):
            answer = subprocess.run(command, env=quiet, capture_output=True, text=True, check=False)
            log.info("%s: %s\n%s\n%s", command, answer.returncode, answer.stdout[-3000:], answer.stderr[-3000:])
    if answer.returncode:
        warn(f"{what} could not be installed, so {otherwise}. See apt-get install {words}")


def install_slurm() -> None:
    """A real cluster of one machine, where it is not there yet."""
    if not all(shutil.which(name, path=_PLACES) for name in ("slurmctld", "slurmd", "sbatch", "munged")):
        installed(SLURM, "Slurm for the tests of clusters", "those tests will fail")
