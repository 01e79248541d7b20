"""What a build leaves: movable, whole or not at all, the same each time."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import environments as named
from door import environments, interpreter
from door.home import locked
from door.say import Trouble

# Where a package is imported by another name than the one it is installed by.
IMPORTED_AS = {
    "scikit-learn": "sklearn",
    "scikit-image": "skimage",
    "pillow": "PIL",
    "openslide-python": "openslide",
    "openslide-bin": "openslide_bin",
}


@pytest.fixture
def base(tmp_path, monkeypatch):
    """An empty folder of environments; what was built there takes too much room to be left."""
    folder = tmp_path / "environments"
    folder.mkdir()
    monkeypatch.setenv("CAIA_ENVIRONMENTS", str(folder))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def moved(environment):
    """The built environment under another path, by links to the same bytes; read it, don't write it."""
    elsewhere = environment.with_name(f"moved-{os.getpid()}")
    subprocess.run(["cp", "-al", environment, elsewhere], check=True)
    yield elsewhere
    shutil.rmtree(elsewhere)


def run(*words, **around):
    return subprocess.run(
        words,
        env={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1", **around},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


# ── the built one ───────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.slow
def test_it_runs_from_where_it_is_put(moved):
    answer = run(moved / "bin" / "python3", "-I", "-c", "import sys, numpy; print(sys.prefix, numpy.__file__)")
    prefix, numpy = answer.stdout.split()

    assert prefix == str(moved), answer.stderr
    assert numpy.startswith(str(moved))


@pytest.mark.slow
def test_a_launcher_finds_the_python_beside_it(moved):
    answer = run(moved / "bin" / "jupyterhub-singleuser", "--version", HOME=str(moved.parent))

    assert answer.stdout.strip() == environments.manifest("python-cancer")["packages"]["jupyterhub"], answer.stderr


@pytest.mark.slow
def test_nothing_in_it_names_where_it_was_built(environment):
    answer = run("grep", "-rlF", f".building-{environment.name}", environment)

    assert answer.stdout.splitlines() == []


@pytest.mark.slow
def test_every_package_it_promises_is_there_and_loads(environment):
    project = named.FOLDER / "python-cancer" / "pyproject.toml"
    promised = [Requirement(line).name for line in tomllib.loads(project.read_text())["project"]["dependencies"]]
    modules = [IMPORTED_AS.get(name, name) for name in promised]
    answer = run(
        environment / "bin" / "python3", "-I", "-W", "error::ImportWarning", "-c", f"import {', '.join(modules)}"
    )

    assert answer.returncode == 0, answer.stderr


@pytest.mark.slow
def test_its_packages_are_those_of_the_lock_and_no_others(environment):
    lock = tomllib.loads((named.FOLDER / "python-cancer" / "uv.lock").read_text())
    locked_versions = {(package["name"], package.get("version")) for package in lock["package"]}
    site = [str(path) for path in environment.glob("lib*/python3*/*-packages")]
    installed = {
        (found.name.lower().replace("_", "-").replace(".", "-"), found.version) for found in distributions(path=site)
    }

    assert len(installed) > 100
    assert installed <= locked_versions


@pytest.mark.slow
def test_what_each_package_lists_is_what_lies_there(environment):
    """The lists were put right where a launcher was rewritten."""
    wrong = []
    for record in environment.glob("lib*/python3*/*-packages/*.dist-info/RECORD"):
        for line in record.read_text().splitlines():
            name, _, rest = line.partition(",")
            if name.startswith("../") and rest.startswith("sha256="):
                digest = hashlib.sha256((record.parent.parent / name).read_bytes()).digest()
                if rest.split(",")[0] != f"sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}":
                    wrong.append(name)

    assert wrong == []


@pytest.mark.slow
def test_asking_again_builds_nothing(environment, monkeypatch):
    monkeypatch.setattr(environments, "_build", lambda *_: pytest.fail("built again"))

    assert environments.make_ready("python-cancer") == environment


@pytest.mark.long
def test_what_was_built_is_still_what_lies_there(environment):
    assert environments.verify("python-cancer") == 0


@pytest.mark.long
def test_two_builds_are_the_same_byte_for_byte(environment, base):
    again = environments.make_ready("python-cancer")

    assert again != environment
    assert json.loads((again / environments.MANIFEST).read_text()) == json.loads(
        (environment / environments.MANIFEST).read_text()
    )


@pytest.mark.long
@pytest.mark.skipif(
    not (os.environ.get("UV_FIND_LINKS") or os.environ.get("PIP_FIND_LINKS")) or sys.version_info[:2] != (3, 11),
    reason="PyTorch's CPU wheel for Python 3.11 comes from a folder that UV_FIND_LINKS names, and none is named",
)
def test_the_layer_brings_pytorch(base):
    folder = environments.make_ready("python-cancer+torch-cpu")
    answer = run(
        folder / "bin" / "python3",
        "-I",
        "-c",
        "import torch; print((torch.ones(2, 3) @ torch.ones(3, 2)).sum().item())",
    )

    assert answer.stdout.strip() == "12.0", answer.stderr


# ── verifying ───────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def small(base):
    """Two files that pass for python-cancer, noted as they are."""
    folder = environments.folder_of("python-cancer")
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python3").write_text("one")
    (folder / "bin" / "python").symlink_to("python3")
    content, size = environments._content(folder)
    (folder / environments.MANIFEST).write_text(json.dumps({"content": content, "bytes": size}))
    return folder


def test_an_untouched_environment_is_what_was_built(small):
    assert environments.verify("python-cancer") == 0


@pytest.mark.parametrize(
    "touch",
    [
        lambda folder: (folder / "bin" / "python3").write_text("two"),
        lambda folder: (folder / "bin" / "python3").chmod(0o755),
        lambda folder: (folder / "bin" / "python3").rename(folder / "python3"),
        lambda folder: (folder / "usercustomize.py").write_text(""),
        lambda folder: ((folder / "bin" / "python").unlink(), (folder / "bin" / "python").symlink_to("/bin/sh")),
    ],
    ids=["changed", "made to run", "moved", "added", "led elsewhere"],
)
def test_a_file_that_was_touched_is_noticed(small, touch):
    touch(small)

    with pytest.raises(Trouble, match="is not what was built"):
        environments.verify("python-cancer")


# ── a build that does not come to its end ───────────────────────────────────────────────────────────────────────────
def test_what_a_stopped_build_left_is_removed_unless_it_still_runs(base):
    (base / ".building-stopped").mkdir()
    (base / ".building-running").mkdir()
    with locked(base / ".lock-running"):
        environments._sweep()

    assert [path.name for path in base.glob(".building-*")] == [".building-running"]


def test_a_build_that_fails_leaves_nothing_under_the_hash(base, monkeypatch):
    def fails(*_):
        raise Trouble("The packages could not be installed: the package registry cannot be reached.")

    monkeypatch.setattr(environments, "_install", fails)

    with pytest.raises(Trouble, match="registry cannot be reached"):
        environments.make_ready("python-cancer")
    assert not environments.folder_of("python-cancer").exists()
    assert environments.manifest("python-cancer") == {}


def test_what_takes_too_long_ends_with_all_that_it_started(tmp_path):
    """A sleeper that has started another: neither is left."""
    note = tmp_path / "pid"
    words = ["sh", "-c", f"sleep 60 & echo $! > {note}; wait"]

    with pytest.raises(Trouble, match="took more than 0 minutes"):
        environments._answer(words, {"PATH": os.defpath}, 0.2, "It was tried")

    state = Path(f"/proc/{note.read_text().strip()}/stat")
    for _ in range(100):  # the kernel takes a moment
        if is_over := not state.exists() or state.read_text().split()[2] == "Z":
            break
        time.sleep(0.05)
    assert is_over


def test_a_full_disk_is_told_before_anything_is_fetched(base, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1_000_000_000))

    with pytest.raises(Trouble, match=r"1\.0 GB free") as told:
        environments.make_ready("python-cancer")
    assert "CAIA_ENVIRONMENTS" in told.value.way_out


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CAIA_ENVIRONMENTS", str(tmp_path / "file" / "environments"))

    with pytest.raises(Trouble, match="could not be built in"):
        environments.make_ready("python-cancer")


def test_verifying_what_is_not_built_says_how_to_build_it(base):
    with pytest.raises(Trouble) as told:
        environments.verify("python-cancer")
    assert told.value.way_out == "./caia environment python-cancer builds it."


# ── launchers ───────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "first",
    ["#!{python}", "#!/bin/sh\n'''exec' '{python}' \"$0\" \"$@\"\n' '''"],
    ids=["one line", "as where the path is too long for that"],
)
def test_a_launcher_runs_the_python_beside_it_and_its_package_lists_it_so(tmp_path, first):
    home = tmp_path / "built"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python3").symlink_to(sys.executable)
    (home / "bin" / "tell").write_text(
        f"{first.format(python=home / 'bin' / 'python3')}\nimport sys\nprint(sys.argv[1:])\n"
    )
    (home / "bin" / "shell").write_text("#!/bin/sh\necho shell\n")
    (home / "bin" / "tell").chmod(0o755)
    record = home / "lib" / "python3.11" / "site-packages" / "tell-1.dist-info" / "RECORD"
    record.parent.mkdir(parents=True)
    record.write_text("../../../bin/tell,sha256=old,1\ntell.py,sha256=kept,2\n")

    interpreter.free_launchers(home)
    shutil.move(home, tmp_path / "moved elsewhere")

    launcher = tmp_path / "moved elsewhere" / "bin" / "tell"
    assert run(launcher, "a b", "c").stdout == "['a b', 'c']\n"
    assert str(home) not in launcher.read_text()
    assert launcher.with_name("shell").read_text() == "#!/bin/sh\necho shell\n"
    first, second = (tmp_path / "moved elsewhere" / record.relative_to(home)).read_text().splitlines()
    assert first.endswith(f",{launcher.stat().st_size}")
    assert "old" not in first
    assert second == "tell.py,sha256=kept,2"
