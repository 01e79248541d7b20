"""A job of Slurm that was handed in twice all the same: by two hosts at once, or by an answer that came too late."""

import pytest

from host.engines.base import State, Wanted
from host.engines.slurm import _handed_in
from tests.live.site import until

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("bench", ["slurm"], indirect=True)]


def unseen(bench, key: str) -> str:
    """Another host hands the same in, having seen nothing of the first; the number of its job."""
    return bench.backend._run(*_handed_in(key, bench.backend.folder / key, Wanted())).stdout.strip()


def state_of(bench, number: str) -> str:
    return bench.cluster.say("squeue", "--noheader", "--states=all", f"--jobs={number}", "--format=%T %r").strip()


def test_a_second_one_waits_for_the_first_and_is_taken_away_by_whoever_looks(bench):
    ref = bench.submit("echo once >> note; echo here; sleep 60", "doubled")
    bench.runs(ref)
    second = unseen(bench, "doubled")
    until(lambda: state_of(bench, second) == "PENDING Dependency", 30, "the second waits for the first")

    assert bench.again().find("doubled") == ref
    until(lambda: state_of(bench, second).startswith("CANCELLED"), 30, "the second is taken away")
    assert bench.status(ref).state is State.RUNNING
    assert bench.home("note").read_text() == "once\n"


def test_the_first_one_is_the_job_also_when_it_is_over(bench):
    ref = bench.submit("echo here; sleep 1; exit 7", "doubled-over")
    bench.runs(ref)
    unseen(bench, "doubled-over")
    bench.backend.find("doubled-over")

    assert bench.over(ref).end.code == 7
    assert bench.again().find("doubled-over") == ref
    assert bench.again().submit(bench.spec("true"), "doubled-over") == ref
