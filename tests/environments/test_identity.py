"""An environment's hash says what is in it: the same for the same lock, another for another."""

import shutil

import pytest

import environments
from tests.door.conftest import run_caia


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of environments/ that a test may change."""
    copied = tmp_path / "environments"
    shutil.copytree(environments.FOLDER, copied)
    monkeypatch.setattr(environments, "FOLDER", copied)
    return copied


def test_each_environment_is_named_alone_and_with_each_of_its_layers():
    assert environments.names() == ["python-cancer", "python-cancer+torch-cpu"]


def test_the_hash_stays_the_same_elsewhere(tmp_path, monkeypatch):
    before = environments.environment_hash("python-cancer")
    shutil.copytree(environments.FOLDER, tmp_path / "elsewhere")
    monkeypatch.setattr(environments, "FOLDER", tmp_path / "elsewhere")

    assert environments.environment_hash("python-cancer") == before
    assert len(before) == 64


def test_another_lock_is_another_environment(folder):
    before = environments.environment_hash("python-cancer")
    lock = folder / "python-cancer" / "uv.lock"
    lock.write_text(lock.read_text().replace("sha256:", "sha256:0", 1))

    assert environments.environment_hash("python-cancer") != before


def test_a_layer_is_an_environment_of_its_own(folder):
    with_layer = environments.environment_hash("python-cancer+torch-cpu")
    layer = folder / "python-cancer" / "layers" / "torch-cpu.txt"
    layer.write_text(layer.read_text().replace("2.13.0", "2.13.1"))

    assert with_layer != environments.environment_hash("python-cancer")
    assert with_layer != environments.environment_hash("python-cancer+torch-cpu")


def test_another_line_of_python_is_another_environment(monkeypatch):
    before = environments.environment_hash("python-cancer")
    monkeypatch.setattr("sys.version_info", (3, 99, 0))

    assert environments.environment_hash("python-cancer") != before


def test_a_reason_in_pyproject_may_be_reworded(folder):
    before = environments.environment_hash("python-cancer")
    project = folder / "python-cancer" / "pyproject.toml"
    project.write_text(project.read_text() + "# one word more\n")

    assert environments.environment_hash("python-cancer") == before


@pytest.mark.parametrize("name", ["python-cancr", "python-cancer+torch", "", "../python-cancer"])
def test_an_environment_that_there_is_not(name):
    with pytest.raises(KeyError):
        environments.environment_hash(name)


def test_the_front_door_names_what_there_is(tmp_path):
    answer = run_caia(tmp_path, "environment", "python-cancr")

    assert answer.returncode == 1
    assert answer.stderr.strip().splitlines() == [
        "caia: there is no environment 'python-cancr'.",
        "      These there are: python-cancer, python-cancer+torch-cpu.",
    ]


def test_the_front_door_says_which_are_built(tmp_path):
    answer = run_caia(tmp_path, "environment")

    assert [line.split()[0] for line in answer.stdout.splitlines()] == environments.names()
    assert answer.stdout.count("not built") == 2
