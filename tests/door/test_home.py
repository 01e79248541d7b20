"""CAIA_HOME: secrets made once and kept private, ports that are free, files that are whole."""

import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from door import vendor
from door.account import service_account
from door.ground import Ground, outside_parts
from door.home import Home, main_home
from door.launch import _serving


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


def _ground(home: Home, **more: object) -> Ground:
    ports = {"postgres": 20001, "redis": 20002, "s3": 20003, "web": 20004}
    return Ground(home, service_account(home.root), ports=ports, **more)  # type: ignore[arg-type]


def test_a_secret_is_made_once_and_private(home: Home) -> None:
    first = home.secret("redis")
    assert first == Home(home.root).secret("redis")
    assert len(home.secret("secret_key")) >= 50
    assert len({home.secret(name) for name in ("postgres", "owner", "portal", "redis", "s3_secret")}) == 5
    assert stat.S_IMODE((home.root / "secrets").stat().st_mode) == 0o600


def test_a_torn_file_counts_as_missing(home: Home) -> None:
    (home.root / "ports").write_text('{"web": 80')
    assert home.read("ports") == {}


def test_ports_are_distinct_and_stay_the_same(home: Home) -> None:
    first = home.ports(["web", "redis", "s3"])
    assert len(set(first.values())) == 3
    assert home.ports(["web", "redis", "s3"]) == first


def test_a_port_that_was_taken_meanwhile_is_replaced(home: Home, taken_port: int) -> None:
    home.write("ports", {"redis": taken_port})
    assert home.ports(["redis"])["redis"] != taken_port


def test_a_wished_port_is_kept_for_next_time(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        free = listening.getsockname()[1]
    assert home.ports(["web"], wished=free) == {"web": free}
    assert home.ports(["web"]) == {"web": free}


def test_only_one_holds_a_lock(home: Home) -> None:
    first = home.lock("up.lock")
    assert first is not None
    assert home.lock("up.lock") is None
    first.close()
    again = home.lock("up.lock")
    assert again is not None
    again.close()


def test_caia_home_moves_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CAIA_HOME", str(tmp_path / "elsewhere"))
    assert main_home().root == tmp_path / "elsewhere"


def test_the_portal_and_the_owner_have_roles_of_their_own(home: Home) -> None:
    ground = _ground(home)
    values = ground.environment()
    assert "//caia_portal:" in values["DATABASE_URL"]
    assert "//caia_owner:" in ground.owner_url()
    assert home.secret("owner") not in " ".join(values.values())
    assert "CAIA_DEMO" not in values
    assert _ground(home, is_demo=True).environment()["CAIA_DEMO"] == "1"


def test_a_serving_process_never_gets_the_owners_address(home: Home) -> None:
    _ground(home).keep_environment()
    kept = home.root / "env"
    assert "DATABASE_OWNER_URL=" in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    served = _serving(str(kept))
    assert "DATABASE_URL" in served
    assert "DATABASE_OWNER_URL" not in served


def test_an_outside_database_is_used_as_it_is(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://portal@db.example.org/portal")
    ground = _ground(home, outside=outside_parts())
    assert ground.environment()["DATABASE_URL"] == "postgresql://portal@db.example.org/portal"
    assert ground.owner_url() == "postgresql://portal@db.example.org/portal"
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgresql://owner@db.example.org/portal")
    assert ground.owner_url() == "postgresql://owner@db.example.org/portal"


def test_front_end_parts_are_what_the_lock_made() -> None:
    assert vendor.problems() == []


def test_a_changed_front_end_part_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "static" / "vendor"
    folder.mkdir(parents=True)
    (folder / "a.js").write_text("good")
    (tmp_path / "icons.txt").write_text("bell")
    monkeypatch.setattr(vendor, "REPO", tmp_path)
    monkeypatch.setattr(vendor, "VENDOR", folder)
    monkeypatch.setattr(vendor, "LOCK", folder / "LOCK")
    monkeypatch.setattr(vendor, "_SOURCES", (tmp_path / "icons.txt",))
    vendor.LOCK.write_text("".join(f"{line}\n" for line in vendor._lines()))
    assert vendor.problems() == []
    (folder / "a.js").write_text("bad")
    (folder / "b.js").write_text("strange")
    assert vendor.problems() == [
        "static/vendor/a.js is not what static/vendor/LOCK says",
        "static/vendor/b.js is not what static/vendor/LOCK says",
    ]
