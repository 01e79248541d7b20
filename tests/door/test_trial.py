"""What `./caia test` runs: everything at once on both cores, and what measures afterwards by itself."""

import sys

import pytest

from door import trial

BOTH = ["-n", "2", "--dist", "worksteal"]


@pytest.mark.parametrize(("words", "is_long", "passes"), [
    (["-q"], False, [[*BOTH, "-m", "not long", "-q"]]),
    (["-n0", "tests/x.py"], False, [["-m", "not long", "-n0", "tests/x.py"]]),
    ([], True, [[*BOTH, "-m", "not alone"], ["-m", "alone"]]),
    (["-m", "slow"], True, [[*BOTH, "-m", "slow"]]),
])  # fmt: skip
def test_what_measures_has_a_pass_of_its_own(words, is_long, passes):
    assert trial._passes(words, is_long=is_long) == passes


@pytest.mark.slow
@pytest.mark.parametrize(("ends", "code", "run"), [
    ([0, 0], 0, 2), ([1, 0], 1, 2), ([0, 1], 1, 2), ([0, 5], 0, 2), ([5, 1], 1, 2), ([5, 5], 5, 2), ([2, 0], 2, 1),
])  # fmt: skip
def test_one_failed_pass_is_a_failure_and_an_interruption_ends_it(tmp_path, monkeypatch, ends, code, run):
    """A stand-in for pytest ends with these codes."""
    told = tmp_path / "runs"
    program = f"import sys\nopen({str(told)!r}, 'a').write('x')\nsys.exit(int(sys.argv[1]))\n"
    (tmp_path / "pytest.py").write_text(program)
    monkeypatch.setattr(trial, "PYTHON", sys.executable)

    ended = trial._in_turn([[str(one)] for one in ends], {"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"})

    assert (ended, len(told.read_text())) == (code, run)
