"""What only Slurm has: doubts after sbatch, a controller that is gone, rank, GPUs by model, words for accounts."""

import re
import shutil

import pytest

from host.engines.base import Rejected, State, Unavailable, Wanted
from host.engines.slurm import SlurmBackend, _exit_code, _seconds
from host.engines.slurm_policy import CenterShare, ProjectShare, policy
from tests.live.site import until

slow = pytest.mark.slow
SLURM = pytest.mark.parametrize("bench", ["slurm"], indirect=True)


def with_programs(bench, folder, **programs):
    """The same backend with Slurm's own commands, but for those that do this; the real one is $real."""
    for name in ("sbatch", "squeue", "scancel", "sinfo"):
        real = shutil.which(name, path="/usr/bin:/bin")
        if name in programs:
            (folder / name).write_text(f"#!/bin/sh\nreal={real}\n{programs[name]}\n")
            (folder / name).chmod(0o755)
        else:
            (folder / name).symlink_to(real)
    backend = bench.again()
    return SlurmBackend(backend.slurm, backend.folder, backend.variables | {"PATH": f"{folder}:/usr/bin:/bin"})


@slow
@SLURM
def test_an_answer_that_never_came_is_looked_up_and_not_handed_in_twice(bench, tmp_path):
    """sbatch queued it, and its answer got lost."""
    deaf = with_programs(bench, tmp_path, sbatch='"$real" "$@" >/dev/null; echo Socket timed out >&2; exit 1')
    ref = deaf.submit(bench.spec("echo here; sleep 60"), "doubt", Wanted())
    bench.refs.append(ref)

    assert bench.submit("echo here; sleep 60", "doubt") == ref
    assert bench.cluster.say("squeue", "-h", "--states=all", "--name=doubt").count("\n") == 1


@slow
@SLURM
def test_where_nobody_knows_it_is_not_said_to_be_refused(bench, tmp_path):
    deaf = with_programs(bench, tmp_path, sbatch="echo Unable to contact slurm controller >&2; exit 1")

    with pytest.raises(Unavailable, match="Unable to contact"):
        deaf.submit(bench.spec("true"), "nobody-knows", Wanted())


@slow
@SLURM
def test_a_job_that_slurm_has_forgotten_is_still_known_by_what_its_script_left(bench, tmp_path):
    ref = bench.submit("exit 3")
    bench.over(ref)
    later = with_programs(bench, tmp_path, squeue="exit 0")

    assert later.find(ref.key).key == ref.key
    assert later.poll([ref])[ref].end.code == 3


@slow
@SLURM
def test_two_of_one_name_never_run_at_once(bench):
    ref = bench.submit("echo here; sleep 60", "twin")
    bench.runs(ref)
    place = bench.backend.folder / "twin"

    bench.cluster.say("sbatch", "--job-name=twin", "--dependency=singleton", str(place / "script"), str(place))

    told = bench.cluster.say("squeue", "-h", "--name=twin", "-o", "%T %r").splitlines()
    assert sorted(told) == ["PENDING Dependency", "RUNNING None"]
    bench.cluster.say("scancel", "--name=twin", "--state=PENDING")


@slow
@SLURM
def test_without_its_controller_nothing_is_known_and_afterwards_the_job_still_runs(bench):
    ref = bench.submit("echo here; sleep 120")
    bench.runs(ref)
    until(lambda: ref.key.encode() in (bench.cluster.folder / "state/job_state").read_bytes(), 30, "it is written down")
    bench.cluster.kill("slurmctld")
    try:
        with pytest.raises(Unavailable):
            bench.status(ref)
    finally:
        bench.cluster.start("slurmctld")
        bench.cluster.until_ready()

    until(lambda: bench.status(ref).state is State.RUNNING, 60, "it runs on")


@slow
@SLURM
def test_gpus_are_asked_for_by_model_and_counted(bench):
    ref = bench.submit("echo here; sleep 60", wanted=Wanted(gpus=1, model="a100"))

    assert "gres:gpu:a100:1" in bench.cluster.say("scontrol", "show", "job", ref.number)
    assert bench.backend.capabilities().gpus == {"a100": 2}


@slow
@SLURM
def test_a_job_of_a_higher_rank_takes_the_place_of_another(bench):
    low = bench.submit("echo here; sleep 120", wanted=Wanted(gpus=2, model="a100"))
    bench.runs(low)
    bench.submit("echo here; sleep 60", wanted=Wanted(gpus=2, model="a100", queue="urgent"))

    assert bench.over(low, 90).state is State.PREEMPTED


# ── what its programs print ─────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("said", "code"), [
    ("0", 0), ("768", 3), ("25344", 99), ("9", 137), ("3:0", 3), ("0:9", 137), ("", None), ("n/a", None),
])  # fmt: skip
def test_an_exit_code_is_read_as_a_shell_says_it(said, code):
    assert _exit_code(said) == code


@pytest.mark.parametrize(("said", "seconds"), [
    ("1:00:00", 3600.0), ("30:00", 1800.0), ("2-12:00:00", 216_000.0), ("infinite", None), ("", None),
])  # fmt: skip
def test_a_time_limit_is_read_in_seconds(said, seconds):
    assert _seconds(said) == seconds


# ── accounts ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_shares_and_budgets_become_a_tree_of_accounts():
    said = policy(
        "caia", [CenterShare("north", 30, 8, (ProjectShare("p1", "caia-p1", 6000),)), CenterShare("south", 70)]
    )
    parents = {words[4]: words[5] for words in said if words[2:4] == ("add", "account")}

    assert parents == {
        "caia": "description=alliance", "north": "parent=caia", "p1": "parent=north", "south": "parent=caia",
    }  # fmt: skip
    lines = [" ".join(words) for words in said]
    assert "sacctmgr --immediate modify account where name=north set fairshare=30 grptres=gres/gpu=8" in lines
    assert "sacctmgr --immediate modify account where name=p1 set fairshare=1 grptresmins=gres/gpu=6000" in lines
    assert "sacctmgr --immediate add user caia-p1 account=p1 defaultaccount=p1" in lines
    assert "sacctmgr --immediate modify account where name=south set fairshare=70 grptres=gres/gpu=-1" in lines
    assert all(re.fullmatch(r"[\w=/,.-]+", word) for words in said for word in words)


@pytest.mark.parametrize("name", ["", "-n", "a b", "x;rm", "A", "a,b"])
def test_a_name_that_sacctmgr_would_read_as_more_is_refused(name):
    with pytest.raises(Rejected):
        policy("caia", [CenterShare(name, 1)])


@pytest.mark.parametrize("center", [CenterShare("north", 0), CenterShare("north", 1, -1)])
def test_a_share_or_a_limit_that_says_nothing_is_refused(center):
    with pytest.raises(Rejected):
        policy("caia", [center])
