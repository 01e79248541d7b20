"""What the portal reads at its start: it says all that is missing, and does not start where that would be unsafe."""

import os
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured

from caia_portal.environment import VARIABLES, Environment
from tests.house.source import ROOT

GOOD = {
    "CAIA_SECRET_KEY": "".join(chr(65 + 7 * n % 57) for n in range(60)),
    "CAIA_BASE_URL": "https://portal.cancer-alliance.org",
    "DATABASE_URL": "postgresql://portal:p%40ss@db.internal:5432/caia",
    "REDIS_URL": "redis://cache.internal:6379/0",
    "S3_ENDPOINT_URL": "",
    "S3_ACCESS_KEY_ID": "key",
    "S3_SECRET_ACCESS_KEY": "secret",
}


def test_a_whole_environment_starts():
    environment = Environment(GOOD)

    assert environment.host == "portal.cancer-alliance.org"
    assert environment.is_encrypted
    assert not environment.is_loopback
    assert not environment.demo


def test_all_that_is_missing_is_named_at_once():
    with pytest.raises(ImproperlyConfigured) as refused:
        Environment({})

    for variable in VARIABLES:
        assert (variable.name in str(refused.value)) == (variable.default is None)


@pytest.mark.parametrize("name", [variable.name for variable in VARIABLES if variable.default is None])
def test_each_needed_setting_is_missed_by_its_name(name):
    with pytest.raises(ImproperlyConfigured, match=name):
        Environment({key: value for key, value in GOOD.items() if key != name})


def test_every_secret_must_be_stated_on_a_server():
    assert [v.name for v in VARIABLES if v.secret and v.default not in {None, ""}] == []


@pytest.mark.parametrize("length", [0, 1, 49])
def test_a_short_secret_is_refused(length):
    with pytest.raises(ImproperlyConfigured, match="CAIA_SECRET_KEY is shorter than 50"):
        Environment({**GOOD, "CAIA_SECRET_KEY": "x" * length})


def test_a_secret_of_fifty_characters_is_enough():
    assert Environment({**GOOD, "CAIA_SECRET_KEY": "x" * 50})["CAIA_SECRET_KEY"]


PUBLIC = ["portal.example.org", "10.0.0.5", "0.0.0.0", "192.168.1.4", "localhost.example.org", "127.0.0.1.nip.io"]
LOOPBACK = ["localhost", "127.0.0.1", "[::1]", "portal.localhost", "LOCALHOST"]


@pytest.mark.parametrize("host", PUBLIC)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_demo_refuses_a_public_host(scheme, host):
    with pytest.raises(ImproperlyConfigured, match="anyone become anyone"):
        Environment({**GOOD, "CAIA_DEMO": "1", "CAIA_BASE_URL": f"{scheme}://{host}"})


@pytest.mark.parametrize("host", LOOPBACK)
def test_the_demo_runs_on_this_machine(host):
    assert Environment({**GOOD, "CAIA_DEMO": "1", "CAIA_BASE_URL": f"http://{host}:8000"}).demo


@pytest.mark.parametrize("host", PUBLIC)
def test_plain_http_beyond_this_machine_is_refused(host):
    with pytest.raises(ImproperlyConfigured, match="must be https"):
        Environment({**GOOD, "CAIA_BASE_URL": f"http://{host}"})


@pytest.mark.parametrize("url", ["", "portal.example.org", "https://", "//portal.example.org"])
def test_an_address_without_a_host_is_refused(url):
    with pytest.raises(ImproperlyConfigured):
        Environment({**GOOD, "CAIA_BASE_URL": url})


@pytest.mark.parametrize("scheme", ["ftp", "HTTPX", "javascript"])
def test_an_address_of_another_kind_is_refused(scheme):
    with pytest.raises(ImproperlyConfigured):
        Environment({**GOOD, "CAIA_BASE_URL": f"{scheme}://localhost"})


@pytest.mark.parametrize("url", ["", "sqlite:///db", "mysql://a@b/c", "postgresql://a@b", "postgresql://a@b/"])
def test_only_postgresql_is_a_database(url):
    with pytest.raises(ImproperlyConfigured, match="postgresql://"):
        Environment({**GOOD, "DATABASE_URL": url}).database()


def test_a_database_address_is_taken_apart():
    assert Environment(GOOD).database() == {
        "NAME": "caia",
        "USER": "portal",
        "PASSWORD": "p@ss",
        "HOST": "db.internal",
        "PORT": "5432",
    }


@pytest.mark.slow
def test_a_server_without_its_settings_says_so_and_stops():
    answer = _manage({}, "check")

    assert answer.returncode != 0
    assert all(name in answer.stderr for name in GOOD)


@pytest.mark.slow
def test_a_server_is_ready_for_deployment_in_djangos_own_eyes():
    answer = _manage(GOOD, "check", "--deploy", "--fail-level", "WARNING")

    assert answer.returncode == 0, answer.stderr
    assert "no issues" in answer.stdout


def _manage(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "manage.py", *words]
    return subprocess.run(command, cwd=ROOT, env=kept | environment, capture_output=True, text=True, check=False)
