"""A real Slurm of one machine, from Debian's packages, for the tests: controller, node, munge; two made-up GPUs.

Everything lies in a folder of its own and listens on loopback alone, on free ports.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sandbox.kernel import end_with_parent
from tests.hub.conftest import free_port

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch")
PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
HOW = "apt-get install slurmctld slurmd slurm-client munge"
CONFIGURATION = """
ClusterName=caia
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld}
SlurmdPort={slurmd}
SlurmUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/ended.txt
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
GresTypes=gpu
ReturnToService=2
KillWait=5
MinJobAge=300
SlurmctldTimeout=30
SlurmdTimeout=30
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=2000 Gres=gpu:a100:2 State=UNKNOWN
PartitionName=batch Nodes={host} Default=YES MaxTime=60 PriorityTier=1 PreemptMode=REQUEUE
PartitionName=urgent Nodes={host} MaxTime=60 PriorityTier=10 PreemptMode=OFF
"""


@dataclass
class Cluster:
    """`folder` holds everything of it; `variables` lead the commands to it."""

    folder: Path
    parts: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        return {"PATH": PATH, "SLURM_CONF": str(self.folder / "slurm.conf"), "LANG": "C.UTF-8"}

    @property
    def node(self) -> str:
        return socket.gethostname()

    def say(self, *words: str) -> str:
        answer = subprocess.run(words, env=self.variables, capture_output=True, text=True, timeout=60, check=False)
        return answer.stdout + answer.stderr

    def start(self, part: str) -> None:
        folder = self.folder
        words = {
            "munged": ["munged", "--foreground", "--force", f"--key-file={folder}/munge.key",
                       f"--socket={folder}/munge.socket", f"--pid-file={folder}/munge.pid",
                       f"--log-file={folder}/munge.log", f"--seed-file={folder}/munge.seed"],
            "slurmctld": ["slurmctld", "-D", "-f", f"{folder}/slurm.conf"],
            "slurmd": ["slurmd", "-D", "-f", f"{folder}/slurm.conf"],
        }[part]  # fmt: skip
        with (folder / f"{part}.out").open("ab") as out:
            program = str(shutil.which(words[0], path=PATH))
            self.parts[part] = subprocess.Popen(
                [program, *words[1:]], env=self.variables, stdout=out, stderr=out, cwd=folder, start_new_session=True,
                preexec_fn=end_with_parent,  # tests that are killed leave nothing behind
            )  # fmt: skip

    def kill(self, part: str) -> None:
        """Kill -9, as power cuts do."""
        self.parts[part].kill()
        self.parts[part].wait(30)

    def until_ready(self, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while "idle" not in (said := self.say("sinfo", "-h", "-o", "%T")) and "mix" not in said and "alloc" not in said:
            if time.monotonic() > end:
                told = "\n".join((self.folder / f"{part}.out").read_text()[-1500:] for part in self.parts)
                raise AssertionError(f"Slurm is not ready: {said}\n{told}")
            time.sleep(0.3)

    def close(self) -> None:
        with suppress(Exception):
            self.say("scancel", "--full", "--signal=KILL", "--user=root")
        for part in reversed(self.parts.values()):
            part.terminate()
            try:
                part.wait(15)
            except subprocess.TimeoutExpired:
                part.kill()
                part.wait(15)


@contextmanager
def clusters(folder: Path, cpus: int = 2) -> Iterator[Cluster]:
    """A cluster that takes jobs; gone at the end."""
    missing = [name for name in PROGRAMS if not shutil.which(name, path=PATH)]
    if missing or os.geteuid() != 0:
        pytest.skip(f"No Slurm here ({', '.join(missing) or 'it wants root'}): {HOW}")
    for name in ("state", "spool"):
        (folder / name).mkdir()
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o600)
    for number in (0, 1):
        os.mknod(folder / f"gpu{number}", 0o666 | 0o020000, os.makedev(1, 3))
    (folder / "gres.conf").write_text(f"Name=gpu Type=a100 File={folder}/gpu[0-1]\n")
    text = CONFIGURATION.format(
        host=socket.gethostname(), ctld=free_port(), slurmd=free_port(), user="root", folder=folder, cpus=cpus
    )
    (folder / "slurm.conf").write_text(text)
    cluster = Cluster(folder)
    try:
        cluster.start("munged")
        end = time.monotonic() + 20
        while not (folder / "munge.socket").exists() and time.monotonic() < end:
            time.sleep(0.1)
        cluster.start("slurmctld")
        cluster.start("slurmd")
        cluster.until_ready()
        yield cluster
    finally:
        cluster.close()
