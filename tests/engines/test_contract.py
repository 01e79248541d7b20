"""The contract of backends, the same cases for each; Slurm is a real one, of one machine."""

import os
import signal
from dataclasses import replace

import pytest

from host.engines.base import ExternalRef, LogChunk, Rejected, State, Wanted
from sandbox.ends import Why
from sandbox.spec import MB
from tests.live.site import until

pytestmark = pytest.mark.slow
BOTH = pytest.mark.parametrize("bench", ["local", "slurm"], indirect=True)


@BOTH
def test_what_is_submitted_twice_runs_once(bench):
    first = bench.submit("echo once >> note; echo here; sleep 1", "twice")
    second = bench.submit("echo once >> note; echo here; sleep 1", "twice")

    assert first == second
    assert bench.over(first).state is State.COMPLETE
    assert bench.submit("echo once >> note", "twice").key == "twice", "nor after its end"
    assert bench.home("note").read_text() == "once\n"


@BOTH
def test_who_crashed_after_submitting_finds_it_by_its_key(bench):
    ref = bench.submit("echo here; sleep 60", "adopted")
    bench.runs(ref)

    other = bench.again()

    assert other.find("adopted") == ref
    assert other.poll([ref])[ref].state is State.RUNNING
    other.cancel(ref, 0)
    assert bench.over(ref).state is State.CANCELED
    assert other.find("never-heard-of") is None


@BOTH
def test_of_what_it_never_heard_it_says_so(bench):
    stranger, ref = ExternalRef("stranger", "999999"), bench.submit("true")

    told = bench.backend.poll([stranger, ref])

    assert told[stranger].state is State.UNKNOWN
    assert told[ref].state is not State.UNKNOWN
    bench.backend.cancel(stranger, 0)
    bench.backend.attend(stranger)
    bench.backend.forget(stranger)
    assert bench.backend.poll([]) == {}


@BOTH
def test_what_waits_is_cancelled_before_it_starts(bench):
    if "cancel before start" in bench.backend.capabilities().cannot:
        assert not bench.backend.capabilities().has_queue
        return
    hog = bench.submit("echo here; sleep 60", cpus=2.0)
    bench.runs(hog)
    ref = bench.submit("echo started >> note", cpus=2.0)
    assert bench.status(ref).state is State.QUEUED

    bench.backend.cancel(ref, 10)

    assert bench.over(ref, 20).state is State.CANCELED
    assert not bench.home("note").exists()


@BOTH
def test_a_cancel_gives_its_grace_and_may_be_said_twice(bench):
    ref = bench.submit("trap 'echo saved > note; exit 3' TERM; echo here; while :; do sleep 0.1; done", grace=20)
    bench.runs(ref)

    bench.backend.cancel(ref, 20)
    bench.backend.cancel(ref, 20)

    status = bench.over(ref)
    assert (status.state, status.end.why) == (State.CANCELED, Why.STOPPED)
    assert bench.home("note").read_text() == "saved\n"
    bench.backend.cancel(ref, 0)


@BOTH
def test_what_ignores_a_cancel_is_ended_after_its_grace_with_all_that_it_started(bench):
    ref = bench.submit("trap '' TERM; (sleep 612) & echo here; while :; do sleep 0.1; done", grace=2)
    bench.runs(ref)

    bench.backend.cancel(ref, 2)

    assert bench.over(ref, 30).state is State.CANCELED
    until(lambda: not _runs("sleep\x00612"), 10, "nothing of it is left")


def _runs(words: str) -> bool:
    """Whether any program of this machine has these words."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                if file.read().startswith(words):
                    return True
        except OSError:
            continue
    return False


@BOTH
def test_logs_are_read_by_the_byte_and_there_is_nothing_past_their_end(bench):
    ref = bench.submit("printf 'here and there'")
    bench.over(ref)

    assert bench.backend.logs(ref, 5, 3) == LogChunk(b"and", 8, False)
    assert bench.backend.logs(ref, 9, 1000) == LogChunk(b"there", 14, True)
    assert bench.backend.logs(ref, 5000, 10) == LogChunk(b"", 5000, True)


@BOTH
def test_what_needs_too_much_memory_says_so(bench):
    eats = "import time; kept = bytearray(300 << 20); kept[::4096] = b'x' * len(kept[::4096]); time.sleep(30)"
    ref = bench.submit(f'echo here; exec /usr/bin/python3 -c "{eats}"', memory=64 * MB)

    status = bench.over(ref, 90)

    assert status.state is State.EXECUTOR_ERROR
    assert status.end.why is Why.MEMORY


@BOTH
@pytest.mark.parametrize("code", [1, 7, 99])
def test_the_programs_own_exit_code_is_kept(bench, code):
    status = bench.over(bench.submit(f"exit {code}"))

    assert (status.state, status.end.why, status.end.code) == (State.EXECUTOR_ERROR, Why.FINISHED, code)


@BOTH
def test_what_ended_by_a_signal_says_which(bench):
    status = bench.over(bench.submit("kill -SEGV $$"))

    assert (status.end.why, status.end.code) == (Why.SIGNAL, 139)


@BOTH
def test_what_was_carried_by_something_that_broke_is_lost(bench):
    ref = bench.submit("echo here; sleep 60")
    bench.runs(ref)

    try:
        if bench.is_slurm:
            bench.cluster.say("scontrol", "update", f"NodeName={bench.cluster.node}", "State=DOWN", "Reason=fire")
        else:
            keepers = [one for one in bench.place.backend.state.glob("runs/*") if bench.place.backend.find(one)]
            os.kill(bench.place.backend.find(keepers[0])._state()["pid"], signal.SIGKILL)
        status = bench.over(ref)
    finally:
        if bench.is_slurm:
            bench.cluster.say("scontrol", "update", f"NodeName={bench.cluster.node}", "State=RESUME")
            bench.cluster.until_ready()

    assert (status.state, status.end.why) == (State.SYSTEM_ERROR, Why.LOST)


@BOTH
def test_what_it_can_never_give_is_refused_at_once(bench):
    with pytest.raises(Rejected):
        bench.submit("true", "too-much", Wanted(gpus=3))
    with pytest.raises(Rejected, match="can't be a key"):
        bench.submit("true", "../elsewhere")
    if bench.is_slurm:
        for wanted in (Wanted(gpus=1, model="h200"), Wanted(queue="nowhere")):
            with pytest.raises(Rejected):
                bench.submit("true", "too-much", wanted)
    assert bench.backend.find("too-much") is None


@BOTH
def test_what_nobody_looks_after_ends_itself(bench):
    ref = bench.submit("echo here; sleep 60", unattended=2)
    bench.runs(ref)

    until(lambda: bench.status(ref).end, 30, "it has ended by itself")


@pytest.mark.long
@BOTH
def test_the_time_limit_ends_it(bench):
    spec = bench.spec("echo here; sleep 300")
    ref = bench.backend.submit(replace(spec, limits=replace(spec.limits, seconds=2, grace=1)), spec.name, Wanted())
    bench.refs.append(ref)

    status = bench.over(ref, 180)

    assert (status.state, status.end.why) == (State.EXECUTOR_ERROR, Why.TIME)
