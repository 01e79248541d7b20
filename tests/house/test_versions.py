"""No part below the version in which its known holes were closed (security.md 4.2), whatever the lock says."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, version

import pytest
from packaging.version import Version

from tests.house.source import ROOT

FLOORS = {
    "django": ("5.2.19", "SQL injection by _connector and order_by, cached Set-Cookie, file-write by spatial look-ups"),
    "djangorestframework": ("3.18.2", "charset=bz2_codec bomb, TokenProxy.delete() that revokes nothing"),
    "celery": ("5.2.2", "code execution by the result back end"),
    "jupyterhub": ("6.1.1", "sharing takeover, CSRF by Sec-Fetch-Mode, open redirect"),
    "jupyter-server": ("2.20.0", "stored XSS in nbconvert, root-dir prefix traversal"),
    "jupyterlab": ("4.6.6", "extension allow-list only in the GUI, token theft by command links"),
    "oauthenticator": ("17.4.0", "unverified e-mail as username"),
    "jupyterhub-kubespawner": ("0.12", "one server's name gives another user's server"),
}
ABSENT = {
    "jupyter-server-proxy": "unauthenticated websockets, SSRF",
    "nbgitpuller": "code execution by a link",
}
NEEDED_NOW = {"django", "celery", "jupyterhub", "oauthenticator"}


@pytest.mark.parametrize("name", sorted(FLOORS))
def test_a_part_is_not_below_its_floor(name):
    floor, why = FLOORS[name]
    try:
        installed = version(name)
    except PackageNotFoundError:
        assert name not in NEEDED_NOW, f"{name} is not installed"
        return
    assert Version(installed) >= Version(floor), why


@pytest.mark.parametrize("name", sorted(ABSENT))
def test_a_part_that_opens_a_hole_is_absent(name):
    with pytest.raises(PackageNotFoundError):
        version(name)


ENVIRONMENTS = sorted((ROOT / "environments").glob("*/uv.lock"))


@pytest.mark.parametrize("lock", ENVIRONMENTS, ids=lambda lock: lock.parent.name)
def test_what_researchers_work_in_keeps_the_same_floors(lock):
    packages = [(one["name"], one["version"]) for one in tomllib.loads(lock.read_text())["package"] if "version" in one]

    assert {name for name, _ in packages} >= {"jupyterhub", "jupyterlab", "jupyter-server"}
    assert {name for name, _ in packages} & set(ABSENT) == set()
    low = [f"{name} {one}" for name, one in packages if name in FLOORS and Version(one) < Version(FLOORS[name][0])]
    assert low == []


@pytest.mark.parametrize("lock", ENVIRONMENTS, ids=lambda lock: lock.parent.name)
def test_each_package_of_an_environment_has_a_reason(lock):
    lines = (lock.parent / "pyproject.toml").read_text().splitlines()

    assert [line for line in lines if line.startswith('  "') and not re.search(r'",\s+# \w', line)] == []


@pytest.mark.parametrize("lock", ENVIRONMENTS, ids=lambda lock: lock.parent.name)
def test_an_environment_is_made_of_wheels_whose_hashes_are_known(lock):
    packages = [one for one in tomllib.loads(lock.read_text())["package"] if "virtual" not in one["source"]]

    assert [one["name"] for one in packages if not one.get("wheels")] == []
    assert [one["name"] for one in packages for wheel in one["wheels"] if "sha256:" not in wheel["hash"]] == []


def test_tasks_and_results_travel_as_json_only(settings):
    assert settings.CELERY_ACCEPT_CONTENT == ["json"]
    assert getattr(settings, "CELERY_TASK_SERIALIZER", "json") == "json"
    assert settings.CELERY_TASK_IGNORE_RESULT
