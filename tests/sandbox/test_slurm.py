"""The batch script: what it asks of Slurm, and that nothing in a description can break out of its quotes."""

import subprocess
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from sandbox.slurm import Site, Slurm
from sandbox.spec import MB, Limits, ReadOnly, SandboxSpec

SPEC = SandboxSpec(
    name="job-7",
    command=("python3", "-c", "print('it''s')"),
    uid=300_000,
    read_only=(ReadOnly(Path("/srv/a b'c$(touch /tmp/never)"), PurePosixPath("/data/demo")),),
    limits=Limits(memory=1500 * MB, cpus=2.5, seconds=90, grace=20),
)


def directives(site, spec=SPEC):
    return [
        line.removeprefix("#SBATCH --") for line in Slurm(site).script(spec).splitlines() if line.startswith("#SBATCH")
    ]


def test_limits_are_asked_of_slurm():
    assert {"job-name=job-7", "mem=1500M", "cpus-per-task=3", "time=2", "export=NONE", "signal=B:TERM@20"} <= set(
        directives(Site())
    )


def test_a_site_names_its_partition_and_account():
    assert {"partition=trusted", "account=caia"} <= set(directives(Site(partition="trusted", account="caia")))
    assert not any(line.startswith("time") for line in directives(Site(), replace(SPEC, limits=Limits())))


def test_directives_come_before_the_first_command():
    """Slurm reads them no further."""
    lines = Slurm(Site()).script(SPEC).splitlines()
    last = max(at for at, line in enumerate(lines) if line.startswith("#SBATCH"))

    assert lines[0] == "#!/bin/bash"
    assert all(line.startswith("#") for line in lines[: last + 1])


def test_the_script_is_one_that_bash_can_read():
    answer = subprocess.run(["/bin/bash", "-n"], input=Slurm(Site()).script(SPEC), text=True, check=False)

    assert answer.returncode == 0


def test_a_hostile_path_stays_a_path():
    script = Slurm(Site()).script(SPEC)
    words = script[script.index("words=(") : script.index("\n)\n") + 2]
    said = subprocess.run(
        ["/bin/bash", "-c", f"stage=/s\n{words}\nprintf '%s\\0' \"${{words[@]}}\""], capture_output=True, check=True
    ).stdout.split(b"\0")

    assert b"/srv/a b'c$(touch /tmp/never)" in said
    assert b"/s/settings/passwd" in said
    assert not Path("/tmp/never").exists()


@pytest.mark.parametrize("field", ["constrains_memory", "constrains_cores"])
def test_what_a_site_constrains_is_promised_only_then(field):
    def kept(site):
        return {one.promise.name for one in Slurm(site).promises(SPEC) if one.kept}

    assert kept(Site(**{field: True})) - kept(Site()) == {"MEMORY" if field == "constrains_memory" else "CPU"}
