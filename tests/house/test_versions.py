"""No part below the version in which its known holes were closed (security.md 4.2), whatever the lock says."""

from importlib.metadata import PackageNotFoundError, version

import pytest
from packaging.version import Version

FLOORS = {
    "django": ("5.2.19", "SQL injection by _connector and order_by, cached Set-Cookie, file-write by spatial look-ups"),
    "djangorestframework": ("3.18.2", "charset=bz2_codec bomb, TokenProxy.delete() that revokes nothing"),
    "celery": ("5.2.2", "code execution by the result back end"),
    "jupyterhub": ("5.5.1", "sharing takeover, CSRF by Sec-Fetch-Mode, open redirect"),
    "jupyter-server": ("2.20.0", "stored XSS in nbconvert, root-dir prefix traversal"),
    "jupyterlab": ("4.6.6", "extension allow-list only in the GUI, token theft by command links"),
    "oauthenticator": ("17.4.0", "unverified e-mail as username"),
    "jupyterhub-kubespawner": ("0.12", "one server's name gives another user's server"),
}
ABSENT = {
    "jupyter-server-proxy": "unauthenticated websockets, SSRF",
    "nbgitpuller": "code execution by a link",
}
NEEDED_NOW = {"django", "celery"}


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


def test_tasks_and_results_travel_as_json_only(settings):
    assert settings.CELERY_ACCEPT_CONTENT == ["json"]
    assert getattr(settings, "CELERY_TASK_SERIALIZER", "json") == "json"
    assert settings.CELERY_TASK_IGNORE_RESULT
