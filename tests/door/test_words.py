"""Every trouble of the front door is one plain sentence and a way out, and no traceback."""

import os
import subprocess
from pathlib import Path

import pytest

from door import cluster, python_parts, vendor
from door.account import service_account
from door.ground import Ground
from door.home import REPO, Home
from door.say import Trouble
from tests.door.conftest import Caia, clean_environment, run_caia


def test_help_names_every_command(caia: Caia) -> None:
    said = caia("help").stdout
    for verb in ("up", "down", "status", "logs", "test", "check", "fix", "bench", "demo", "shell", "environment"):
        assert f"./caia {verb}" in said


def test_an_unknown_command_points_to_help(caia: Caia) -> None:
    answer = caia("strat")
    assert answer.returncode == 1
    assert answer.stderr.strip().splitlines() == [
        "caia: there is no command 'strat'.",
        "      ./caia help names them all.",
    ]


def test_a_python_that_is_too_old_is_named_by_the_shell(tmp_path: Path) -> None:
    for name in ("python3", "python"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    for name in ("dirname", "sh"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    answer = subprocess.run(
        [REPO / "caia", "up"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 1
    assert "Python 3.11 or newer is needed" in answer.stderr
    assert "apt-get install python3" in answer.stderr
    assert answer.stdout == ""


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    answer = run_caia(tmp_path / "file" / "home", "up")
    assert answer.returncode == 1
    assert "cannot be written" in answer.stderr
    assert "Set CAIA_HOME" in answer.stderr
    assert "Traceback" not in answer.stderr + answer.stdout


def test_a_full_disk_is_named() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this machine has no /dev/full")
    from door import home

    trouble = home._unwritable(Path("/x"), OSError(28, "No space left on device"))
    assert "full" in trouble.what
    assert "Free some space" in trouble.way_out


def test_status_of_a_home_where_nothing_runs(caia: Caia) -> None:
    answer = caia("status", "--json")
    assert answer.returncode == 3
    assert '"is_running": false' in answer.stdout


@pytest.mark.parametrize("verb", ["demo", "shell"])
def test_what_needs_a_running_copy_says_how_to_start_it(caia: Caia, verb: str) -> None:
    answer = caia(verb)
    assert answer.returncode == 1
    assert "It is not running." in answer.stderr
    assert "./caia up starts it." in answer.stderr


def test_without_network_the_first_start_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    uv = tmp_path / "uv"
    uv.write_text(
        "#!/bin/sh\necho 'error: Failed to fetch\n  cause: dns error: failed to lookup address' >&2\nexit 2\n"
    )
    uv.chmod(0o755)
    with pytest.raises(Trouble) as told:
        python_parts._sync([str(uv)])
    assert "the package registry cannot be reached" in told.value.what
    assert "Check the network" in told.value.way_out


def test_without_network_the_front_end_parts_of_the_clone_are_used(monkeypatch, capsys) -> None:
    def fail() -> None:
        raise Trouble("The front-end parts could not be fetched: the npm registry cannot be reached.")

    monkeypatch.setattr(vendor, "_is_stale", lambda: True)
    monkeypatch.setattr(vendor, "renew", fail)
    vendor.make_ready()
    assert "Going on with the files of static/vendor" in capsys.readouterr().out


def test_without_pip_and_uv_the_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_parts.os, "geteuid", lambda: 1000)
    with pytest.raises(Trouble) as told:
        python_parts._install_pip()
    assert "no pip" in told.value.what
    assert "apt-get install python3-venv" in told.value.way_out


def test_a_missing_system_library_names_its_package(home: Home) -> None:
    ground = Ground(home, service_account())
    said = "postgres: error while loading shared libraries: libz.so.1: cannot open shared object file"
    trouble = cluster._initdb_trouble(ground, said)
    assert "libz.so.1" in trouble.what
    assert "apt-get install zlib1g" in trouble.way_out


def test_a_database_of_another_version_is_left_alone(home: Home) -> None:
    (home.root / "postgres").mkdir()
    (home.root / "postgres" / "PG_VERSION").write_text("15\n")
    with pytest.raises(Trouble) as told:
        cluster.prepare(Ground(home, service_account()))
    assert "made by PostgreSQL 15" in told.value.what


def test_the_door_imports_nothing_but_the_standard_library(tmp_path: Path) -> None:
    names = ["__main__", "up", "trial", "status", "checks", "vendor"]
    code = "import sys; sys.path.insert(0, '.'); " + "; ".join(f"import door.{name}" for name in names)
    answer = subprocess.run(
        ["python3", "-I", "-S", "-c", code],
        cwd=REPO,
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.stderr == ""


def test_the_front_door_is_executable() -> None:
    assert os.access(REPO / "caia", os.X_OK)
    assert os.access(REPO / ".ci" / "run", os.X_OK)


def test_ci_runs_check_and_test_and_nothing_else() -> None:
    lines = [line for line in (REPO / ".ci" / "run").read_text().splitlines() if "./caia" in line]
    assert lines == ["./caia check || checked=$?", "./caia test || tested=$?"]
